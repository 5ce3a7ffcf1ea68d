"""What every test has: an environment of its own, and the command line as a function."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import settings

from daytwo import cli

# Two busy cores make any deadline a coin toss; what is slow shows in the duration of the whole.
settings.register_profile("daytwo", deadline=None, max_examples=60)
settings.load_profile("daytwo")


@dataclass(frozen=True)
class Said:
    """What the program said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it must be."""
        return json.loads(self.out)


class Program(Protocol):
    """The command line as a function."""

    def __call__(self, *arguments: str | Path) -> Said: ...


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of whoever runs the tests gets in, and nothing gets out into their home."""
    for name in os.environ:
        if name.startswith("DAYTWO_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DAYTWO_REGISTRY", str(tmp_path / "registry"))


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """The folder of the registry that this test uses, also where it is not named."""
    return tmp_path / "registry"


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Program:
    """``daytwo`` in this process: what it says, and its exit code."""

    def call(*arguments: str | Path) -> Said:
        capsys.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call
