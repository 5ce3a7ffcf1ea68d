"""The listening socket: nobody is let in and then forgotten."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator

import pytest

from daytwo.errors import OutsideFailure
from daytwo.serving.listener import BACKLOG, admit, bind, emptied, turn_away


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bind("127.0.0.1", 0) as bound:
        bound.listen(BACKLOG)
        yield bound


def connect(listener: socket.socket, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(listener.getsockname(), timeout=timeout)


def test_an_address_in_use_is_said_in_words(listener: socket.socket) -> None:
    with pytest.raises(OutsideFailure, match=r"cannot listen on 127\.0\.0\.1:\d+: .*--port"):
        bind("127.0.0.1", listener.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")
def test_who_is_turned_away_is_never_let_in_and_who_was_let_in_stays(listener: socket.socket) -> None:
    with connect(listener) as waiting:
        turn_away([listener])
        with pytest.raises(TimeoutError):
            connect(listener, 0.2)
        accepted, _ = listener.accept()
        with accepted, pytest.raises(BlockingIOError):
            listener.accept()
        waiting.close()
    admit([listener])
    connect(listener).close()
    listener.accept()[0].close()


def test_to_admit_whom_nobody_turned_away_is_nothing(listener: socket.socket) -> None:
    admit([listener])
    connect(listener).close()


def test_emptied_waits_until_all_are_accepted(listener: socket.socket) -> None:
    accepted: list[socket.socket] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(listener, lambda: accepted.append(listener.accept()[0]))
        await emptied([listener])

    callers = [connect(listener) for _ in range(20)]
    asyncio.run(serve())
    assert len(accepted) == len(callers)
    for each in (*callers, *accepted):
        each.close()
