from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from daytwo.serving import logs


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("daytwo", "uvicorn")]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, handlers, level, propagate in before:
        logger.handlers, logger.level, logger.propagate = handlers, level, propagate


def test_json_is_one_object_a_line_with_extras_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("auto")  # not a terminal here
    logger = logging.getLogger("daytwo.serving")
    logger.info("loaded %s", "churn:3", extra={"rows": 64})
    try:
        raise ValueError("no\nway")
    except ValueError:
        logger.exception("failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["message"], first["level"], first["rows"]) == ("loaded churn:3", "info", 64)
    assert first["time"].endswith("+00:00")
    assert "ValueError: no" in second["error"]


def test_text_is_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("text")
    logging.getLogger("daytwo").warning("slow")
    line = capsys.readouterr().err
    assert line.endswith("WARNING slow\n")


def test_what_is_below_info_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json")
    logging.getLogger("daytwo").debug("detail")
    assert capsys.readouterr().err == ""
