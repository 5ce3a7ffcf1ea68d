"""The whole measurement: ramp, batches, open loop; every result as soon as it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from daytwo.errors import OutsideFailure
from daytwo.loadtest.bodies import Bodies
from daytwo.loadtest.clients import Clients
from daytwo.loadtest.driver import Address
from daytwo.loadtest.plan import BATCH_ROWS, REFINEMENTS, Plan
from daytwo.loadtest.stages import Result, Stage
from daytwo.loadtest.target import probe
from daytwo.loadtest.verdict import borne_at

#: Told as it goes: what is being measured, and how much of everything is done, in [0, 1].
Progress = Callable[[str, float], None]

_ALONE = 5
#: A body may not be larger than servers commonly take.
_MAX_BODY_BYTES = 8 << 20
#: Batches grow until one request takes longer than this share of its stage.
_SLOW_BATCH = 0.5


@dataclass
class Measurement:
    """Loads a server by a plan.

    require_alive: raises OutsideFailure where the server is known to be gone
    p99_s:         the wanted p99, seconds
    results:       what has been measured so far, also where the rest failed or was interrupted
    """

    clients: Clients
    address: Address
    bodies: Bodies
    plan: Plan
    require_alive: Callable[[], None]
    progress: Progress
    p99_s: float | None = None
    results: list[Result] = field(default_factory=list)
    _spent_s: float = 0.0

    def run(self) -> None:
        """All of it. Raises OutsideFailure where the server is gone, or answers nothing but errors."""
        singles = self.bodies.of(1)
        alone_s = self._alone(singles[0])
        last: Result | None = None
        for stage in self.plan.ramp(alone_s):
            if last is not None and self._beyond_patience(last, stage):
                break
            last = self._measure(stage, singles, f"{stage.connections} connection{'s' * (stage.connections > 1)}")
        if self.bodies.divisible:
            self._batches()
        peak = max(result.per_s for result in self.results if result.stage.kind == "ramp")
        for stage in self.plan.open(peak):
            self._arriving(stage, singles)
        for _ in range(REFINEMENTS):
            if (between := self._between()) is not None:
                self._arriving(between, singles)

    def _arriving(self, stage: Stage, bodies: list[bytes]) -> None:
        self._measure(stage, bodies, f"{stage.rate:,.4g} requests/s arriving at random")

    def _between(self) -> Stage | None:
        """Where to look closer: the capacity is between a rate that was borne and one that was not."""
        opened = [result for result in self.results if result.stage.kind == "open"]
        borne = borne_at(opened, self.p99_s)
        low = (borne.stage.rate or 0.0) if borne else 0.0
        high = min((rate for result in opened if (rate := result.stage.rate or 0.0) > low), default=low)
        return self.plan.between(low, high)

    def _alone(self, body: bytes) -> float:
        """Seconds that one request takes when there is no other: the best of a few, all of which must be answered."""
        times = []
        for _ in range(_ALONE):
            start = time.monotonic()
            probe(self.address, body)
            times.append(time.monotonic() - start)
            if times[0] > 1.0:
                break
        return min(times)

    def _beyond_patience(self, last: Result, following: Stage) -> bool:
        """Whether more connections would wait longer than we do: then the knee is long past."""
        waits_s = last.latency(0.99) * following.connections / last.stage.connections
        return waits_s > self.plan.patience_s(following)

    def _batches(self) -> None:
        last: Result | None = None
        for stage in self.plan.batches():
            longest = len(self.bodies.of(stage.rows)[0])
            if longest > _MAX_BODY_BYTES or (last is not None and _too_slow(last, stage)):
                return
            last = self._measure(stage, self.bodies.of(stage.rows), f"{stage.rows:,} rows in each request")
            if last.failures:  # a limit of the server's, such as its max_rows
                return

    def _measure(self, stage: Stage, bodies: list[bytes], label: str) -> Result:
        self.require_alive()
        before_s = self._spent_s
        self._spent_s += stage.duration_s * (1.0 if stage.rate else 1.2)

        def watch(elapsed_s: float) -> None:
            self.progress(label, min((before_s + min(elapsed_s, self._spent_s - before_s)) / self.plan.total_s, 1.0))

        result = self.clients.run(stage, bodies, self.plan.patience_s(stage), watch)
        self.results.append(result)
        if result.ok == 0 and stage.kind != "batch":  # requests may be too large where single rows are welcome
            self.require_alive()
            raise OutsideFailure(_why_nothing(self.address, result, label))
        return result


def _too_slow(last: Result, following: Stage) -> bool:
    return last.latency(0.5) * following.rows / last.stage.rows > _SLOW_BATCH * following.duration_s * len(BATCH_ROWS)


def _why_nothing(address: Address, result: Result, label: str) -> str:
    tally = result.tally
    if tally.rejected:
        why = "it refused every request as overloaded (503)"
    elif tally.statuses:
        status = max(tally.statuses, key=lambda s: tally.statuses[s])
        why = f"it answered with status {status} only: see the log of the server"
    elif tally.unanswered:
        why = "it let every request wait until we gave up: is it stuck?"
    else:
        why = "it closed or refused every connection: has it ended?"
    return f"no prediction came from {address.base} in the stage with {label}; {why}"
