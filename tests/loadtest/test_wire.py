"""Answers are found however they arrive, and what is none is not taken for one."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.loadtest.wire import Connection, Head, chunks_end, parse_head, request


class Told:
    """Remembers what a connection tells, and plays its transport."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self.written: list[bytes] = []
        self.aborted = False

    def connected(self, connection: Connection) -> None:
        """Nothing yet."""

    def answered(self, connection: Connection, head: Head, body: bytes) -> None:
        self.heard.append((head.status, body))

    def lost(self, connection: Connection) -> None:
        """Nothing more."""

    def write(self, raw: bytes) -> None:
        self.written.append(raw)

    def abort(self) -> None:
        self.aborted = True


def asked() -> tuple[Told, Connection]:
    told = Told()
    connection = Connection(told)
    connection.connection_made(cast("object", told))  # type: ignore[arg-type]
    connection.send(b"?", 0.0)
    return told, connection


ANSWERS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
    "empty": (b"HTTP/1.1 204 No\r\n\r\n", b""),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", None),
}


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 90), max_size=6))
def test_an_answer_is_the_same_however_it_is_cut(name: str, cuts: list[int]):
    raw, body = ANSWERS[name]
    told, connection = asked()
    ends = sorted({min(cut, len(raw)) for cut in cuts} | {0, len(raw)})
    for start, end in pairwise(ends):
        connection.data_received(raw[start:end])
    assert len(told.heard) == 1
    assert body is None or told.heard[0][1] == body
    assert not connection.busy
    assert not told.aborted


def test_a_body_without_a_length_ends_with_the_connection():
    told, connection = asked()
    connection.data_received(b"HTTP/1.0 200 OK\r\n\r\nhel")
    connection.data_received(b"lo")
    assert told.heard == []
    connection.eof_received()
    assert told.heard == [(200, b"hello")]


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\r\n\r\n", b"SMTP\r\n\r\n", b"HTTP/1.1 two OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"x" * 70_000,
    ],
)  # fmt: skip
def test_what_is_no_answer_closes_the_connection(raw: bytes):
    told, connection = asked()
    connection.data_received(raw)
    assert (told.heard, told.aborted, connection.busy) == ([], True, True)


def test_an_answer_to_nothing_closes_the_connection():
    told, connection = asked()
    connection.data_received(ANSWERS["length"][0])
    connection.data_received(ANSWERS["length"][0])
    assert (len(told.heard), told.aborted) == (1, True)


@pytest.mark.parametrize(
    ("raw", "head"),
    [
        (b"HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 0", Head(503, 0, False, True)),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\ncontent-length:7", Head(200, 7, True, False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1", Head(200, 1, True, False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive", Head(200, 1, False, False)),
        (b"HTTP/1.1 200 OK", Head(200, None, True, False)),
    ],
)
def test_heads(raw: bytes, head: Head):
    assert parse_head(raw) == head


def test_chunks_may_end_in_trailers():
    assert chunks_end(b"1\r\na\r\n0\r\nx: y\r\n\r\n") == 17
    assert chunks_end(b"1\r\na\r\n0\r\nx: y\r\n") == -1


def test_a_request_is_what_it_must_be():
    raw = request("/predict?a=b", "example:8000", b"{}")
    assert raw.startswith(b"POST /predict?a=b HTTP/1.1\r\nHost: example:8000\r\n")
    assert raw.endswith(b"Content-Length: 2\r\n\r\n{}")
