"""What happens in the demo, event by event; every one knows itself as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from daytwo.bundle import Bundle
from daytwo.checks import CheckReport
from daytwo.demo.requests import Request
from daytwo.demo.server import Answer


@dataclass(frozen=True)
class Trained:
    """A fitted model, and rows that it has not seen.

    what: one line for a person
    rows: how many it was fitted on
    """

    name: str
    what: str
    rows: int
    model: Any
    X: Any
    y: Any


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
