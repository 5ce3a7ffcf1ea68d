"""The goals, each a figure of a run against its limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from goals import Goal
from peers import figures
from peers.catalog import BEHIND
from peers.figures import BASELINE, CROWD, MANY, ONE, OURS, Figures

#: How many times the article's requests per second, at 32 connections.
_TIMES_ARTICLE = {"iris": 8.0, "forest": 60.0}
_SHARE_OF_ECHO = 0.55
_SHARE_OF_MEDIAN = 0.25
_TAIL = 3.0


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """Every goal that this run measured something for."""
    services = {service["name"]: service for service in document["services"]}
    found: list[Goal] = []
    for model in figures.models(document):
        everyone = figures.figures(document, model)
        if (ours := everyone.get(OURS)) and MANY in ours.phases:
            rivals = [
                everyone[name] for name in everyone if name not in (OURS, BASELINE) and not services[name]["ceiling"]
            ]
            found += _own(model, ours, everyone)
            found += _throughput(model, ours, rivals, services)
            found += _latency(model, ours, [*rivals, everyone[BASELINE]] if BASELINE in everyone else rivals)
    return found


def _own(model: str, ours: Figures, everyone: Mapping[str, Figures]) -> Iterator[Goal]:
    if ours.ratio and model in _TIMES_ARTICLE:
        yield Goal(f"{model}: requests/s at 32 connections", ours.ratio, "≥", _TIMES_ARTICLE[model], "× article's")
    echo = everyone.get("echo")
    if model == "iris" and echo and MANY in echo.phases:
        share = figures.ahead(ours, echo) or ours.phases[MANY].rps / echo.phases[MANY].rps
        yield Goal(f"{model}: requests/s at 32 connections", share, "≥", _SHARE_OF_ECHO, "× bare echo")
    many = ours.phases[MANY]
    yield Goal(f"{model}: p99 at 32 connections", many.p99_s / many.p50_s, "≤", _TAIL, "× median")
    if CROWD in ours.phases:
        yield Goal(f"{model}: errors at 256 connections", ours.phases[CROWD].errors, "≤", 0, "errors")


def _throughput(
    model: str, ours: Figures, rivals: list[Figures], services: Mapping[str, Mapping[str, Any]]
) -> Iterator[Goal]:
    """One goal for the nearest of those with the common target, one for each with a target of its own."""
    near: list[tuple[float, str]] = []
    for rival in rivals:
        service, times = services[rival.service], figures.ahead(ours, rival)
        if times is None:
            continue
        if not service["behind"]:
            near.append((times, service["title"]))
        elif model in service["behind"]:
            yield Goal(
                f"{model}: requests/s at 32, {service['title']}", times, "≥", service["behind"][model], "× theirs"
            )
    if near:
        times, title = min(near)
        yield Goal(f"{model}: requests/s at 32, the nearest other: {title}", times, "≥", BEHIND, "× theirs")


def _latency(model: str, ours: Figures, rivals: list[Figures]) -> Iterator[Goal]:
    medians = [rival.phases[ONE].p50_s for rival in rivals if rival.complete and ONE in rival.phases]
    if medians and ONE in ours.phases:
        share = ours.phases[ONE].p50_s / min(medians)
        yield Goal(f"{model}: median at 1 connection", share, "≤", _SHARE_OF_MEDIAN, "× best peer's")
