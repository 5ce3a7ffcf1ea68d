"""``daytwo demo``: the whole road on real data, as a run of events that somebody else tells."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

from daytwo.api.check import check
from daytwo.api.pack import pack
from daytwo.bundle import Bundle
from daytwo.checks import CheckReport
from daytwo.demo.models import Trained, trained
from daytwo.demo.requests import Request, bad_requests, good_requests
from daytwo.demo.server import Answer, Server, running

#: How many requests are timed one after the other.
_TIMED_REQUESTS = 300


@dataclass(frozen=True)
class Event:
    """Something that happened.

    took_s: how long it took
    """

    kind: ClassVar[str]
    took_s: float

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"event": self.kind, "took_s": self.took_s}


@dataclass(frozen=True)
class Fitted(Event):
    """A model was fitted."""

    kind = "fitted"
    model: Trained

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | {"name": self.model.name, "what": self.model.what, "rows": self.model.rows}


@dataclass(frozen=True)
class Packed(Event):
    """A model became a bundle."""

    kind = "packed"
    bundle: Bundle

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        manifest = self.bundle.manifest
        compiled = [evidence.to_json() for evidence in manifest.compiled]
        about = {"reference": self.bundle.reference, "digest": self.bundle.digest, "metrics": dict(manifest.metrics)}
        return super().to_json() | about | {"compiled": compiled}


@dataclass(frozen=True)
class Checked(Event):
    """A bundle's own tests were run."""

    kind = "checked"
    report: CheckReport

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | self.report.to_json()


@dataclass(frozen=True)
class Ready(Event):
    """The server said that it is ready; ``took_s`` is from the start of its process."""

    kind = "ready"
    url: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | {"url": self.url}


@dataclass(frozen=True)
class Asked(Event):
    """A request was answered."""

    kind = "asked"
    request: Request
    answer: Answer

    @property
    def as_it_must(self) -> bool:
        """Whether the status is the one that this request must get."""
        return self.answer.status == self.request.status

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        body = self.request.body.decode() if isinstance(self.request.body, bytes) else self.request.body
        request = {"what": self.request.what, "path": self.request.path, "body": body, "expected": self.request.status}
        return super().to_json() | {"request": request, "status": self.answer.status, "answer": self.answer.body}


@dataclass(frozen=True)
class Timed(Event):
    """One request was sent many times over one connection; ``p50_s`` is the median."""

    kind = "timed"
    requests: int
    p50_s: float

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | {"requests": self.requests, "p50_s": self.p50_s}


@dataclass(frozen=True)
class Kept(Event):
    """Everything was told, and the server stays up until somebody ends it."""

    kind = "kept"
    url: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | {"url": self.url}


@dataclass(frozen=True)
class Stopped(Event):
    """The server drained and is gone."""

    kind = "stopped"
    exit_code: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return super().to_json() | {"exit_code": self.exit_code}


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
