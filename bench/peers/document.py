"""What one run measured, as one JSON document that is written anew after every service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import machine
from loads import Plan
from peers.catalog import Peer, Variant
from peers.environments import Environment
from peers.measure import Outcome

#: Packages whose versions matter although no table names them.
_WATCHED = ("scikit-learn", "numpy", "onnxruntime", "uvicorn", "uvloop", "httptools", "fastapi", "torch", "pydantic")


@dataclass
class Document:
    """The run so far. ``file`` is where it is kept, None for nowhere."""

    file: Path | None
    head: dict[str, Any]
    services: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    in_process: dict[str, Any] = field(default_factory=dict)

    def add_service(self, peer: Peer, variant: Variant, environment: Environment | None, problem: str | None) -> None:
        """What serves, in which version; ``problem`` is why it cannot."""
        packages = environment.packages if environment else {}
        self.services.append(
            {
                "name": variant.name,
                "title": variant.title,
                "peer": peer.name,
                "setting": variant.setting,
                "ceiling": variant.ceiling,
                "behind": dict(variant.behind),
                "package": peer.package,
                "version": packages.get(peer.package),
                "packages": {name: packages[name] for name in _WATCHED if name in packages},
                "python": environment.python_version if environment else None,
                "installed_bytes": environment.size_bytes if environment else None,
                "problem": problem,
            }
        )

    def add(self, outcome: Outcome) -> dict[str, Any]:
        """A run of one service on one model; the entry is returned because its second baseline comes later."""
        self.runs.append(outcome.to_json())
        self.save()
        return self.runs[-1]

    def to_json(self) -> dict[str, Any]:
        """Plain objects, lists and numbers."""
        return self.head | {"services": self.services, "runs": self.runs, "in_process": self.in_process}

    def save(self) -> None:
        """Replaces the file, whole."""
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            part = self.file.with_suffix(".part")
            part.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
            part.replace(self.file)


def begin(file: Path | None, client: str, plan: Plan, quick: bool, command: str) -> Document:
    """An empty document about a run that starts today, here."""
    head: Mapping[str, Any] = {
        "date": date.today().isoformat(),  # noqa: DTZ011  (the day on the reader's calendar)
        "command": command,
        "machine": asdict(machine.describe()),
        "client": client,
        "quick": quick,
        "plan": asdict(plan),
    }
    return Document(file, dict(head))
