"""Processes of their own: what a model does there is its own trouble."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from daytwo.errors import PredictionFailed
from daytwo.predictor import Predictor
from daytwo.serving.processes import ModelProcesses, fit_for_processes, one_per_cpu
from serving.live import eventually
from serving.process_models import broken, crashing, moody, slow
from serving.service import LINE, Served, rows, service

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="passing descriptors is POSIX")


@pytest.fixture(scope="module")
def pool() -> Iterator[ModelProcesses]:
    made = ModelProcesses(moody, 2, timeout_s=0.5)
    yield made
    pids = made.pids
    made.close()
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_answers_as_the_model_does_in_processes_that_are_not_ours(pool: ModelProcesses) -> None:
    assert pool.run(rows((1, 2), (3, 4)))["value"].tolist() == [1002.0, 3004.0]
    assert pool.run(rows((0, -5)))["value"].tolist()[0] in pool.pids


def test_calls_of_several_threads_are_answered_each_with_its_own(pool: ModelProcesses) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda i: pool.run(rows((i % 10, i)))["value"][0], range(200)))
    assert answers == [1000.0 * (i % 10) + i for i in range(200)]


@pytest.mark.parametrize(
    ("mood", "said"),
    [(-1, "ValueError: this row is poison"), (-2, "killed by SIGSEGV"), (-3, "ended after 1.5 s"), (-4, "pickle")],
    ids=["raises", "crashes", "hangs", "answers-nonsense"],
)
def test_what_goes_wrong_there_fails_that_call_alone(pool: ModelProcesses, mood: int, said: str) -> None:
    with pytest.raises(PredictionFailed, match=said):
        pool.run(rows((1, mood)))
    assert [pool.run(rows((1, i)))["value"][0] for i in range(4)] == [1000.0, 1001.0, 1002.0, 1003.0]
    assert eventually(lambda: len(pool.pids) == 2)


def test_a_process_that_was_killed_while_it_was_idle_fails_no_call(pool: ModelProcesses) -> None:
    for pid in pool.pids:
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not pool.pids)
    assert [pool.run(rows((1, i)))["value"][0] for i in range(4)] == [1000.0, 1001.0, 1002.0, 1003.0]


def test_a_model_that_cannot_be_loaded_there_says_why() -> None:
    with pytest.raises(PredictionFailed, match="its weights are gone"):
        ModelProcesses(broken, 2, timeout_s=1.0)
    with pytest.raises(PredictionFailed, match="ended with exit code 7"):
        ModelProcesses(crashing, 1, timeout_s=1.0)


@pytest.mark.parametrize(("cpus", "workers", "size"), [(8.0, 1, 8), (8.0, 3, 2), (1.5, 1, 1), (0.5, 1, 1), (2.0, 4, 1)])
def test_there_is_one_for_every_cpu_over_all_workers(cpus: float, workers: int, size: int) -> None:
    assert one_per_cpu(cpus, workers) == size


@pytest.mark.parametrize(("load", "settings", "lanes"), [
    (slow, {}, True), (moody, {}, False), (moody, {"executor": "process"}, True), (slow, {"executor": "thread"}, False),
    (slow, {"processes": 1}, False),
])  # fmt: skip
def test_a_slow_model_in_pure_python_gets_processes_and_others_when_told(
    load: object, settings: dict[str, Any], lanes: bool, caplog: pytest.LogCaptureFixture
) -> None:
    served = Served("line", "1", LINE, load, rows((1, 2)))  # type: ignore[arg-type]
    caplog.set_level(logging.INFO, "daytwo.serving")
    made = service(served, **({"processes": 2} | settings))
    try:
        assert made.ready
        assert ("runs in 2 processes of its own" in caplog.text) is lanes
    finally:
        made.close()


def test_what_cannot_be_told_to_another_process_runs_in_a_thread() -> None:
    def local() -> Predictor:
        return slow()

    assert not fit_for_processes(local)
    made = service(Served("line", "1", LINE, local, rows((1, 2))))
    assert made.ready
    made.close()
