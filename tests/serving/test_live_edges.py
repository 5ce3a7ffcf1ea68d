"""Requests and ends that are unusual, and must not be trouble."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.live import Live, await_ready, eventually, rss_bytes, serving, started
from serving.live_metrics import value
from serving.live_models import HANGS_ON, SETOSA
from serving.wire import Wire, request

pytestmark = pytest.mark.slow

MIB = 1 << 20


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with serving(packed, "iris", log=tmp_path_factory.mktemp("edges") / "log") as server:
        yield server


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Encoding": "br"}, 415),
        ({"X-Prediction-Id": "a b"}, 422),
    ],
    ids=["type", "encoding", "id"],
)
def test_a_body_that_is_refused_by_its_head_is_not_kept(live: Live, headers: dict[str, str], status: int) -> None:
    before, size = rss_bytes(live.pid), 7 * MIB
    head = request("POST", "/predict", b"", headers | {"Content-Length": str(size)})
    wires = [Wire(live.port) for _ in range(8)]
    for wire in wires:
        wire.send(head + b"x" * (size - 1))
        assert wire.answer().status == status
    assert rss_bytes(live.pid) - before < 2 * size
    for wire in wires:
        wire.socket.close()


@pytest.mark.parametrize("cut", [0, 30], ids=["whole", "body-later"])
def test_an_upgrade_that_is_not_offered_is_ignored(live: Live, cut: int) -> None:
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA"}
    raw = request("POST", "/predict", SETOSA, headers)
    with Wire(live.port) as wire:
        wire.send(raw[: len(raw) - cut])
        time.sleep(0.1)
        wire.send(raw[len(raw) - cut :])
        assert wire.answer().json()["class"] == 0
        wire.send(request("POST", "/predict", SETOSA))
        assert wire.answer().json()["class"] == 0


def test_an_endless_head_is_refused(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(b"POST /predict HTTP/1.1\r\nx-long: ")
        with pytest.raises(OSError, match=r"reset|pipe"):
            wire.send(b"x" * (64 * MIB))
    assert live.post(SETOSA).status == 200


def test_what_is_not_http_gets_a_problem(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(b"hello\r\n\r\n")
        answer = wire.answer()
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["type"] == "urn:daytwo:error:malformed-request"


def test_the_head_of_the_next_request_may_trickle_while_the_first_is_answered(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "moody", "--trust", "--body-timeout", "0.05", log=tmp_path / "log") as live:
        with Wire(live.port) as wire:
            wire.send(request("POST", "/predict", {"feature_vector": [4.0]}) + b"POST /pre")
            assert wire.answer().json()["value"] == 8.0
        assert value(live, "daytwo_rejected_total", reason="slow_body") == 0


def test_a_worker_that_cannot_load_again_leaves_the_port_to_those_that_can(packed: Path, tmp_path: Path) -> None:
    switch = tmp_path / "broken"
    arguments, env = ("moody", "--trust", "--workers", "2", "--no-preload"), {"MOODY_BREAKS_WHEN": str(switch)}
    with started(packed, *arguments, log=tmp_path / "log", env=env) as live:
        await_ready(live, 2)
        switch.touch()
        os.kill(live.workers()[0], signal.SIGKILL)
        assert eventually(lambda: "exit code 1" in live.output(), 20.0)
        answers = [live.post({"feature_vector": [4.0]}).status for _ in range(20)]
        assert set(answers) == {200}
        switch.unlink()
        await_ready(live, 2)


def test_a_model_that_never_ends_does_not_keep_the_server_from_ending(packed: Path, tmp_path: Path) -> None:
    arguments = ("moody", "--trust", "--drain-timeout", "1")
    with serving(packed, *arguments, log=tmp_path / "log") as live, Wire(live.port) as wire:
        wire.send(request("POST", "/predict", {"feature_vector": [HANGS_ON]}))
        assert eventually(lambda: value(live, "daytwo_inflight_requests") == 1.0)
        live.terminate()
        assert (live.process.returncode, live.left()) == (0, [])
