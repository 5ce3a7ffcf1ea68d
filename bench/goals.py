"""The goals, each a figure of a run against its limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results import Results

#: How many times the baseline's requests per second, at 32 connections.
_TIMES_BASELINE = {"iris": 8.0, "forest": 60.0}
_LABELS = {"iris": "iris, logistic regression", "forest": "breast cancer, forest of 100"}
#: At 128 connections a server that answers less than this share of what it answers at 32 has collapsed.
_COLLAPSE = 0.5


@dataclass(frozen=True)
class Goal:
    """``value`` must be at least or at most ``limit``, both in ``unit``."""

    name: str
    value: float
    sense: Literal["≥", "≤"]
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether it is."""
        return self.value >= self.limit if self.sense == "≥" else self.value <= self.limit

    def __str__(self) -> str:
        verdict = "met    " if self.met else "NOT MET"
        return f"{verdict}  {self.name:66s} {self.value:9.3g} {self.sense} {self.limit:g} {self.unit}"


def goals(results: Results) -> list[Goal]:
    """Every goal that this run measured something for."""
    found = []
    for subject, phases in results.loads.items():
        label, ours = _LABELS[subject], {phase.connections: phase.daytwo for phase in phases}
        ratios = {phase.connections: phase for phase in phases}
        found += [
            Goal(f"{label}: requests/s at 32 connections", ratios[32].rps_ratio, "≥", _TIMES_BASELINE[subject], "× baseline"),
            Goal(f"{label}: median at 1 connection", ratios[1].p50_ratio, "≤", 0.25, "× baseline"),
            Goal(f"{label}: p99 at 32 connections", ours[32].p99_to_p50, "≤", 3.0, "× median"),
            Goal(f"{label}: errors at any number of connections", sum(s.failed for s in ours.values()), "≤", 0, "errors"),
            Goal(f"{label}: requests/s at 128 connections", ours[128].rps / ours[32].rps, "≥", _COLLAPSE, "× those at 32"),
        ]  # fmt: skip
    for subject, start in results.starts.items():
        label = _LABELS[subject]
        found += [
            Goal(f"{label}: start to first right answer", start.ready_s.ratio, "≤", 1.3, "× baseline"),
            Goal(f"{label}: memory under load", start.loaded_bytes.ratio, "≤", 1.2, "× baseline"),
        ]
    if results.imports:
        found.append(Goal("import daytwo", results.imports.ratio, "≤", 1.15, "× import numpy"))
    if results.packing:
        found.append(Goal("packing breast cancer with proof", results.packing["forest"], "≤", 5.0, "s"))
    return found
