"""Callers that keep a server busy and keep account of every request they have written."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from serving.wire import ANSWER_TIMEOUT_S, Answer, parse

#: What a caller sends: the n-th request of a caller, and whether an answer is the right one.
Ask = Callable[[int], tuple[bytes, Callable[[Answer], bool]]]


class Lost(Exception):
    """A request was written and the connection ended without a whole answer."""


@dataclass
class Tally:
    """What became of requests.

    lost:    written, then the connection ended without a whole answer (the server's ports of those connections are
             kept in ``lost_ports``, as the caller's own port)
    timeout: written, and no whole answer within 15 s
    refused: connections that were refused; nothing was written
    """

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[Answer] = field(default_factory=list)
    lost: int = 0
    timeout: int = 0
    refused: int = 0
    reconnected: int = 0
    closed_by_server: int = 0
    lost_ports: list[int] = field(default_factory=list)
    slowest_s: float = 0.0

    @property
    def answered(self) -> int:
        return sum(self.statuses.values())


class Caller:
    """One connection, kept alive, with one request in flight; it reconnects when it is closed."""

    def __init__(self, port: int, ask: Ask, tally: Tally, stop: asyncio.Event, *, keep_alive: bool = True) -> None:
        self._port, self._ask, self._tally, self._stop, self._keep_alive = port, ask, tally, stop, keep_alive
        self.own_port = 0
        self._sent = 0

    async def run(self) -> None:
        """Asks until stopped or refused."""
        while not self._stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except ConnectionRefusedError:
                self._tally.refused += 1
                return
            except ConnectionResetError:  # the listener went while the hand-shake was under way; nothing was written
                continue
            self.own_port = writer.get_extra_info("sockname")[1]
            try:
                await self._converse(reader, writer)
            except Lost:
                self._tally.lost += 1
                self._tally.lost_ports.append(self.own_port)
            except TimeoutError:
                self._tally.timeout += 1
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
            self._tally.reconnected += 1

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not self._stop.is_set():
            raw, right = self._ask(self._sent)
            self._sent += 1
            start = time.monotonic()
            writer.write(raw)
            answer = await asyncio.wait_for(_answer(reader), ANSWER_TIMEOUT_S)
            self._tally.slowest_s = max(self._tally.slowest_s, time.monotonic() - start)
            self._tally.statuses[answer.status] += 1
            if not right(answer):
                self._tally.wrong.append(answer)
            if answer.closes:
                self._tally.closed_by_server += 1
            if answer.closes or not self._keep_alive:
                return


async def _answer(reader: asyncio.StreamReader) -> Answer:
    buffer = b""
    try:
        while (parsed := parse(buffer)) is None:
            data = await reader.read(1 << 16)
            if not data:
                raise Lost
            buffer += data
    except ConnectionError:
        raise Lost from None
    return parsed[0]


class Load:
    """Some callers at work, inside ``async with``; they stop when the block ends.

    ask: made per caller, from the caller's number
    """

    def __init__(self, port: int, callers: int, ask: Callable[[int], Ask], *, keep_alive: bool = True) -> None:
        self.tally = Tally()
        self._stop = asyncio.Event()
        self.callers = [
            Caller(port, ask(number), self.tally, self._stop, keep_alive=keep_alive) for number in range(callers)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(caller.run()) for caller in self.callers]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self.finished()

    async def finished(self) -> None:
        """Every caller has been refused, or has its last answer."""
        await asyncio.gather(*self._tasks)
