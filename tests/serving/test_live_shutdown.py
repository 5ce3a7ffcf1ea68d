"""SIGTERM under load: whoever has written a request gets its answer, and nothing stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from serving.live import STOP_TIMEOUT_S, Live, eventually, serving
from serving.live_load import Ask, Load, Tally
from serving.live_models import MOODY_S, SETOSA, line
from serving.wire import Wire, request

pytestmark = pytest.mark.slow

CONNECTIONS = 32


def ask_iris(_: int) -> Ask:
    raw = request(body=SETOSA)
    return lambda _: (raw, lambda answer: answer.status == 200 and answer.json()["class"] == 0)


def ask_line(caller: int) -> Ask:
    def ask(number: int) -> tuple[bytes, object]:
        expected = line(caller, number)
        raw = request(body={"feature_vector": [float(caller), float(number)]})
        return raw, lambda answer: answer.status == 200 and abs(answer.json()["value"] - expected) < 1e-3

    return ask


def ask_moody(caller: int) -> Ask:
    raw = request(body={"feature_vector": [float(caller)]})
    return lambda _: (raw, lambda answer: answer.status == 200 and answer.json()["value"] == caller * 2.0)


async def terminate_under_load(live: Live, ask: object, *, keep_alive: bool = True) -> tuple[Tally, int, float]:
    """Load for a second, SIGTERM, and on until every caller is refused: the tally, answers before, seconds to exit."""
    async with Load(live.port, CONNECTIONS, ask, keep_alive=keep_alive) as load:
        await asyncio.sleep(1.0)
        before, start = load.tally.answered, time.monotonic()
        live.process.send_signal(signal.SIGTERM)
        await load.finished()
    await asyncio.to_thread(live.process.wait, STOP_TIMEOUT_S)
    return load.tally, before, time.monotonic() - start


def assert_nothing_lost(tally: Tally) -> None:
    assert (tally.lost, tally.timeout, len(tally.wrong)) == (0, 0, 0), tally
    assert set(tally.statuses) == {200}


@pytest.mark.parametrize(
    ("model", "ask", "flags", "drain_delay"),
    [
        ("iris", ask_iris, (), 0.0),
        ("line", ask_line, (), 1.0),
        ("moody", ask_moody, ("--trust",), 0.0),
        ("line", ask_line, ("--workers", "2"), 0.0),
        ("moody", ask_moody, ("--trust", "--workers", "2"), 1.0),
    ],
    ids=["fast", "distinct", "slow-model", "two-workers", "slow-model-two-workers"],
)
def test_sigterm_under_load_loses_no_request(
    packed: Path, tmp_path: Path, model: str, ask: object, flags: tuple[str, ...], drain_delay: float
) -> None:
    with serving(packed, model, *flags, drain_delay=drain_delay, log=tmp_path / "log") as live:
        tally, before, exit_s = asyncio.run(terminate_under_load(live, ask))
        assert_nothing_lost(tally)
        assert before > CONNECTIONS
        assert live.process.returncode == 0
        assert drain_delay <= exit_s < STOP_TIMEOUT_S
        assert live.left() == []


@pytest.mark.parametrize("flags", [(), ("--workers", "2")], ids=["one-worker", "two-workers"])
def test_sigterm_loses_no_request_of_callers_that_reconnect_every_time(
    packed: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    with serving(packed, "iris", *flags, drain_delay=0.5, log=tmp_path / "log") as live:
        tally, before, _ = asyncio.run(terminate_under_load(live, ask_iris, keep_alive=False))
        assert_nothing_lost(tally)
        assert before > CONNECTIONS
        assert live.process.returncode == 0


def test_who_stops_every_process_of_the_server_at_once_loses_no_request_either(packed: Path, tmp_path: Path) -> None:
    """As systemd does by default; the supervisor then tells its workers once more."""

    async def stop_all(live: Live) -> Tally:
        async with Load(live.port, CONNECTIONS, ask_iris) as load:
            await asyncio.sleep(1.0)
            for pid in live.left():
                os.kill(pid, signal.SIGTERM)
            await load.finished()
        await asyncio.to_thread(live.process.wait, STOP_TIMEOUT_S)
        return load.tally

    with serving(packed, "iris", "--workers", "2", drain_delay=0.5, log=tmp_path / "log") as live:
        assert_nothing_lost(asyncio.run(stop_all(live)))
        assert live.left() == []


def test_after_sigterm_it_is_not_ready_and_serves_on_for_the_drain_delay(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", drain_delay=2.0, log=tmp_path / "log") as live:
        live.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: live.get("/readyz").status == 503, 1.0)
        assert live.get("/v2/health/ready").json()["ready"] is False
        assert live.get("/livez").status == 200
        answer = live.post(SETOSA)
        assert (answer.status, answer.json()["class"]) == (200, 0)
        live.process.wait(STOP_TIMEOUT_S)
        assert live.process.returncode == 0


def test_an_open_connection_is_told_that_it_closes(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", drain_delay=0.5, log=tmp_path / "log") as live, Wire(live.port) as wire:
        wire.send(request(body=SETOSA))
        assert not wire.answer().closes
        live.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: refused(live))
        wire.send(request(body=SETOSA))
        answer = wire.answer()
        assert (answer.status, answer.closes) == (200, True)
        assert wire.closed()
        live.process.wait(STOP_TIMEOUT_S)
        assert live.process.returncode == 0


def test_an_idle_connection_does_not_keep_it_from_ending(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", "--drain-timeout", "2", log=tmp_path / "log") as live:
        with Wire(live.port) as idle, Wire(live.port) as half:
            idle.send(request("GET", "/livez"))
            idle.answer()
            half.send(request(body=SETOSA)[:40])
            assert live.terminate() < STOP_TIMEOUT_S
        assert (live.process.returncode, live.left()) == (0, [])


def test_a_request_in_flight_is_answered(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "moody", "--trust", log=tmp_path / "log") as live, Wire(live.port) as wire:
        wire.send(request(body={"feature_vector": [4.0]}))
        time.sleep(MOODY_S / 3)
        live.process.send_signal(signal.SIGTERM)
        answer = wire.answer()
        assert (answer.status, answer.json()["value"]) == (200, 8.0)


def test_a_second_signal_ends_it_at_once_or_changes_nothing_but_leaves_no_process(packed: Path, tmp_path: Path) -> None:
    with serving(packed, "iris", "--workers", "2", drain_delay=5.0, log=tmp_path / "log") as live:
        live.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        live.process.send_signal(signal.SIGINT)
        live.process.wait(STOP_TIMEOUT_S)
        assert eventually(lambda: live.left() == [], 5.0)


def refused(live: Live) -> bool:
    try:
        Wire(live.port).socket.close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
