"""A server as a process: ready or an error in one sentence, and gone when the block ends."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

import daytwo
import models
from daytwo.demo.server import running
from daytwo.errors import OutsideFailure

pytestmark = pytest.mark.slow


@pytest.fixture
def iris() -> str:
    model, X, y = models.iris()
    return daytwo.pack(model, X, y, name="iris").reference


def test_it_answers_and_is_gone_afterwards(iris: str, registry: Path, tmp_path: Path):
    with running([iris], registry, tmp_path / "log") as server:
        answer = server.ask("POST", "/predict", {"feature_vector": [5.1, 3.5, 1.4, 0.2]})
        assert (answer.status, answer.body["class"]) == (200, 0)
        assert server.ask("POST", "/predict", b"{").status == 400
        assert server.ask("GET", "/metrics").body.startswith("# HELP")
        assert server.ready_after_s > 0
    assert server.process.returncode == 0
    assert not psutil.pid_exists(server.process.pid)
    with pytest.raises(OutsideFailure, match="does not answer"):
        server.ask("GET", "/livez")


def test_it_is_gone_too_when_the_block_fails(iris: str, registry: Path, tmp_path: Path):
    with pytest.raises(ZeroDivisionError), running([iris], registry, tmp_path / "log") as server:
        raise ZeroDivisionError
    assert not psutil.pid_exists(server.process.pid)


def test_one_that_cannot_start_says_why(registry: Path, tmp_path: Path):
    with (
        pytest.raises(OutsideFailure, match="unknown reference 'nobody'"),
        running(["nobody"], registry, tmp_path / "log"),
    ):
        pass


def test_one_that_dies_says_what_it_said_last(iris: str, registry: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("DAYTWO_DRAIN_TIMEOUT", "forever")
    with pytest.raises(OutsideFailure, match="DAYTWO_DRAIN_TIMEOUT"), running([iris], registry, tmp_path / "log"):
        pass
