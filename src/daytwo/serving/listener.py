"""The listening socket: bound early, opened late, and closed without losing a caller whom the kernel let in."""

from __future__ import annotations

import asyncio
import ctypes
import select
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress

from daytwo.errors import OutsideFailure

#: Connections that the kernel may complete before we accept them.
BACKLOG = 2048
#: How long a handshake that was begun may take to be completed; then, how long to accept what was.
_HANDSHAKE_S = 0.05
_EMPTYING_S = 2.0
#: Linux's socket options (not in the socket module) and a classic BPF program for them:
#: load the TCP flags; if SYN is set, drop the packet, else keep it.
_ATTACH_FILTER, _DETACH_FILTER = 26, 27
_NO_SYN = ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))


def bind(host: str, port: int) -> socket.socket:
    """A socket with its address; it listens when the server does, which by then heeds signals. Raises OutsideFailure in words where the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise _cannot(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _cannot(host, port, error) from None
    listener.setblocking(False)
    return listener


def _cannot(host: str, port: int, error: OSError) -> OutsideFailure:
    why = error.strerror or str(error)
    return OutsideFailure(f"cannot listen on {host}:{port}: {why}; choose another with --port")


def admit(listeners: Sequence[socket.socket]) -> None:
    """Take back :func:`turn_away`, which another worker may have done to the socket that all share."""
    if sys.platform == "linux":
        for listener in listeners:
            with suppress(OSError):  # nothing was attached
                listener.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def turn_away(listeners: Sequence[socket.socket]) -> None:
    """Let nobody begin a connection any more, while those who began one still complete it.

    Without it a caller whom the kernel lets in between the last accept and the close would be reset. Their packets
    are dropped and not answered; when they try again after a second, the port is closed. Linux only.
    """
    if sys.platform == "linux":
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
        option = struct.pack("HP", len(_NO_SYN), ctypes.addressof(program))
        for listener in listeners:
            with suppress(OSError):  # a sandbox may forbid it; then the gap of a few microseconds stays
                listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, option)


async def emptied(listeners: Sequence[socket.socket]) -> None:
    """Until the event loop has accepted all whom the kernel let in; callers that go on and on do not keep it."""
    loop = asyncio.get_running_loop()
    waiting = [listener.fileno() for listener in listeners]
    earliest, latest = loop.time() + _HANDSHAKE_S, loop.time() + _EMPTYING_S
    while loop.time() < latest and (select.select(waiting, [], [], 0)[0] or loop.time() < earliest):  # noqa: ASYNC110  the backlog rings no bell
        await asyncio.sleep(0)
