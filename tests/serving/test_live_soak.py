"""A long day in short: good requests and bad, scrapes, listings, and callers who do not wait. Nothing grows.

``bench/soak.py`` does the same with ten million requests.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from serving.live import Live, rss_bytes, serving
from serving.live_load import Ask, Load
from serving.live_metrics import scrape
from serving.live_models import SETOSA
from serving.wire import request

pytestmark = pytest.mark.slow

ROUNDS = 6
ROUND_S = 1.0
MIB = 1 << 20


def mixed(_: int) -> Ask:
    """Mostly predictions; each other kind of request now and then."""
    good, bad = request(body=SETOSA), request(body=b'{"feature_vector": ["five"')
    scraping, listing = request("GET", "/metrics"), request("GET", "/models")
    kinds = {7: (bad, 400), 23: (scraping, 200), 41: (listing, 200)}

    def ask(number: int) -> tuple[bytes, object]:
        raw, status = kinds.get(number % 50, (good, 200))
        return raw, lambda answer: answer.status == status

    return ask  # type: ignore[return-value]  # the answer's type is what Ask says


async def leave_early(port: int) -> None:
    """Callers who go before their answer comes, one by one, until cancelled."""
    raw = request(body=SETOSA)
    for number in range(1_000_000):
        with socket.create_connection(("127.0.0.1", port)) as caller:
            caller.sendall(raw if number % 2 else raw[:-5])
        await asyncio.sleep(0.005)


def held(live: Live) -> tuple[int, int, int]:
    """Descriptors, threads and series of the server."""
    process = Path(f"/proc/{live.pid}")
    return len(os.listdir(process / "fd")), len(os.listdir(process / "task")), len(scrape(live))  # noqa: PTH208  counted


def test_nothing_grows_in_a_long_day(packed: Path, tmp_path: Path) -> None:
    async def day(live: Live) -> tuple[list[int], Load]:
        memory = []
        leaving = asyncio.create_task(leave_early(live.port))
        async with Load(live.port, 16, mixed) as load:
            for _ in range(ROUNDS):
                await asyncio.sleep(ROUND_S)
                memory.append(rss_bytes(live.pid))
        leaving.cancel()
        return memory, load

    with serving(packed, "iris", log=tmp_path / "log") as live:
        asyncio.run(day(live))  # caches fill, pools grow to their size
        before = held(live)
        memory, load = asyncio.run(day(live))
        assert (load.tally.wrong, load.tally.lost, load.tally.timeout) == ([], 0, 0)
        assert load.tally.answered > 1000
        assert max(memory[-2:]) < 1.05 * memory[0] + 2 * MIB
        descriptors, threads, series = held(live)
        assert descriptors <= before[0] + 2
        assert (threads, series) == before[1:]
