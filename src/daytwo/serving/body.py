"""Reading a request's body: within a size, within a time, and without keeping what will be refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from time import monotonic
from typing import Any

from daytwo.errors import BodyTooLarge, DaytwoError, SlowBody

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

#: How much of a refused body is read and thrown away, and for how long, so that its sender gets to see the answer
#: (closing a socket with unread data makes the kernel reset it).
_LINGER_BYTES = 256 << 20
_LINGER_S = 5.0


def _ignored(size: int) -> None:
    """Who does not want to know how a body grows."""


class ClientLeft(DaytwoError):
    """The caller closed the connection before its body was complete: there is nobody to answer."""


class BodyReader:
    """Reads bodies within ``timeout_s`` seconds.

    One timer watches all readers, since a timer each would cost more than the reading.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._watching = False

    async def read(
        self, receive: Receive, declared: int | None, max_bytes: int, grown: Callable[[int], None] = _ignored
    ) -> bytes:
        """The whole body. Raises BodyTooLarge (from ``declared`` alone, where that is over), SlowBody, ClientLeft.

        grown: told how many bytes have come, while they come; it may raise
        """
        if declared is not None and declared > max_bytes:
            raise BodyTooLarge(max_bytes, f"{declared:,}")
        task = asyncio.current_task()
        assert task is not None
        self._reading[task] = monotonic()
        if not self._watching:
            self._watch()
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if message["type"] == "http.disconnect":
                raise ClientLeft("the caller left")
            if message.get("more_body"):
                body = await _rest(receive, body, max_bytes, grown)
        except asyncio.CancelledError:
            if task in self._late:
                task.uncancel()
                raise SlowBody(self._timeout_s) from None
            raise
        finally:
            del self._reading[task]
            self._late.discard(task)
        if len(body) > max_bytes:
            raise BodyTooLarge(max_bytes, f"{len(body):,}")
        return body

    def _watch(self) -> None:
        """Cancel the readers that are late; look again while anyone reads."""
        limit = monotonic() - self._timeout_s
        for task, since in self._reading.items():
            if since < limit and task not in self._late:
                self._late.add(task)
                task.cancel()
        self._watching = bool(self._reading)
        if self._watching:
            asyncio.get_running_loop().call_later(min(1.0, self._timeout_s / 2), self._watch)


async def _rest(receive: Receive, first: bytes, max_bytes: int, grown: Callable[[int], None]) -> bytes:
    chunks, size = [first], len(first)
    more = True
    while more:
        if size > max_bytes:
            raise BodyTooLarge(max_bytes, f"more than {max_bytes:,}")
        grown(size)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft("the caller left")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


async def discard(receive: Receive) -> None:
    """Read on and throw away, within limits."""
    seen, until = 0, asyncio.get_running_loop().time() + _LINGER_S
    try:
        async with asyncio.timeout_at(until):
            more = True
            while more and seen < _LINGER_BYTES:
                message = await receive()
                seen += len(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
    except TimeoutError:
        return
