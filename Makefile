# Every verb sets up what it needs. Only Python 3.11+ and make have to be there; uv is used where it is.
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types format bench bench-peers docs clean

PY := .venv/bin/python
ARGS ?=
KEEP ?=
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## make the environment in .venv (every other verb does so by itself)
	@scripts/setup

demo: setup  ## the whole road on real data, in a minute; KEEP=1 leaves the server up
	@$(PY) -m daytwo demo $(if $(filter-out 0,$(KEEP)),--keep) $(ARGS)

test: lint types  ## lint, types and every test; ARGS='-m "not slow"' for the fast ones
	@$(PY) -m pytest $(ARGS)

lint: setup  ## ruff: rules and format
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup  ## mypy --strict
	@$(PY) -m mypy

format: setup  ## let ruff mend and format
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: setup  ## measure daytwo beside the plain FastAPI service; ARGS are handed on
	@$(PY) bench/run.py $(ARGS)

bench-peers:  ## measure daytwo beside its peers, each in an environment of its own; ARGS are handed on
	@scripts/setup bench
	@$(PY) bench/peers/run.py $(ARGS)

docs: setup  ## write the generated reference pages anew
	@$(PY) scripts/reference.py

clean:  ## remove the environment and every cache
	@rm -rf .venv .cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
