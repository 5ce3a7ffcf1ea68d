"""``daytwo bench``: what it prints, what it writes and how it ends. What is measured is made up; see tests/api for more."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from daytwo import _plugins
from daytwo.loadtest.report import Report
from daytwo.loadtest.verdict import Wanted
from loadtest.made import report, result, results


class Asked:
    """Stands for the api: remembers what it was asked, and answers with a report."""

    def __init__(self) -> None:
        self.answer: Report = report()
        self.given: dict[str, Any] = {}

    def __call__(self, target: str, **given: Any) -> Report:
        self.given = given | {"target": target}
        given["progress"]("warming up", 0.5)
        return self.answer


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked, load = Asked(), _plugins.load
    named = {"daytwo.api.bench:bench": asked}
    monkeypatch.setattr(_plugins, "load", lambda target, purpose: named.get(target) or load(target, purpose))
    return asked


def test_people_read_tables_a_curve_and_sentences(program, api: Asked):
    said = program("bench", "churn:3")
    assert (said.code, said.err) == (0, "")
    for words in (
        "churn:3 under load",
        "connections",
        "arriving/s",
        "┊ capacity 900/s",
        "● p99",
        "The knee is at 4",
        "Plan with",
    ):
        assert words in said.out
    assert api.given["target"] == "churn:3"
    assert (api.given["duration_s"], api.given["rate"], api.given["p99_s"], api.given["trust"]) == (
        60.0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_is_wider_than_the_terminal(program, api: Asked, monkeypatch: pytest.MonkeyPatch, columns: int):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    failing = result("open", 12345, 1.25, rate=98765.0, failed=43210, server_cpu=1.5)
    api.answer = report(Wanted(5000.0, 0.02), given=[*results(), failing])
    lines = program("bench", "churn:3").out.splitlines()
    assert lines
    assert max(map(len, lines)) <= max(columns, 80)


def test_programs_read_one_document(program, api: Asked):
    said = program("bench", "churn:3", "--json")
    assert (said.code, said.err) == (0, "")
    assert said.json["verdict"]["capacity_per_s"] == 900.0
    assert said.json["stages"][0]["send_lateness_p99_s"] is None


def test_scripts_read_the_capacity(program, api: Asked):
    assert program("bench", "churn:3", "--quiet").out == "900\n"


def test_flags_are_handed_on(program, api: Asked, tmp_path: Path):
    program("bench", "http://h", "--rate", "5", "--p99", "20", "--quick", "--workers", "2", "--clients", "3",
            "--connections", "64", "--data", tmp_path / "x.csv", "--trust")  # fmt: skip
    wanted = {"rate": 5.0, "p99_s": 0.02, "duration_s": 15.0, "workers": "2", "client_processes": 3,
              "max_connections": 64, "data": tmp_path / "x.csv", "trust": True}  # fmt: skip
    assert {name: api.given[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("wanted", "code", "words"),
    [
        (Wanted(800.0, 0.02), 0, "800 requests/s with a p99 within 20.0 ms is met"),
        (Wanted(5000.0), 1, "5,000 requests/s is not met"),
        (Wanted(p99_s=0.001), 1, "is not met"),
    ],
)
def test_the_exit_code_says_whether_it_is_met(program, api: Asked, wanted: Wanted, code: int, words: str):
    api.answer = report(wanted)
    said = program("bench", "churn:3")
    assert said.code == code
    assert said.out.rstrip().endswith(words)


def test_too_few_answers_are_no_verdict(program, api: Asked):
    api.answer = report(Wanted(50.0, 1.0), given=[result("open", 50, rate=50.0)])
    assert program("bench", "churn:3").code == 4


@pytest.mark.parametrize(("interrupted", "code"), [(True, 130), (False, 3)])
def test_what_ended_early_shows_what_was_measured(program, api: Asked, interrupted: bool, code: int):
    api.answer = report(given=results()[:4], ended="the server ended", interrupted=interrupted)
    said = program("bench", "churn:3")
    assert said.code == code
    assert "requests answered per second" in said.out
    assert said.err == "daytwo: ended early: the server ended\n"


def test_files_are_written(program, api: Asked, tmp_path: Path):
    said = program("bench", "churn:3", "--html", tmp_path / "a.html", "--png", tmp_path / "a.png")
    assert said.code == 0
    assert (tmp_path / "a.html").read_bytes().startswith(b"<!doctype html>")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "a.html" in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--rate", "0"], 2, "--rate: expected a number over 0"),
        (["--p99", "nan"], 2, "--p99"),
        (["--duration", "-1"], 2, "--duration"),
        (["--connections", "0"], 2, "--connections"),
        (["--html", "nowhere/a.html"], 3, "there is no folder nowhere"),
    ],
)
def test_wrong_use_is_said_before_anything_is_loaded(program, api: Asked, arguments: list[str], code: int, words: str):
    said = program("bench", "churn:3", *arguments)
    assert (said.code, said.out, api.given) == (code, "", {})
    assert words in said.err
    assert said.err.count("\n") == 1


def test_without_matplotlib_a_picture_says_what_to_install(
    program, api: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "daytwo.loadtest.png", raising=False)
    said = program("bench", "churn:3", "--png", tmp_path / "a.png")
    assert said.code == 3
    assert "pip install 'daytwo[plot]'" in said.err
    assert api.given == {}
