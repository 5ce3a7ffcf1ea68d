"""Drives one stage of load over kept connections, on one event loop, and tallies what comes back."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from daytwo.loadtest.arrivals import poisson
from daytwo.loadtest.latencies import Latencies
from daytwo.loadtest.stages import Stage, Tally
from daytwo.loadtest.timer import Timer
from daytwo.loadtest.wire import Connection, Head, request

#: A connection that was refused, or closed, is tried again after this.
_AGAIN_S = 0.05
#: A stage begins without the connections that are not open after this.
_OPEN_S = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go."""

    host: str
    port: int
    path: str
    tls: bool = False

    @property
    def authority(self) -> str:
        """As the Host header and a URL have it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"

    @property
    def base(self) -> str:
        """The URL of the server, without a path."""
        return f"{'https' if self.tls else 'http'}://{self.authority}"

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"host": self.host, "port": self.port, "path": self.path, "tls": self.tls}


class Driver:
    """One client.

    bodies:     sent in turn
    patience_s: how long to wait, after a stage, for the answers that are still to come
    seed:       of the arrivals
    """

    def __init__(self, address: Address, bodies: Sequence[bytes], patience_s: float, seed: int = 0) -> None:
        self._address = address
        self._requests: Iterator[bytes] = cycle([request(address.path, address.authority, body) for body in bodies])
        self._patience_s = patience_s
        self._seed = seed
        self._connections: set[Connection] = set()
        self._idle: list[Connection] = []
        self._due: deque[float] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._sends_on = False
        self._stopping = False
        self._reset()

    def _reset(self) -> None:
        self._statuses: Counter[int] = Counter()
        self._rejected = self._lost = self._reconnects = 0
        self._latencies, self._lateness = Latencies(), Latencies()
        self._started = self._last = time.monotonic()
        self._cpu_started_s = time.process_time()

    async def run(self, stage: Stage, warm_s: float = 0.0) -> Tally:
        """The stage, after ``warm_s`` seconds of the same load (closed loop only) that are not counted."""
        self._loop = asyncio.get_running_loop()
        self._finished = asyncio.Event()
        for _ in range(stage.connections):
            self._open()
        await self._opened()
        self._reset()
        if stage.rate is None:
            await self._closed(stage, warm_s)
        else:
            await self._arrivals(stage.rate, stage.duration_s)
        cpu = (time.process_time() - self._cpu_started_s) / max(time.monotonic() - self._started, 1e-9)
        await self._drain()
        return self._tally(cpu)

    async def _opened(self) -> None:
        """Wait for the connections that can be opened at all."""
        if self._opening:
            await asyncio.wait(self._opening, timeout=min(self._patience_s, _OPEN_S))

    async def _closed(self, stage: Stage, warm_s: float) -> None:
        self._sends_on = True
        idle, self._idle = self._idle, []
        for connection in idle:
            self._send(connection, time.monotonic())
        if warm_s:
            await asyncio.sleep(warm_s)
            self._reset()
        await asyncio.sleep(stage.duration_s)

    async def _arrivals(self, rate: float, duration_s: float) -> None:
        """Send at every arrival; where all connections are busy, when the first is free: time runs from the arrival."""
        done = asyncio.Event()
        moments = poisson(rate, duration_s, self._seed)
        following = self._started + next(moments, duration_s)

        def wake() -> None:
            nonlocal following
            now = time.monotonic()
            while following <= now:
                self._due.append(following)
                self._lateness.observe(now - following)
                moment = next(moments, None)
                if moment is None:
                    done.set()
                    following = float("inf")
                else:
                    following = self._started + moment
            self._send_due()
            if not done.is_set():
                timer.at(following)

        timer = Timer(self._loop, wake)
        timer.at(following)
        try:
            await done.wait()
            await asyncio.sleep(max(0.0, self._started + duration_s - time.monotonic()))
        finally:
            timer.close()

    def _send_due(self) -> None:
        while self._due and self._idle:
            self._send(self._idle.pop(), self._due.popleft())

    def _send(self, connection: Connection, since: float) -> None:
        connection.send(next(self._requests), since)

    async def _drain(self) -> None:
        """Wait for what was asked, no longer than there is patience; then close everything."""
        self._stopping = True
        if self._awaited():
            try:
                await asyncio.wait_for(self._finished.wait(), self._patience_s)
            except TimeoutError:
                self._last = time.monotonic()
        for task in self._opening:
            task.cancel()

    def _awaited(self) -> bool:
        return bool(self._due) or any(connection.busy for connection in self._connections)

    def _tally(self, cpu: float) -> Tally:
        """The tally; what has no answer yet is as old as it is."""
        waiting = [*self._due, *(connection.since for connection in self._connections if connection.busy)]
        now = time.monotonic()
        for since in waiting:
            self._latencies.observe(now - since)
        for connection in tuple(self._connections):
            connection.close()
        return Tally(
            max(self._last - self._started, 1e-9), dict(self._statuses), self._rejected, self._lost, len(waiting),
            self._reconnects, self._latencies, self._lateness, cpu,
        )  # fmt: skip

    # -- what connections tell --------------------------------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        """A connection is open: it has its next request."""
        self._connections.add(connection)
        if self._sends_on and not self._stopping:
            self._send(connection, time.monotonic())
        else:
            self._idle.append(connection)
            self._send_due()

    def answered(self, connection: Connection, head: Head, body: bytes) -> None:
        """An answer has come."""
        now = self._last = time.monotonic()
        if head.status == 200:
            self._latencies.observe(now - connection.since)
        if head.status == 503 and head.retries:
            self._rejected += 1
        else:
            self._statuses[head.status] += 1
        if head.closes:
            return
        if self._due:
            self._idle.append(connection)
            self._send_due()
        elif self._sends_on and not self._stopping:
            self._send(connection, now)
        else:
            self._idle.append(connection)
        if self._stopping and not self._awaited():
            self._finished.set()

    def lost(self, connection: Connection) -> None:
        """A connection is closed: another takes its place."""
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.busy:
            self._lost += 1
            self._last = time.monotonic()
        if self._stopping and not self._awaited():
            self._finished.set()
        elif not self._stopping or self._due:
            self._reconnects += 1
            self._open(_AGAIN_S if connection.busy else 0.0)

    # -- connections ------------------------------------------------------------------------------------------------

    def _open(self, after_s: float = 0.0) -> None:
        task = self._loop.create_task(self._connect(after_s))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _connect(self, after_s: float) -> None:
        context = ssl.create_default_context() if self._address.tls else None
        while not self._stopping or self._due:
            await asyncio.sleep(after_s)
            try:
                await self._loop.create_connection(
                    lambda: Connection(self), self._address.host, self._address.port, ssl=context
                )
            except OSError:
                self._lost += 1
                after_s = _AGAIN_S
            else:
                return
