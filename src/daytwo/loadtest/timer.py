"""Waking an event loop at a moment, to microseconds: loops themselves round up to whole milliseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
import time
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)
_ABSOLUTE = 1
#: Closer than this, waiting costs more than looking again in the next turn.
_NEAR_S = 30e-6


class Timer:
    """Calls ``wake`` at the moment that :meth:`at` was last given; on Linux by a timerfd, elsewhere as the loop can."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wake: Callable[[], None]) -> None:
        self._loop = loop
        self._wake = wake
        self._libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
        self._fd = self._libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK) if self._libc else -1
        if self._fd >= 0:
            loop.add_reader(self._fd, self._rung)

    def at(self, moment: float) -> None:
        """Wake at ``moment`` of ``time.monotonic()``, seconds; one that has passed is the next turn of the loop."""
        wait_s = moment - time.monotonic()
        if wait_s < _NEAR_S:
            self._loop.call_soon(self._wake)
        elif self._fd < 0 or self._libc is None:
            self._loop.call_later(wait_s, self._wake)
        else:
            whole = int(moment)
            # struct itimerspec: the interval (none), then the value, each in seconds and nanoseconds.
            spec = struct.pack("@qqqq", 0, 0, whole, max(1, int((moment - whole) * 1e9)))
            self._libc.timerfd_settime(self._fd, _ABSOLUTE, spec, None)

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1

    def _rung(self) -> None:
        os.read(self._fd, 8)
        self._wake()
