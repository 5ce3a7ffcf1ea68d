"""From the runs of one document to the figures of its tables and plots: medians, and ratios to neighbouring baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import Any

#: Connections at which throughput is compared, and at which latency is.
MANY, ONE, CROWD = "32", "1", "256"
BASELINE, OURS = "article", "daytwo"


@dataclass(frozen=True)
class Phase:
    """The medians of a service's slices at one number of connections; errors are summed."""

    rps: float
    p50_s: float
    p99_s: float
    p999_s: float
    errors: int
    cpu_s_per_1000: float


@dataclass(frozen=True)
class Figures:
    """One service on one model. ``problem`` says why figures are missing; ``ratio`` is its requests/s at 32 connections
    over the article's service's just before and after."""

    service: str
    model: str
    problem: str | None
    phases: Mapping[str, Phase]
    ratio: float | None
    ready_s: float | None
    memory_bytes: float | None

    @property
    def complete(self) -> bool:
        """Whether everything was measured and every answer right."""
        return self.problem is None and bool(self.phases)


def models(document: Mapping[str, Any]) -> list[str]:
    """The models that a document has runs of, in its order."""
    return list(dict.fromkeys(run["model"] for run in document["runs"]))


def titles(document: Mapping[str, Any]) -> dict[str, str]:
    """The services' titles by name, in the document's order."""
    return {service["name"]: service["title"] for service in document["services"]}


def figures(document: Mapping[str, Any], model: str) -> dict[str, Figures]:
    """Every service on one model, by name; those that could not be had, too."""
    found = {}
    for service in document["services"]:
        runs = [run for run in document["runs"] if run["service"] == service["name"] and run["model"] == model]
        if runs:
            found[service["name"]] = _folded(service["name"], model, runs)
        elif service.get("problem"):
            found[service["name"]] = Figures(service["name"], model, service["problem"], {}, None, None, None)
    return found


def _folded(name: str, model: str, runs: list[Mapping[str, Any]]) -> Figures:
    problem = next((run["problem"] for run in runs if run["problem"]), None)
    at = {key for run in runs for key in run["phases"]}
    phases = {key: _phase([run["phases"][key] for run in runs if key in run["phases"]]) for key in sorted(at, key=int)}
    ratios = [run["phases"][MANY]["rps"] / mean(run["baseline_rps"]) for run in runs if _comparable(run)]
    return Figures(
        name, model, problem, phases, median(ratios) if ratios else None,
        _median(run["ready_s"] for run in runs), _median(run["memory_bytes"] for run in runs),
    )  # fmt: skip


def _comparable(run: Mapping[str, Any]) -> bool:
    return MANY in run["phases"] and any(run["baseline_rps"])


def _phase(slices: list[Mapping[str, Any]]) -> Phase:
    return Phase(
        rps=median(one["rps"] for one in slices),
        p50_s=median(one["p50_s"] for one in slices),
        p99_s=median(one["p99_s"] for one in slices),
        p999_s=median(one["p999_s"] for one in slices),
        errors=sum(one["errors"] for one in slices),
        cpu_s_per_1000=_median(one["cpu_s_per_1000"] for one in slices) or 0.0,
    )


def _median(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def ahead(ours: Figures, theirs: Figures) -> float | None:
    """How many times their throughput at 32 connections ours is: the ratio of the ratios to the baseline, so that a
    machine that drifts between the two cancels out. None where one was not measured."""
    if ours.ratio is None or theirs.ratio is None:
        return None
    return ours.ratio / theirs.ratio
