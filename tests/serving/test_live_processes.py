"""A model in pure Python behind a real server: it runs in processes of its own, which are nobody else's trouble."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.live import STOP_TIMEOUT_S, Live, eventually, serving
from serving.live_models import HANGS_ON
from serving.wire import Wire, request

pytestmark = pytest.mark.slow


@pytest.fixture
def live(packed: Path, tmp_path: Path) -> Iterator[Live]:
    with serving(packed, "moody", "--trust", "--processes", "2", "--timeout", "2", log=tmp_path / "log") as server:
        yield server


def model_processes(live: Live) -> list[int]:
    return [pid for pid in live.left() if b"model_process" in _command(pid)]


def body(number: float) -> bytes:
    return request(body={"feature_vector": [number]})


def test_they_are_there_answer_and_go_with_the_server(live: Live) -> None:
    assert len(model_processes(live)) == 2
    assert live.post({"feature_vector": [21.0]}).json()["value"] == 42.0
    live.terminate()
    assert live.process.returncode == 0
    assert live.left() == []


def test_one_that_is_killed_fails_what_it_was_at_and_another_takes_its_place(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(body(HANGS_ON))
        assert eventually(lambda: live.get("/metrics").body.count(b"daytwo_inflight_requests{") == 1)
        for pid in model_processes(live):
            os.kill(pid, signal.SIGKILL)
        answer = wire.answer()
    assert (answer.status, "SIGKILL" in answer.json()["detail"]) == (500, True)
    assert eventually(lambda: live.post({"feature_vector": [21.0]}).status == 200)
    assert eventually(lambda: len(model_processes(live)) == 2)


def test_one_that_hangs_is_given_up_and_the_model_answers_again(live: Live) -> None:
    hung = live.post({"feature_vector": [HANGS_ON]})
    assert (hung.status, hung.json()["detail"]) == (504, "no answer within 2 s")
    before = set(model_processes(live))
    assert live.post({"feature_vector": [3.0]}).json()["value"] == 6.0
    assert eventually(lambda: before - set(model_processes(live)))
    assert live.get("/readyz").status == 200


def test_they_do_not_outlive_a_server_that_is_killed(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(body(HANGS_ON))
        live.process.kill()
        live.process.wait(STOP_TIMEOUT_S)
    assert eventually(lambda: live.left() == [])


def test_who_is_in_a_hurry_is_told_at_once_that_the_model_is_busy(live: Live) -> None:
    with Wire(live.port) as first, Wire(live.port) as second:
        first.send(body(HANGS_ON))
        second.send(body(HANGS_ON))
        hurried = live.post({"feature_vector": [1.0]}, "/predict?timeout=50ms")
        assert hurried.status in (503, 504)
        if hurried.status == 503:
            assert int(hurried.headers["retry-after"]) >= 1
        assert (first.answer().status, second.answer().status) == (504, 504)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""


def test_workers_that_are_copies_have_model_processes_too(packed: Path, tmp_path: Path) -> None:
    flags = ("--trust", "--workers", "2", "--executor", "process", "--processes", "1")
    with serving(packed, "moody", *flags, log=tmp_path / "log") as live:
        assert "workers are copies of process" in live.output()
        assert len(model_processes(live)) == 2
        assert live.post({"feature_vector": [21.0]}).json()["value"] == 42.0
        live.terminate()
        assert live.left() == []
