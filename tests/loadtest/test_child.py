"""The server under load: started, watched, ended."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

import daytwo
import models
from daytwo.errors import OutsideFailure
from daytwo.loadtest.child import serving
from daytwo.loadtest.target import ask

pytestmark = pytest.mark.slow


@pytest.fixture
def iris(registry: Path) -> Path:
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris")
    return registry


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_ready_within_the_block_and_gone_after_it(iris: Path, workers: int):
    with serving("iris", iris, ["--workers", str(workers)], workers) as child:
        assert child.workers == workers
        assert child.ready_after_s > 0
        assert ask(child.address, "GET", "/readyz")[0] == 200
        assert (child.cpu_s() or 0) > 0
        family = [child.pid, *(process.pid for process in psutil.Process(child.pid).children(recursive=True))]
        child.require_alive()
    assert not any(psutil.pid_exists(pid) for pid in family)


def test_how_many_workers_it_chose_itself_is_found_out(iris: Path):
    with serving("iris", iris, ["--workers", "2"], None) as child:
        assert child.workers == 2


def test_one_that_ends_is_known_to_have_ended(iris: Path):
    with serving("iris", iris, []) as child:
        child.process.kill()
        child.process.wait()
        assert child.cpu_s() is None
        with pytest.raises(OutsideFailure, match=r"ended with exit code -9; the last it said was: ready"):
            child.require_alive()


def test_one_that_does_not_start_says_why(registry: Path):
    with (
        pytest.raises(OutsideFailure, match="did not start: unknown reference 'nobody'"),
        serving("nobody", registry, []),
    ):
        pass
