"""The program as a whole: help, errors in one sentence, exit codes, suggestions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from daytwo import _plugins, cli, errors
from daytwo.cli import VERBS
from daytwo.cli.exit_codes import EXIT_CODES, MEANINGS, exit_code


def test_help_lists_every_verb(program):
    said = program("--help")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines() if line.startswith("  ") and line.split()[0] in VERBS]
    assert all(f"  {name} " in said.out for name in VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_has_help_with_an_example(program, name: str):
    said = program(name, "--help")
    assert said.code == 0
    assert "Example:" in said.out
    assert "--json" in said.out
    assert "--quiet" in said.out


def test_the_line_in_the_list_is_a_sentence():
    assert all(line[0].isupper() and line.endswith(".") for _, line in VERBS.values())


def test_the_version(program):
    assert program("--version").out.startswith("daytwo, version ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["serv"], "no command is called 'serv': did you mean 'serve'?"),
        (["frobnicate"], "there are demo, pack, check"),
        (["show"], "missing argument 'REF'"),
        (["show", "a", "--jsn"], "--json"),
        (["pack", "m.joblib", "--name", "a"], "--data"),
        (["pack", "m.joblib", "--name", "a", "--data", "d.csv", "--compile", "perhaps"], "auto"),
        (["promote", "Not A Name", "prod"], "cannot be a model name"),
        (["show", "nobody"], "unknown reference 'nobody'"),
        (["serve", "iris", "--port", "http"], "--port: expected an integer from 0 to 65535, got 'http'"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(program, arguments: list[str], words: str):
    said = program(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("daytwo: ")
    assert words in said.err
    assert said.err.count("\n") == 1


def failing(error: BaseException) -> click.Command:
    @click.command("failing")
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (errors.CorruptBundle("/b", "it is torn"), 1, "damaged"),
        (errors.OutsideFailure("the disk is full"), 3, "the disk is full"),
        (PermissionError(13, "Permission denied", "/registry"), 3, "PermissionError"),
        (ZeroDivisionError("division by zero"), 3, "unexpected: ZeroDivisionError: division by zero"),
        (KeyboardInterrupt(), 130, ""),
        (click.exceptions.Exit(4), 4, ""),
    ],
)
def test_an_error_has_its_code_and_no_stack_trace(program, monkeypatch, error, code: int, words: str):
    monkeypatch.setattr(_plugins, "load", lambda target, purpose: failing(error))
    said = program("list")
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert "Traceback" not in said.err


def test_debug_shows_the_stack_trace(program, monkeypatch):
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    monkeypatch.setattr(_plugins, "load", lambda target, purpose: failing(ZeroDivisionError()))
    assert "Traceback" in program("list").err


def test_every_error_has_an_exit_code_that_is_explained():
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.DaytwoError)]
    assert {exit_code(kind.__new__(kind)) for kind in kinds} <= set(MEANINGS)
    assert set(EXIT_CODES) <= set(kinds)


def run(*arguments: str, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "daytwo", *arguments], capture_output=True, text=True, check=False, **more
    )


def test_it_is_a_program(tmp_path: Path):
    done = run("list", "--json", "--registry", str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["models"] == []


def test_a_reader_that_leaves_is_not_an_error_to_be_traced():
    command = f"{sys.executable} -m daytwo --help | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
