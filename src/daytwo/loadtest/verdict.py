"""What the results say: the knee, the capacity, and how many workers and replicas a wanted rate takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from daytwo.loadtest.stages import Result

#: The share of the capacity that is planned with: the rest is for bursts, roll-outs, and machines that differ.
HEADROOM = 0.7
#: The knee and the best batch are the smallest that come this close to the best there is.
_NEARLY = 0.9
#: Steps of the ramp that a knee can be seen in.
_CLIMBED = 3
#: The quantile p99 of fewer answers than this is the maximum of a few.
ENOUGH = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the server should bear.

    rate:  requests a second; None leaves it open
    p99_s: the latency that 99 of 100 requests must stay within; None leaves it open
    """

    rate: float | None = None
    p99_s: float | None = None

    @property
    def anything(self) -> bool:
        """Whether there is something to be met."""
        return self.rate is not None or self.p99_s is not None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.

    peak_per_s:       the highest throughput of the ramp, requests a second
    knee_connections: the fewest connections with nine tenths of that; more only wait longer
    best_rows:        rows in a request from which on nine tenths of the highest rows a second come; None if not tried
    best_rows_per_s:  the highest rows a second
    capacity_per_s:   the highest rate of arrival at which every request was answered, within the wanted p99, and at
                      every lower one as well; 0 where there was none, None where nothing was offered
    capacity_p99_s:   the p99 there
    safe_per_s:       of that, what to plan with
    client_limited:   whether the load generator was the limit, so that the server bears more than was seen
    met:              whether what was wanted was seen; None where nothing was wanted, or it cannot be said
    workers, replicas: for the wanted rate with headroom, or as measured; None where it cannot be said
    max_rows:         the rows to allow in one request; None if not tried
    """

    peak_per_s: float
    knee_connections: int | None
    best_rows: int | None
    best_rows_per_s: float | None
    capacity_per_s: float | None
    capacity_p99_s: float | None
    safe_per_s: float | None
    client_limited: bool
    met: bool | None
    workers: int | None
    replicas: int | None
    max_rows: int | None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def judge(results: Sequence[Result], wanted: Wanted, *, workers: int | None, cores: int) -> Verdict:
    """The verdict on ``results``.

    workers: that were measured; None where that is not known
    cores:   that a machine for replicas has
    """
    ramp, batches, opened = (_of(results, kind) for kind in ("ramp", "batch", "open"))
    peak = max(ramp, key=lambda r: r.per_s, default=None)
    peak_per_s = peak.per_s if peak else 0.0
    climbed = len([r for r in ramp if r.ok]) >= _CLIMBED
    knee = next((r.stage.connections for r in ramp if climbed and r.per_s >= _NEARLY * peak_per_s), None)
    best_per_s = max((r.rows_per_s for r in batches), default=None)
    best = next((r.stage.rows for r in batches if best_per_s and r.rows_per_s >= _NEARLY * best_per_s), None)
    borne = borne_at(opened, wanted.p99_s)
    capacity = (borne.stage.rate or 0.0) if borne else 0.0 if opened else None
    missed = [r for r in opened if not _bears(r, wanted.p99_s)]
    limited = bool(peak and peak.client_limited) or any(r.client_limited for r in missed)
    needed, replicas = _needed(wanted.rate, capacity, workers, cores)
    return Verdict(
        peak_per_s=peak_per_s,
        knee_connections=knee,
        best_rows=best,
        best_rows_per_s=best_per_s,
        capacity_per_s=capacity,
        capacity_p99_s=borne.latency(0.99) if borne else None,
        safe_per_s=None if capacity is None else HEADROOM * capacity,
        client_limited=limited,
        met=_met(opened, wanted, capacity),
        workers=needed,
        replicas=replicas,
        max_rows=_max_rows(batches, best, wanted.p99_s),
    )


def _of(results: Sequence[Result], kind: str) -> list[Result]:
    return [result for result in results if result.stage.kind == kind]


def _bears(result: Result, p99_s: float | None) -> bool:
    return result.keeps_up and (p99_s is None or result.latency(0.99) <= p99_s)


def borne_at(opened: Sequence[Result], p99_s: float | None) -> Result | None:
    """The last stage, by rate, before the first that was not borne; None where that is the first."""
    last = None
    for result in sorted(opened, key=lambda r: r.stage.rate or 0.0):
        if not _bears(result, p99_s):
            return last
        last = result
    return last


def _met(opened: Sequence[Result], wanted: Wanted, capacity: float | None) -> bool | None:
    """Whether the wanted was seen. A queue, or a latency, that may be the client's own does not speak against the
    server; a request that it failed does.
    """
    if not wanted.anything or capacity is None:
        return None
    if capacity == 0 or capacity < (wanted.rate or 0.0):
        missed = [r for r in sorted(opened, key=lambda r: r.stage.rate or 0.0) if not _bears(r, wanted.p99_s)]
        return None if missed and missed[0].client_limited and not missed[0].failures else False
    told = max(r.tally.latencies.count for r in opened if (r.stage.rate or 0.0) <= capacity)
    return None if wanted.p99_s is not None and told < ENOUGH else True


def _needed(
    rate: float | None, capacity: float | None, workers: int | None, cores: int
) -> tuple[int | None, int | None]:
    """Workers of each replica, and replicas."""
    if workers is None or not capacity:
        return workers if rate is None else None, 1 if rate is None and capacity else None
    if rate is None:
        return workers, 1
    processes = math.ceil(rate / (HEADROOM * capacity / workers))
    each = max(workers, min(processes, cores)) if processes > workers else processes
    return each, math.ceil(processes / each)


def _max_rows(batches: Sequence[Result], best: int | None, p99_s: float | None) -> int | None:
    """The rows of a request that still leave half of the wanted p99 to others; else those from which on more is no
    gain.
    """
    if p99_s is None:
        return best
    quick = [r.stage.rows for r in batches if not r.failures and r.latency(0.99) <= p99_s / 2]
    return max(quick, default=1) if batches else None
