"""What is drawn, wherever it is drawn: the curves of a report, as points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from daytwo.loadtest.report import Report
from daytwo.loadtest.scales import Scale
from daytwo.loadtest.stages import Result

#: The quantiles of the main curves.
DRAWN: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99}

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LatencyThroughput:
    """The main picture: latency over requests a second.

    curves:   by quantile, points (requests/s, seconds) in order of the load: as they arrived, or of the ramp as they
              were answered
    open:     whether arrivals were at random; else it is the ramp, where there is no open stage yet
    capacity: requests/s that were borne; wanted_s, wanted_rate: what is wanted
    """

    curves: Mapping[str, list[Point]]
    open: bool
    capacity: float | None
    wanted_s: float | None
    wanted_rate: float | None
    x: Scale
    y: Scale

    @classmethod
    def of(cls, report: Report) -> LatencyThroughput | None:
        """That of ``report``; None where nothing was measured that could be drawn."""
        opened = [result for result in report.of("open") if result.ok]
        drawn = opened or [result for result in report.of("ramp") if result.ok]
        if len(drawn) < 2:
            return None
        curves = {name: [(r.stage.rate or r.per_s, r.latency(q)) for r in drawn] for name, q in DRAWN.items()}
        wanted = report.wanted
        latencies = [y for points in curves.values() for _, y in points]
        rates = [x for x, _ in curves["p50"]]
        reach = wanted.rate if wanted.rate is not None and wanted.rate < 1.5 * max(rates) else None
        return cls(
            curves,
            bool(opened),
            report.verdict.capacity_per_s or None,
            wanted.p99_s,
            reach,
            Scale.linear([*rates, *([reach] if reach else [])]),
            Scale.logarithmic([*latencies, *([wanted.p99_s] if wanted.p99_s else [])]),
        )


def spectrum(result: Result) -> list[Point]:
    """The latency at every quantile that the answers are enough for: points (-log10(1 - q), seconds)."""
    count = result.tally.latencies.count
    deepest = math.log10(count) if count else 0.0
    steps = [step / 8 for step in range(int(deepest * 8) + 1)]
    return [(step, result.latency(1 - 10**-step)) for step in steps]


def spectrum_stages(report: Report, most: int = 4) -> list[Result]:
    """Open stages from the lightest to the heaviest that say most side by side: the capacity is among them."""
    opened = [result for result in report.of("open") if result.tally.latencies.count >= 10]
    if len(opened) <= most:
        return opened
    capacity = report.verdict.capacity_per_s or 0.0
    at = next((i for i, r in enumerate(opened) if (r.stage.rate or 0.0) >= capacity), len(opened) - 1)
    wanted = [0, len(opened) // 3, at, len(opened) - 1]
    return [opened[index] for index in sorted(set(wanted))]
