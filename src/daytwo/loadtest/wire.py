"""HTTP/1.1 as a load generator needs it: requests made once, answers read as far as their status and their end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol as Interface
from typing import cast

_END = b"\r\n\r\n"
#: A head that is longer than this is none.
_MAX_HEAD_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer.

    length:  of the body in bytes; None where it ends with the connection, -1 where it comes in chunks
    closes:  whether the connection ends with this answer
    retries: whether it says when to try again
    """

    status: int
    length: int | None
    closes: bool
    retries: bool


def request(path: str, host: str, body: bytes) -> bytes:
    """A POST of ``body``, JSON, as bytes."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def parse_head(raw: bytes) -> Head:
    """The head in ``raw``, its empty line left out. Raises ValueError where it is none.

    >>> parse_head(b"HTTP/1.1 200 OK\\r\\ncontent-length: 5")
    Head(status=200, length=5, closes=False, retries=False)
    """
    status_line, *lines = raw.lower().split(b"\r\n")
    if not status_line.startswith(b"http/1."):
        raise ValueError("not HTTP/1")
    headers = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    status = int(status_line[9:12])
    length: int | None = int(headers[b"content-length"]) if b"content-length" in headers else None
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        length = -1
    elif status in (204, 304):
        length = 0
    connection = headers.get(b"connection", b"")
    keeps = connection != b"close" and (status_line[7:8] == b"1" or connection == b"keep-alive")
    return Head(status, length, length is None or not keeps, b"retry-after" in headers)


def chunks_end(data: bytes) -> int:
    """Where a body in chunks ends in ``data``, or -1 where more must come. Raises ValueError.

    >>> chunks_end(b"3\\r\\nabc\\r\\n0\\r\\n\\r\\n"), chunks_end(b"3\\r\\nab")
    (13, -1)
    """
    at = 0
    while (line := data.find(b"\r\n", at)) >= 0:
        size = int(data[at:line].partition(b";")[0], 16)
        if not size:
            end = data.find(_END, line)  # after trailers, or at once
            return end + 4 if end >= 0 else -1
        at = line + 2 + size + 2
    return -1


class Caller(Interface):
    """Whom a connection tells."""

    def connected(self, connection: Connection) -> None:
        """It is open, and idle."""

    def answered(self, connection: Connection, head: Head, body: bytes) -> None:
        """The answer to its request has come; it is idle, or about to close."""

    def lost(self, connection: Connection) -> None:
        """It is closed; what it asked last has no answer where it was busy."""


class Connection(asyncio.Protocol):
    """One connection that is kept alive and asked one thing at a time.

    busy:  whether an answer is awaited
    since: when what it was asked last was meant to be sent, by the caller's clock
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._transport: asyncio.Transport | None = None
        self._data = b""
        self._head: Head | None = None
        self.busy = False
        self.since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open."""
        self._transport = cast("asyncio.Transport", transport)
        self._caller.connected(self)

    def send(self, raw: bytes, since: float) -> None:
        """Ask; only when not busy."""
        assert self._transport is not None
        self.busy, self.since = True, since
        self._transport.write(raw)

    def close(self) -> None:
        """Close; nobody is told."""
        self._caller = _Nobody()
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Some bytes of an answer, mostly all of it."""
        self._data = self._data + data if self._data else data
        try:
            if not self.busy:
                raise ValueError("an answer to nothing")
            self._read()
        except ValueError:  # it does not speak HTTP: as good as hanging up
            self._drop()

    def eof_received(self) -> None:
        """The other side is done; what was to be read until then has been."""
        if self._head is not None and self._head.length is None:
            self._done(self._head, len(self._data))

    def connection_lost(self, error: Exception | None) -> None:
        """Closed."""
        self._transport = None
        self._caller.lost(self)

    def _read(self) -> None:
        if self._head is None:
            end = self._data.find(_END)
            if end < 0:
                if len(self._data) > _MAX_HEAD_BYTES:
                    raise ValueError("an endless head")
                return
            self._head = parse_head(self._data[:end])
            self._data = self._data[end + 4 :]
        length = self._head.length
        if length is not None:
            end = chunks_end(self._data) if length < 0 else length
            if 0 <= end <= len(self._data):
                self._done(self._head, end)

    def _done(self, head: Head, end: int) -> None:
        body, self._data, self._head, self.busy = self._data[:end], b"", None, False
        self._caller.answered(self, head, body)
        if head.closes:
            self._drop()

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class _Nobody:
    """Whom a connection tells that was closed from this side."""

    def connected(self, connection: Connection) -> None:
        connection.close()

    def answered(self, connection: Connection, head: Head, body: bytes) -> None:
        """Too late."""

    def lost(self, connection: Connection) -> None:
        """As was wanted."""
