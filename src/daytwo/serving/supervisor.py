"""Several workers behind one listening socket: started, watched, started again, drained together.

Workers are fresh interpreters, not forks: nothing is inherited but the listener, the block of metrics, and a pipe
whose end-of-file tells them that the supervisor is gone.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from daytwo.serving.instruments import Instruments, Layout, bury
from daytwo.serving.listener import BACKLOG

log = logging.getLogger("daytwo.serving")

#: After a death the next start waits, doubling from the first to the last of these seconds; a long life forgives.
_BACKOFF_S = (0.1, 30.0)
_FORGIVEN_AFTER_S = 60.0
#: Signals that Ctrl-C and process managers send.
_STOP = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    start_at: float = 0.0
    backoff_s: float = 0.0


class Supervisor:
    """Keeps ``workers`` processes of ``command`` alive.

    grace_s: how long workers may take to drain before they are killed
    command: what to run; gets ``--worker I --workers N --listener FD --metrics FD --orphaned FD`` appended
    """

    def __init__(
        self, command: list[str], workers: int, listener: socket.socket, layout: Layout, *, grace_s: float = 18.0
    ) -> None:
        self._grace_s = grace_s
        self._command = command
        self._listener = listener
        self._layout = layout
        self._file = tempfile.TemporaryFile(prefix="daytwo-metrics-")  # noqa: SIM115  as long-lived as we are
        self._file.truncate(Instruments.size(layout, workers))
        self._shared = mmap.mmap(self._file.fileno(), 0)
        self._alive, self._pipe = os.pipe()
        self._workers = [_Worker() for _ in range(workers)]
        self._stop: int | None = None

    def run(self, opened: Callable[[], None] = lambda: None) -> int:
        """Tell ``opened`` when the port is open. Until SIGTERM or SIGINT; then until every worker has drained. Returns the worst of their exit codes."""
        for number in _STOP:
            signal.signal(number, self._on_signal)
        self._listener.listen(BACKLOG)
        opened()
        while self._stop is None:
            self._tend()
            sleep(0.05)
        self._listener.close()
        for worker in self._workers:
            self._send(worker, self._stop)
        return self._wait()

    def _tend(self) -> None:
        """Start what should run; note what died."""
        for index, worker in enumerate(self._workers):
            if worker.process is not None and (code := worker.process.poll()) is not None:
                self._mourn(index, worker, code)
            if worker.process is None and monotonic() >= worker.start_at:
                worker.process = self._start(index)
                worker.started = monotonic()

    def _mourn(self, index: int, worker: _Worker, code: int) -> None:
        worker.process = None
        bury(self._layout, self._shared, index)
        lived = monotonic() - worker.started
        first, last = _BACKOFF_S
        worker.backoff_s = first if lived > _FORGIVEN_AFTER_S else min(last, max(first, worker.backoff_s * 2))
        worker.start_at = monotonic() + worker.backoff_s
        log.error("worker %d ended (%s); starting another in %.1f s", index, _how(code), worker.backoff_s)

    def _start(self, index: int) -> subprocess.Popen[bytes]:
        descriptors = (self._listener.fileno(), self._file.fileno(), self._alive)
        names = ("--listener", "--metrics", "--orphaned")
        passed = [text for name, fd in zip(names, descriptors, strict=True) for text in (name, str(fd))]
        place = ["--worker", str(index), "--workers", str(len(self._workers))]
        # Their own session: a Ctrl-C in the terminal reaches the supervisor alone, which tells them once.
        command = [*self._command, *place, *passed]
        return subprocess.Popen(command, pass_fds=descriptors, start_new_session=True)  # noqa: S603  our own

    def _on_signal(self, number: int, _: Any) -> None:
        if self._stop is not None:
            for worker in self._workers:
                self._send(worker, number)
        self._stop = number

    def _send(self, worker: _Worker, number: int) -> None:
        if worker.process is not None and worker.process.poll() is None:
            worker.process.send_signal(number)

    def _wait(self) -> int:
        until = monotonic() + self._grace_s
        codes = [_end(worker.process, until) for worker in self._workers if worker.process is not None]
        # Who ended by the very signal had not yet begun to serve: nothing was lost with it.
        return max((abs(code) for code in codes if code != -(self._stop or 0)), default=0)


def _end(process: subprocess.Popen[bytes], until: float) -> int:
    """The exit code of ``process``; one that has not ended by itself in time is killed."""
    try:
        return process.wait(max(0.0, until - monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
