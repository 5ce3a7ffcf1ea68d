"""Locks between processes. The system drops them when their holder dies, so that a crash never blocks anybody."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from daytwo.errors import OutsideFailure

_PATIENCE_S = 60.0
_PAUSE_S = 0.005


class Lock:
    """A lock on ``path``, held by at most one process (and one thread) at a time.

    keep:       whether the file stays when the lock is released; one that many contend for must
    patience_s: how long entering waits before it raises OutsideFailure
    """

    def __init__(self, path: Path, *, keep: bool = True, patience_s: float = _PATIENCE_S) -> None:
        self.path, self.keep, self.patience_s = path, keep, patience_s
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Whether the lock could be had at once."""
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        if not _same(handle, self.path):  # somebody removed the file between open and flock
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let the next one in."""
        if self._handle is not None:
            if not self.keep:
                self.path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def __enter__(self) -> Self:
        until = time.monotonic() + self.patience_s
        while not self.try_acquire():
            if time.monotonic() > until:
                raise OutsideFailure(f"another process has held {self.path} for {self.patience_s:g} s")
            time.sleep(_PAUSE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
