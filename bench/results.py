"""All that one run measured, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from costs import Pair, Start
from loads import Comparison, Summary
from machine import Machine

_TITLES = {
    "iris": "iris, scaled logistic regression",
    "forest": "breast cancer, random forest of 100 trees",
}
_HEAD = ("", "the article's service", "daytwo", "")


@dataclass
class Results:
    """What was measured; a part that was left out is empty. By subject: ``loads``, ``starts``; seconds: ``packing``."""

    machine: Machine
    client: str
    quick: bool
    ceiling: list[Summary] = field(default_factory=list)
    loads: dict[str, list[Comparison]] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)
    imports: Pair | None = None
    packing: dict[str, float] = field(default_factory=dict)

    @property
    def foreign_cores(self) -> float:
        """The cores that other processes used during the load: the median over the phases; 0 without load."""
        phases = [phase for compared in self.loads.values() for phase in compared]
        return median(p.daytwo.foreign_cores for p in phases) if phases else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain objects, lists and numbers."""
        return asdict(self)


def markdown(results: Results) -> str:
    """The table of the README."""
    lines = [_row(_HEAD), "|---|---:|---:|---:|"]
    for subject, title in _TITLES.items():
        rows = list(_subject_rows(results, subject))
        if rows:
            lines += [_row((f"**{title}**", "", "", "")), *map(_row, rows)]
    if results.imports:
        numpy, ours = results.imports.baseline, results.imports.daytwo
        lines.append(
            _row(("`import daytwo` (beside `import numpy`)", _ms(numpy), _ms(ours), f"× {results.imports.ratio:.2f}"))
        )
    if results.packing:
        lines.append(_row(("packing breast cancer, with proof", "", f"{results.packing['forest']:.1f} s", "")))
    return "\n".join([*lines, "", _footnote(results)])


def _subject_rows(results: Results, subject: str) -> Iterator[tuple[str, str, str, str]]:
    for phase in results.loads.get(subject, []):
        theirs, ours, many = phase.baseline, phase.daytwo, phase.connections
        if many == 1:
            yield ("1 connection: median", _ms(theirs.p50_s), _ms(ours.p50_s), f"× {phase.p50_ratio:.2f}")
        else:
            yield (
                f"{many} connections: requests/s",
                f"{theirs.rps:,.0f}",
                f"{ours.rps:,.0f}",
                f"**× {phase.rps_ratio:.1f}**",
            )
            yield (f"{many} connections: p50 / p99", _spread(theirs), _spread(ours), "")
            if theirs.failed or ours.failed:
                yield (f"{many} connections: errors", f"{theirs.failed:,}", f"{ours.failed:,}", "")
    if start := results.starts.get(subject):
        ready, memory = start.ready_s, start.loaded_bytes
        yield ("start to first answer", f"{ready.baseline:.2f} s", f"{ready.daytwo:.2f} s", f"× {ready.ratio:.2f}")
        yield ("memory under load", _mib(memory.baseline), _mib(memory.daytwo), f"× {memory.ratio:.2f}")


def _footnote(results: Results) -> str:
    ceiling = next((f"{s.rps:,.0f}" for s in results.ceiling if s.connections == 32), None)
    bare = f" A bare uvicorn echo, the ceiling here, answers {ceiling} requests/s at 32 connections." if ceiling else ""
    return (
        f"One worker each; load from {results.client} on the same machine; medians of alternating slices, ratios within "
        f"each pair.{bare} Measured on {results.machine}."
    )


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / 2**20:.0f} MiB"


def _spread(summary: Summary) -> str:
    return f"{summary.p50_s * 1e3:.2f} / {summary.p99_s * 1e3:.2f} ms"
