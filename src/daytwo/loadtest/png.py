"""The curve of latency over throughput as a picture, by matplotlib, an extra."""

from __future__ import annotations

import io

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from daytwo.errors import OutsideFailure
from daytwo.loadtest.curves import LatencyThroughput
from daytwo.loadtest.report import Report, duration, per_second, short_duration

_COLOURS = {"p50": "#0f8b8d", "p90": "#3b6fd4", "p99": "#b83280"}
_CAPACITY, _WANTED, _SOFT, _LINE = "#18794e", "#c92a2a", "#667085", "#e4e6ea"


def png(report: Report) -> bytes:
    """The picture, 1600 by 800 pixels. Raises OutsideFailure where too little was measured to draw."""
    picture = LatencyThroughput.of(report)
    if picture is None:
        raise OutsideFailure("too little was measured for a picture: it takes two stages with answers")
    figure = Figure(figsize=(10, 5), dpi=160, layout="constrained")
    axes = figure.subplots()
    for name, points in picture.curves.items():
        axes.plot(*zip(*points, strict=True), "o-", color=_COLOURS[name], label=name, markersize=5, linewidth=1.8)
    _references(axes, picture)
    axes.set_yscale("log")
    axes.set_xlim(picture.x.low, picture.x.high)
    axes.set_ylim(picture.y.low, picture.y.high)
    axes.set_yticks(picture.y.ticks(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_duration(value)))
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.set_xlabel("requests arriving per second" if picture.open else "requests answered per second", color=_SOFT)
    axes.set_title(f"{report.setting.target}: latency over throughput", loc="left", fontweight="bold")
    axes.grid(axis="y", color=_LINE)
    axes.tick_params(colors=_SOFT)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _references(axes: object, picture: LatencyThroughput) -> None:
    """What is wanted, and what was borne, as lines with a name."""
    upright, level = axes.axvline, axes.axhline  # type: ignore[attr-defined]  # matplotlib's own type is not here
    if picture.capacity is not None:
        upright(picture.capacity, color=_CAPACITY, linestyle="--", label=f"capacity {per_second(picture.capacity)}/s")
    if picture.wanted_rate is not None:
        upright(picture.wanted_rate, color=_WANTED, linestyle=":", label=f"wanted {per_second(picture.wanted_rate)}/s")
    if picture.wanted_s is not None:
        level(picture.wanted_s, color=_WANTED, linestyle="--", label=f"wanted p99 {duration(picture.wanted_s)}")
