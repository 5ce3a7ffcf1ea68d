"""Several workers: one dies, the others do not notice, and nothing outlives the supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from serving.live import Live, await_ready, eventually, holder, serving, started
from serving.live_load import Load
from serving.live_metrics import value
from serving.test_live_shutdown import CONNECTIONS, ask_iris, ask_moody

pytestmark = pytest.mark.slow


async def kill_a_worker_under_load(live: Live) -> tuple[Load, set[int]]:
    """Load; kill the worker with the fewest connections (at least one); load on. The ports that it held."""
    async with Load(live.port, CONNECTIONS, ask_iris) as load:
        await asyncio.sleep(0.7)
        held: dict[int, set[int]] = {pid: set() for pid in live.workers()}
        for caller in load.callers:
            pid = holder(live, caller.own_port)
            if pid is not None:
                held.setdefault(pid, set()).add(caller.own_port)
        victim = min((pid for pid in held if held[pid]), key=lambda pid: len(held[pid]))
        os.kill(victim, signal.SIGKILL)
        await asyncio.sleep(1.5)
    return load, held[victim]


@pytest.fixture
def two(packed: Path, tmp_path: Path):
    with serving(packed, "iris", "--workers", "2", log=tmp_path / "log") as live:
        assert eventually(lambda: len(live.workers()) == 2)
        yield live


def test_a_killed_worker_loses_only_what_it_held_is_replaced_and_its_counts_stand(two: Live) -> None:
    before = set(two.workers())
    load, held = asyncio.run(kill_a_worker_under_load(two))
    tally = load.tally
    assert set(tally.lost_ports) <= held
    assert tally.lost <= len(held)
    assert (tally.timeout, tally.wrong, set(tally.statuses)) == (0, [], {200})
    assert eventually(lambda: len(two.workers()) == 2, 20.0)
    assert len(set(two.workers()) & before) == 1
    await_ready(two, 2)
    counted = value(two, "daytwo_requests_total", outcome="ok", model="iris")
    assert tally.answered <= counted <= tally.answered + tally.lost
    assert value(two, "daytwo_worker_restarts_total") == 1.0
    assert value(two, "daytwo_inflight_requests", model="iris") == 0.0
    assert value(two, "daytwo_queue_depth", model="iris") == 0.0
    assert value(two, "daytwo_ready") == 2.0


def test_a_worker_that_is_still_loading_is_not_asked(packed: Path, tmp_path: Path) -> None:
    """Callers that reconnect for every request never meet the new worker before it is ready."""

    async def load(live: Live) -> Load:
        async with Load(live.port, 8, ask_moody, keep_alive=False) as load:
            await asyncio.sleep(0.5)
            os.kill(live.workers()[0], signal.SIGKILL)
            assert await asyncio.to_thread(eventually, lambda: value(live, "daytwo_ready") == 1.0)
            await asyncio.to_thread(await_ready, live, 2)
        return load

    arguments, env = ("moody", "--trust", "--workers", "2"), {"MOODY_LOAD_S": "2"}
    with started(packed, *arguments, log=tmp_path / "log", env=env) as live:
        await_ready(live, 2)
        tally = asyncio.run(load(live)).tally
        assert set(tally.statuses) == {200}
        assert tally.lost <= 8
        assert (tally.timeout, tally.refused) == (0, 0)


def test_sigterm_on_the_supervisor_ends_all(two: Live) -> None:
    two.terminate()
    assert (two.process.returncode, two.left()) == (0, [])


def test_workers_do_not_outlive_a_killed_supervisor(two: Live) -> None:
    two.process.kill()
    two.process.wait()
    assert eventually(lambda: two.left() == [], 15.0), two.left()


def test_a_worker_that_dies_again_and_again_is_restarted_each_time(two: Live) -> None:
    for _ in range(3):
        victim = two.workers()[0]
        os.kill(victim, signal.SIGKILL)
        assert eventually(lambda gone=victim: gone not in two.workers() and len(two.workers()) == 2, 20.0)
        await_ready(two, 2)
        time.sleep(0.2)
    assert value(two, "daytwo_worker_restarts_total") == 3.0
