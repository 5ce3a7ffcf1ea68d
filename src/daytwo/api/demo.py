"""``daytwo demo``: the whole road on real data, as a run of events that somebody else tells."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from statistics import median

from daytwo.api.check import check
from daytwo.api.pack import pack
from daytwo.bundle import Bundle
from daytwo.demo.events import Asked, Checked, Event, Fitted, Kept, Packed, Ready, Stopped, Timed, Trained
from daytwo.demo.models import trained
from daytwo.demo.requests import bad_requests, good_requests
from daytwo.demo.server import Server, running

#: How many requests are timed one after the other.
_TIMED_REQUESTS = 300


def demo(*, keep: bool = False) -> Generator[Event, None, None]:
    """Train, pack, check, serve and ask three models; every step is an event as soon as it has happened.

    keep: leave the server up after the last request, until KeyboardInterrupt

    Everything is done in a temporary folder and a process of its own; both are gone when the last event has come, and
    also when the caller stops listening.
    """
    with tempfile.TemporaryDirectory(prefix="daytwo-demo-") as folder:
        registry = Path(folder) / "registry"
        bundles: list[Bundle] = []
        rows: dict[str, Trained] = {}
        for event in _build(registry):
            yield event
            if isinstance(event, Fitted):
                rows[event.model.name] = event.model
            elif isinstance(event, Packed):
                bundles.append(event.bundle)
        with running([bundle.reference for bundle in bundles], registry, Path(folder) / "server.log") as server:
            yield Ready(server.ready_after_s, server.url)
            yield from _ask(server, rows)
            if keep:
                yield from _keep(server)
            start = time.perf_counter()
            code = server.stop()
            yield Stopped(time.perf_counter() - start, code)


def _build(registry: Path) -> Iterator[Event]:
    """Train, pack and check each model."""
    models = trained()
    while True:
        start = time.perf_counter()
        model = next(models, None)
        if model is None:
            return
        yield Fitted(time.perf_counter() - start, model)
        start = time.perf_counter()
        bundle = pack(model.model, model.X, model.y, name=model.name, registry=registry, evaluated_on="rows held out")
        yield Packed(time.perf_counter() - start, bundle)
        start = time.perf_counter()
        report = check(bundle.reference, registry=registry, trust=True, budget_s=0.1)
        yield Checked(time.perf_counter() - start, report)


def _ask(server: Server, models: dict[str, Trained]) -> Iterator[Event]:
    tissue = models["cancer"].X.iloc[0].to_dict()
    good = good_requests(tissue)
    for request in (*good, *bad_requests()):
        answer = server.ask("POST", request.path, request.body)
        yield Asked(answer.took_s, request, answer)
    start = time.perf_counter()
    times = [server.ask("POST", good[0].path, good[0].body).took_s for _ in range(_TIMED_REQUESTS)]
    yield Timed(time.perf_counter() - start, _TIMED_REQUESTS, median(times))


def _keep(server: Server) -> Iterator[Event]:
    try:
        yield Kept(0.0, server.url)
        server.process.wait()
    except KeyboardInterrupt:
        return
