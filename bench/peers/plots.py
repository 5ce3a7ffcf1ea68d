"""The plots of the README: throughput at 32 connections and the median at one, light and dark, from one document.

matplotlib is imported where it is drawn with, so that the benchmark itself loads no numerical library.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import figures
from peers.figures import BASELINE, MANY, ONE, OURS

#: The two models of the plots; the tables have them all.
SHOWN = {"iris": "iris, logistic regression", "forest": "breast cancer, forest of 100 trees"}
_WIDTH_IN, _BAR_IN, _REST_IN = 9.2, 0.29, 1.05


@dataclass(frozen=True)
class Theme:
    """Colours that read on a light or a dark page."""

    name: str
    text: str
    faint: str
    ours: str
    peer: str
    baseline: str
    ceiling: str


LIGHT = Theme("light", "#1f2328", "#656d76", "#0969da", "#afb8c1", "#bf8700", "#e4e8ec")
DARK = Theme("dark", "#e6edf3", "#8d96a0", "#4493f8", "#57606a", "#d29922", "#2b3138")


@dataclass(frozen=True)
class Bar:
    """One service's bar; ``kind`` decides its colour."""

    title: str
    value: float
    label: str
    kind: str


def throughput(document: Mapping[str, Any], model: str) -> list[Bar]:
    """Requests per second at 32 connections, the fastest first."""
    bars = _bars(document, model, MANY, lambda phase: phase.rps, lambda value: f"{value:,.0f}")
    return sorted(bars, key=lambda bar: -bar.value)


def latency(document: Mapping[str, Any], model: str) -> list[Bar]:
    """Median milliseconds at one connection, the quickest first."""
    bars = _bars(document, model, ONE, lambda phase: phase.p50_s * 1e3, lambda value: f"{value:.2f} ms")
    return sorted(bars, key=lambda bar: bar.value)


def _bars(document: Mapping[str, Any], model: str, connections: str, value: Any, label: Any) -> list[Bar]:
    kinds = {s["name"]: "ceiling" if s["ceiling"] else "peer" for s in document["services"]}
    kinds |= {BASELINE: "baseline", OURS: "ours"}
    titles = figures.titles(document)
    return [
        Bar(titles[name], found, label(found), kinds[name])
        for name, one in figures.figures(document, model).items()
        if one.complete and connections in one.phases and (found := value(one.phases[connections])) > 0
    ]


def draw(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes the four plots and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    models = [model for model in figures.models(document) if model in SHOWN]
    written = []
    for name, data, title in (
        ("throughput", throughput, "Requests per second at 32 connections (log scale, longer is better)"),
        ("latency", latency, "Median latency at one connection (log scale, shorter is better)"),
    ):
        panels = {SHOWN[model]: data(document, model) for model in models}
        for theme in (LIGHT, DARK):
            written.append(folder / f"{name}-{theme.name}.svg")
            _figure(title, panels, theme, written[-1])
    return written


def _figure(title: str, panels: Mapping[str, list[Bar]], theme: Theme, file: Path) -> None:
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # not every family of the list is here
    import matplotlib as mpl  # noqa: PLC0415  (only where it is drawn with)
    from matplotlib.figure import Figure  # noqa: PLC0415

    fonts = ["DejaVu Sans", "Segoe UI", "Helvetica", "Arial", "sans-serif"]
    style = {"svg.fonttype": "none", "svg.hashsalt": "daytwo", "font.family": fonts, "font.size": 9.5}
    with mpl.rc_context(style):
        most = max(map(len, panels.values()))
        height = _REST_IN + _BAR_IN * most
        figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left", color=theme.text, fontsize=11.5, fontweight="bold")
        for axes, (name, bars) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            _panel(axes, name, bars, theme)
            axes.set_ylim(len(bars) - most + 0.4, len(bars) + 0.6)  # bars of one thickness, the first ones side by side
        figure.savefig(file, transparent=True, metadata={"Date": None, "Creator": None})


def _panel(axes: Any, name: str, bars: list[Bar], theme: Theme) -> None:
    values = [bar.value for bar in bars]
    low, high = 10 ** math.floor(math.log10(min(values) / 1.3)), max(values)  # bars begin at a power of ten
    places = range(len(bars), 0, -1)
    axes.barh(
        places, [value - low for value in values], left=low, height=0.72, color=[getattr(theme, b.kind) for b in bars]
    )
    axes.set_xscale("log")
    axes.set_xlim(low, high * (high / low) ** 0.24)  # room for the last label
    for place, bar in zip(places, bars, strict=True):
        weight = "bold" if bar.kind == "ours" else "normal"
        colour = theme.faint if bar.kind == "ceiling" else theme.text
        axes.annotate(
            bar.label,
            (bar.value, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            fontweight=weight,
        )
    axes.set_yticks(list(places), [bar.title for bar in bars])
    for tick, bar in zip(axes.get_yticklabels(), bars, strict=True):
        tick.set(color=theme.faint if bar.kind == "ceiling" else theme.text, style=_slant(bar))
        tick.set_fontweight("bold" if bar.kind == "ours" else "normal")
    axes.set_title(name, loc="left", color=theme.faint, fontsize=9.5)
    axes.tick_params(length=0, which="both")
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)


def _slant(bar: Bar) -> str:
    return "italic" if bar.kind == "ceiling" else "normal"
