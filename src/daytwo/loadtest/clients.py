"""Client processes: handed a stage together, waited for, and gone when this process is done with them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import reduce
from operator import add

import psutil

from daytwo.errors import OutsideFailure
from daytwo.loadtest.client import Errand
from daytwo.loadtest.driver import Address
from daytwo.loadtest.stages import Result, Stage, Tally

_TICK_S = 0.1
#: How much of a closed stage is left out at its beginning.
_WARM_SHARE = 0.2

#: Told while a stage runs: how many seconds of it are over.
Watch = Callable[[float], None]
CpuTime = Callable[[], "float | None"]


class Clients:
    """Some client processes and the one server that they load.

    server_cpu_s: how much CPU time the server has used so far, where that can be known
    local:        whether that is of this machine
    """

    def __init__(
        self, processes: Sequence[subprocess.Popen[str]], address: Address, server_cpu_s: CpuTime, *, local: bool
    ) -> None:
        self._local = local
        self._processes = processes
        self._address = address
        self._server_cpu_s = server_cpu_s
        self._readers = ThreadPoolExecutor(len(processes), "daytwo-bench")
        self._seed = 0

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._processes)

    def run(self, stage: Stage, bodies: Sequence[bytes], patience_s: float, watch: Watch = lambda _: None) -> Result:
        """Load the server; returns when the last answer has come, or ``patience_s`` after the stage.

        Raises OutsideFailure where a client has died.
        """
        start, before = time.monotonic(), (self._server_cpu_s(), _busy_s())
        warm_s = 0.0 if stage.rate else _WARM_SHARE * stage.duration_s
        # A stage of fewer connections than clients leaves some of them idle.
        busy = self._processes[: max(1, min(self.count, stage.connections))]
        for number, process in enumerate(busy):
            self._seed += 1
            part = stage.share(number, len(busy))
            self._hand(process, Errand(self._address, part, tuple(bodies), warm_s, patience_s, self._seed))
        tally = self._gather(busy, start, watch)
        took_s = time.monotonic() - start
        server, all_cpu = (
            _cores(*times, took_s) for times in zip(before, (self._server_cpu_s(), _busy_s()), strict=True)
        )
        ours = tally.cpu * len(busy) + (server or 0.0)
        known = self._local and server is not None and all_cpu is not None
        return Result(stage, tally, server, max(0.0, (all_cpu or 0.0) - ours) if known else None)

    def close(self) -> None:
        """End them."""
        for process in self._processes:
            process.kill()
            process.communicate()
        self._readers.shutdown(wait=True)

    def _hand(self, process: subprocess.Popen[str], errand: Errand) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(errand.write())
            process.stdin.flush()
        except OSError:
            raise _died() from None

    def _gather(self, busy: Sequence[subprocess.Popen[str]], start: float, watch: Watch) -> Tally:
        waiting = {self._readers.submit(_line, process) for process in busy}
        answers = []
        while waiting:
            done, waiting = wait(waiting, _TICK_S)
            answers += [future.result() for future in done]
            watch(time.monotonic() - start)
        if not all(answers):
            raise _died()
        return reduce(add, (Tally.from_json(json.loads(answer)) for answer in answers))


@contextmanager
def clients(
    count: int, address: Address, server_cpu_s: CpuTime = lambda: None, *, local: bool = False
) -> Iterator[Clients]:
    """``count`` client processes; they have ended when the block ends, whatever happens in it."""
    command = [sys.executable, "-m", "daytwo.loadtest.client"]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)  # noqa: S603  ours
        for _ in range(count)
    ]
    some = Clients(processes, address, server_cpu_s, local=local)
    try:
        yield some
    finally:
        some.close()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _busy_s() -> float | None:
    """The time that all cores together have spent on anything but idling; None where some of them are not for us: then
    what others do there is no business of ours.
    """
    if len(psutil.Process().cpu_affinity() if hasattr(psutil.Process, "cpu_affinity") else ()) != psutil.cpu_count():
        return None
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "nice", 0.0))


def _cores(before_s: float | None, after_s: float | None, took_s: float) -> float | None:
    return None if before_s is None or after_s is None or after_s < before_s else (after_s - before_s) / took_s


def _died() -> OutsideFailure:
    return OutsideFailure("a load generator process ended before its stage did: is there memory left?")
