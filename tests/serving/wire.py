"""HTTP as callers of a server see it: bytes out, bytes in, nothing in between that would mend them."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

ANSWER_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def closes(self) -> bool:
        """Whether the server says that it closes the connection after this answer."""
        return self.headers.get("connection", "").lower() == "close"


def request(
    method: str = "POST", path: str = "/predict", body: bytes | Any = b"", headers: Mapping[str, str] | None = None
) -> bytes:
    """A whole request. A body that is not bytes is sent as JSON; ``headers`` add to and override the usual ones."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": str(len(payload))}
    lines |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + payload


def chunk(data: bytes) -> bytes:
    """One chunk of a body in chunked encoding; of nothing, the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def parse(buffer: bytes) -> tuple[Answer, bytes] | None:
    """The first answer in ``buffer`` and what follows it, or None while it is incomplete."""
    head, found, rest = buffer.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split()[1])
    if status == 100:
        return parse(rest)
    if headers.get("transfer-encoding") == "chunked":
        body = _dechunk(rest)
        return None if body is None else (Answer(status, headers, body[0]), body[1])
    size = int(headers.get("content-length", 0))
    return None if len(rest) < size else (Answer(status, headers, rest[:size]), rest[size:])


def _dechunk(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        line, found, rest = rest.partition(b"\r\n")
        size = int(line or b"0", 16)
        if not found or len(rest) < size + 2:
            return None
        body, rest = body + rest[:size], rest[size + 2 :]
        if not size:
            return body, rest


class Wire:
    """One blocking connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_TIMEOUT_S)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> Answer:
        """The next answer. EOFError where the connection ends before it is complete."""
        while (parsed := parse(self._buffer)) is None:
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError(f"closed after {self._buffer[:200]!r}")
            self._buffer += data
        answer, self._buffer = parsed
        return answer

    def closed(self) -> bool:
        """Whether the server closes the connection, having said all."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False
