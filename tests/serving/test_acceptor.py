"""Workers that share a listener share its connections."""

from __future__ import annotations

import asyncio
import mmap
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from daytwo.serving.acceptor import Acceptor
from daytwo.serving.instruments import Instruments, Layout


class Counted(asyncio.Protocol):
    """A connection that its worker counts while it is open."""

    def __init__(self, opened: set[Any]) -> None:
        self._opened = opened

    def connection_made(self, transport: Any) -> None:
        self._opened.add(self)
        transport.write(b"!")

    def connection_lost(self, exc: Exception | None) -> None:
        self._opened.discard(self)


class Crew:
    """Workers in one process: their rows of one block, and what each has open."""

    def __init__(self, listener: socket.socket, workers: int) -> None:
        layout = Layout([("a", "1")])
        block = mmap.mmap(-1, Instruments.size(layout, workers))
        self.listener = listener
        self._own: list[socket.socket] = []
        self.rows = [Instruments(layout, worker=i, workers=workers, shared=block) for i in range(workers)]
        self.opened: list[set[Any]] = [set() for _ in range(workers)]

    def accepting(self, worker: int) -> Acceptor:
        """A ready worker that accepts."""
        opened = self.opened[worker]
        self.rows[worker].counter("daytwo_ready").set(1.0)
        self._own.append(own := self.listener.dup())  # one event loop watches a descriptor once
        own.setblocking(False)
        return Acceptor(own, lambda: Counted(opened), lambda: len(opened), self.rows[worker])

    def close(self) -> None:
        for own in self._own:
            own.close()

    @property
    def counts(self) -> list[int]:
        return [len(opened) for opened in self.opened]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        listener.setblocking(False)
        yield listener


async def connect(listener: socket.socket, count: int) -> list[asyncio.StreamWriter]:
    """So many callers at once, each let in."""

    async def one() -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        assert await asyncio.wait_for(reader.readexactly(1), 10) == b"!"
        return writer

    return list(await asyncio.gather(*(one() for _ in range(count))))


@pytest.mark.parametrize("workers", [2, 3])
def test_a_burst_is_shared_out(listener: socket.socket, workers: int) -> None:
    async def burst() -> list[int]:
        crew = Crew(listener, workers)
        acceptors = [crew.accepting(worker) for worker in range(workers)]
        writers = await connect(listener, 10 * workers)
        counts = crew.counts
        for writer in writers:
            writer.close()
        for acceptor in acceptors:
            await acceptor.close()
        crew.close()
        return counts

    counts = asyncio.run(burst())
    assert sum(counts) == 10 * workers
    assert max(counts) - min(counts) <= 5, "left to chance, one would have them all"


def test_a_worker_that_is_stuck_keeps_nobody_waiting(listener: socket.socket) -> None:
    async def beside_a_stuck_one() -> list[int]:
        crew = Crew(listener, 2)
        crew.rows[1].counter("daytwo_ready").set(1.0)  # it has the fewest connections, and accepts none
        acceptor = crew.accepting(0)
        writers = await connect(listener, 5)
        counts = crew.counts
        for writer in writers:
            writer.close()
        await acceptor.close()
        crew.close()
        return counts

    assert asyncio.run(beside_a_stuck_one()) == [5, 0]


def test_one_that_is_not_ready_counts_for_nothing(listener: socket.socket) -> None:
    async def alone() -> list[int]:
        crew = Crew(listener, 2)
        acceptor = crew.accepting(0)
        writers = await connect(listener, 20)
        counts = crew.counts
        for writer in writers:
            writer.close()
        await acceptor.close()
        crew.close()
        return counts

    assert asyncio.run(alone()) == [20, 0]


def test_closing_waits_for_those_who_were_let_in(listener: socket.socket) -> None:
    async def close_at_once() -> list[int]:
        crew = Crew(listener, 1)
        acceptor = crew.accepting(0)
        with socket.create_connection(listener.getsockname()):
            while not crew.rows[0].total("daytwo_connections"):
                await asyncio.sleep(0)
            await acceptor.close()
            crew.close()
            return crew.counts

    assert asyncio.run(close_at_once()) == [1]
