"""Several workers behind one listening socket: started, watched, started again, drained together.

A worker is given the listener, the block of metrics, and a pipe whose end-of-file tells it that the supervisor is gone.
It is a copy of a template that has loaded the models (see :mod:`daytwo.serving.forking`), so that all share their memory,
or, where that cannot be, a fresh interpreter.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from daytwo.serving.instruments import Instruments, Layout, bury
from daytwo.serving.listener import BACKLOG
from daytwo.serving.template import Process, Template, adopt_orphans, how, reap_strays

log = logging.getLogger("daytwo.serving")

#: After a death the next start waits, doubling from the first to the last of these seconds; a long life forgives.
_BACKOFF_S = (0.1, 30.0)
_FORGIVEN_AFTER_S = 60.0
#: Signals that Ctrl-C and process managers send.
_STOP = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class _Worker:
    process: Process | None = None
    started: float = 0.0
    start_at: float = 0.0
    backoff_s: float = 0.0


class Supervisor:
    """Keeps ``workers`` processes of ``command`` alive.

    command:      what to run; gets ``--worker I --workers N --listener FD --metrics FD --orphaned FD`` appended
    grace_s:      how long workers may take to drain before they are killed
    template:     whose copies the workers are, while it is fit; None: each is a fresh interpreter
    environments: of the worker in each place, added to ours; of a fresh interpreter only
    """

    def __init__(
        self,
        command: list[str],
        workers: int,
        listener: socket.socket,
        layout: Layout,
        *,
        grace_s: float = 18.0,
        template: Template | None = None,
        environments: Sequence[Mapping[str, str]] = (),
    ) -> None:
        self._grace_s = grace_s
        self._command = command
        self._template = template
        self._environments = [os.environ | dict(added) for added in environments or [{}] * workers]
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
        if self._template is not None:
            self._template.close()
        code = self._wait()
        if self._template is not None:
            adopt_orphans(False)
        return code

    def _tend(self) -> None:
        """Start what should run; note what died."""
        for index, worker in enumerate(self._workers):
            if worker.process is not None and (code := worker.process.poll()) is not None:
                self._mourn(index, worker, how(code))
        if self._template is not None:
            self._template.tend(wanted=any(worker.process is None for worker in self._workers))
            reap_strays([*(w.process.pid for w in self._workers if w.process), self._template.pid or 0])
        for index, worker in enumerate(self._workers):
            if worker.process is None and monotonic() >= worker.start_at and self._stop is None:
                worker.started = monotonic()
                try:
                    worker.process = self._start(index)
                except OSError as error:
                    self._mourn(index, worker, str(error))

    def _mourn(self, index: int, worker: _Worker, end: str) -> None:
        worker.process = None
        bury(self._layout, self._shared, index)
        lived = monotonic() - worker.started
        first, last = _BACKOFF_S
        worker.backoff_s = first if lived > _FORGIVEN_AFTER_S else min(last, max(first, worker.backoff_s * 2))
        worker.start_at = monotonic() + worker.backoff_s
        log.error("worker %d ended (%s); starting another in %.1f s", index, end, worker.backoff_s)

    def _start(self, index: int) -> Process | None:
        """The worker of this place; None while the template is being loaded. Raises OSError where there is no room."""
        descriptors = (self._listener.fileno(), self._file.fileno(), self._alive)
        if self._template is not None and self._template.state != "unfit":
            fit = self._template.state == "fit"
            return self._template.copy(index, len(self._workers), descriptors) if fit else None
        names = ("--listener", "--metrics", "--orphaned")
        passed = [text for name, fd in zip(names, descriptors, strict=True) for text in (name, str(fd))]
        place = ["--worker", str(index), "--workers", str(len(self._workers))]
        # Their own session: a Ctrl-C in the terminal reaches the supervisor alone, which tells them once.
        return subprocess.Popen(  # noqa: S603  our own
            [*self._command, *place, *passed],
            pass_fds=descriptors,
            env=self._environments[index],
            start_new_session=True,
        )

    def _on_signal(self, number: int, _: Any) -> None:
        if self._stop is not None:  # somebody is in a hurry
            for worker in self._workers:
                self._send(worker, signal.SIGINT)
        self._stop = number

    def _send(self, worker: _Worker, number: int) -> None:
        if worker.process is not None and worker.process.poll() is None:
            worker.process.send_signal(number)

    def _wait(self) -> int:
        until = monotonic() + self._grace_s
        codes = [_end(worker.process, until) for worker in self._workers if worker.process is not None]
        # Who ended by the very signal had not yet begun to serve: nothing was lost with it.
        return max((abs(code) for code in codes if code != -(self._stop or 0)), default=0)


def _end(process: Process, until: float) -> int:
    """The exit code of ``process``; one that has not ended by itself in time is killed."""
    try:
        return process.wait(max(0.0, until - monotonic()))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        return process.wait()
