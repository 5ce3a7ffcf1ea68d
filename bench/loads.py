"""Load on two services in turn: baseline, daytwo, baseline, daytwo, baseline, so that a drifting machine cancels out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

import machine
from clients import Client, Load
from services import Running

#: Connections of the three phases.
PHASES = (1, 32, 128)
_WARM_UP_CONNECTIONS = 8
#: A slice during which other processes used more than this many cores is taken again.
FOREIGN_CORES = 0.15
#: Between two slices, for the connections of the last one to be gone.
_PAUSE_S = 0.2


@dataclass(frozen=True)
class Plan:
    """How long and how often. ``rounds``: slices of daytwo, each between two of the baseline; ``takes``: how often a
    slice is taken at most where the machine was busy with something else."""

    slice_s: float = 4.0
    rounds: int = 3
    warm_up_s: float = 3.0
    takes: int = 3


@dataclass(frozen=True)
class Slice:
    """One slice of load, with the cores that the server and everything else on the machine used meanwhile."""

    load: Load
    server_cores: float
    foreign_cores: float
    server_cpu_s: float


@dataclass(frozen=True)
class Summary:
    """The medians of some slices of one service at one number of connections; errors are summed."""

    connections: int
    rps: float
    p50_s: float
    p95_s: float
    p99_s: float
    p99_to_p50: float
    max_s: float
    requests: int
    errors: dict[str, int]
    server_cores: float
    client_cores: float
    foreign_cores: float

    @property
    def failed(self) -> int:
        """Requests that came to nothing, or to a status of 400 and above."""
        return sum(self.errors.values())


@dataclass(frozen=True)
class Comparison:
    """Both services at one number of connections. Ratios are medians over the rounds, daytwo over baseline."""

    connections: int
    baseline: Summary
    daytwo: Summary
    rps_ratio: float
    p50_ratio: float


@dataclass(frozen=True)
class Loader:
    """Puts load on servers: the same client, body and plan for all of them."""

    client: Client
    body: Path
    plan: Plan
    progress: Callable[[str], None]

    def warm_up(self, server: Running) -> None:
        """Load that nobody looks at."""
        self._load(server, _WARM_UP_CONNECTIONS, self.plan.warm_up_s)

    def compare(self, baseline: Running, ours: Running, connections: int) -> Comparison:
        """Alternates the two and compares each slice of daytwo with the mean of its two neighbours."""
        theirs, mine = [self.take(baseline, connections)], []
        for _ in range(self.plan.rounds):
            mine.append(self.take(ours, connections))
            theirs.append(self.take(baseline, connections))
        pairs = [(item.load, _mean(theirs[i].load, theirs[i + 1].load)) for i, item in enumerate(mine)]
        rps_ratio = median(load.rps / rps for load, (rps, _) in pairs)
        p50_ratio = median(load.p50_s / p50_s for load, (_, p50_s) in pairs)
        return Comparison(connections, summary(theirs), summary(mine), rps_ratio, p50_ratio)

    def take(self, server: Running, connections: int) -> Slice:
        """One slice; taken again where the machine was busy with something else. The calmer one counts."""
        taken = self._slice(server, connections)
        for _ in range(self.plan.takes - 1):
            if taken.foreign_cores > FOREIGN_CORES:
                taken = min(taken, self._slice(server, connections), key=lambda item: item.foreign_cores)
        load = taken.load
        noise = f", others use {taken.foreign_cores:.2f} core" if taken.foreign_cores > FOREIGN_CORES else ""
        self.progress(
            f"  {server.service.name:16s} {connections:4d} connections  {load.rps:9,.0f} requests/s  "
            f"p50 {load.p50_s * 1e3:7.2f} ms  p99 {load.p99_s * 1e3:7.2f} ms  errors {load.failed}{noise}"
        )
        return taken

    def _slice(self, server: Running, connections: int) -> Slice:
        time.sleep(_PAUSE_S)
        start, busy, used = time.monotonic(), machine.busy_s(), machine.cpu_s(server.pid)
        load = self._load(server, connections, self.plan.slice_s)
        used = machine.cpu_s(server.pid) - used
        busy = machine.busy_s() - busy
        elapsed = time.monotonic() - start
        return Slice(load, used / elapsed, max(0.0, (busy - used - load.client_cpu_s) / elapsed), used)

    def _load(self, server: Running, connections: int, seconds: float) -> Load:
        return self.client.load(server.port, self.body, connections, seconds, server.service.path)


def summary(slices: list[Slice]) -> Summary:
    """The medians of slices of one service at one number of connections."""
    loads = [item.load for item in slices]
    kinds = sorted({kind for load in loads for kind in load.errors})
    return Summary(
        connections=loads[0].connections,
        rps=median(load.rps for load in loads),
        p50_s=median(load.p50_s for load in loads),
        p95_s=median(load.p95_s for load in loads),
        p99_s=median(load.p99_s for load in loads),
        p99_to_p50=median(load.p99_s / load.p50_s if load.p50_s else float("inf") for load in loads),
        max_s=max(load.max_s for load in loads),
        requests=sum(load.requests for load in loads),
        errors={kind: sum(load.errors[kind] for load in loads) for kind in kinds},
        server_cores=median(item.server_cores for item in slices),
        client_cores=median(load.client_cpu_s / load.duration_s for load in loads),
        foreign_cores=median(item.foreign_cores for item in slices),
    )


def _mean(first: Load, second: Load) -> tuple[float, float]:
    return mean((first.rps, second.rps)), mean((first.p50_s, second.p50_s))
