"""The server under load, where it is ours: a ``daytwo serve`` process on a free port of this machine."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from daytwo.errors import OutsideFailure
from daytwo.loadtest.driver import Address
from daytwo.loadtest.target import address_of, ready_workers

_START_LIMIT_S = 120.0
_STOP_LIMIT_S = 10.0
_TICK_S = 0.05
#: A count of ready workers that has not changed for so long is all of them.
_SETTLED_S = 0.6


class Child:
    """A running ``daytwo serve``.

    workers:       how many are ready
    ready_after_s: from the start of the process until they were
    """

    def __init__(self, process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
        self.process = process
        self.address = address
        self.workers = 1
        self.ready_after_s = 0.0
        self._log = log

    @property
    def pid(self) -> int:
        """Of the process that we started."""
        return self.process.pid

    def cpu_s(self) -> float | None:
        """User and system time of the server and its workers so far; None where it is gone."""
        try:
            root = psutil.Process(self.pid)
            times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
        except psutil.Error:
            return None
        return sum(float(t.user + t.system) for t in times)

    def last_words(self) -> str:
        """The last line of its log."""
        return _last_words(self._log)

    def require_alive(self) -> None:
        """Raises OutsideFailure where it has ended."""
        if (code := self.process.poll()) is not None:
            raise OutsideFailure(f"the server ended with exit code {code}; the last it said was: {self.last_words()}")


@contextmanager
def serving(reference: str, registry: Path, flags: Sequence[str], workers: int | None = 1) -> Iterator[Child]:
    """A server of ``reference`` that is ready; it has ended when the block ends, whatever happens.

    flags:   further ones of ``daytwo serve``
    workers: how many it was asked for; None where it decides that itself

    Raises OutsideFailure with its last words where it does not become ready.
    """
    own = ["--registry", str(registry), "--port", "0", "--host", "127.0.0.1", "--drain-delay", "0",
           "--drain-timeout", "1", "--quiet"]  # fmt: skip
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="daytwo-bench-") as folder:
        log = Path(folder) / "server.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603  our own program, our own arguments
                [sys.executable, "-m", "daytwo", "serve", reference, *own, *flags],
                stdout=subprocess.PIPE,
                stderr=sink,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us, who then stop it
            )
        try:
            child = Child(process, _opened(process, log), log)
            child.workers = _await_workers(child, workers)
            child.ready_after_s = time.monotonic() - start
            yield child
        finally:
            _end(process)


def _opened(process: subprocess.Popen[bytes], log: Path) -> Address:
    """Where it listens, once it has told."""
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    if url:
        return address_of(url)
    process.wait()
    raise OutsideFailure(f"the server did not start: {_last_words(log).removeprefix('daytwo: ')}")


def _last_words(log: Path) -> str:
    """What the last line of a log says, without its time and level."""
    lines = log.read_text(errors="replace").strip().splitlines() or ["nothing"]
    try:
        return str(json.loads(lines[-1])["message"])
    except (ValueError, KeyError, TypeError):
        return lines[-1]


def _await_workers(child: Child, wanted: int | None) -> int:
    """How many workers are ready, once those wanted are; where that is not known, once no more come."""
    until = time.monotonic() + _START_LIMIT_S
    ready, since = 0, time.monotonic()
    while time.monotonic() < until:
        child.require_alive()
        now = ready_workers(child.address) or 0
        if now != ready:
            ready, since = now, time.monotonic()
        settled = time.monotonic() - since > _SETTLED_S
        if ready and (settled if wanted is None else ready >= wanted):
            return ready
        time.sleep(_TICK_S)
    raise OutsideFailure(
        f"{ready} of {wanted or 'its'} workers became ready in {_START_LIMIT_S:g} s; "
        f"the last it said was: {child.last_words()}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.communicate(timeout=_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
