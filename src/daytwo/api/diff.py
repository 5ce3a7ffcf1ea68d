"""``daytwo diff``: what differs between two bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from daytwo.bundle import Bundle
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path

#: What makes two fields different for a caller; the ranges seen when packed are information.
_BREAKING = ("dtype", "shape", "categories", "unseen", "missing")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs.

    subject: ``input``, ``output``, ``metric``, ``package``, ``tag``, ``compiled`` or ``model``
    name:    which one
    before, after: None where it is not there
    """

    subject: Literal["input", "output", "metric", "package", "tag", "compiled", "model"]
    name: str
    before: Any
    after: Any

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"subject": self.subject, "name": self.name, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class Difference:
    """Two bundles and every change from the first to the second."""

    before: Bundle
    after: Bundle
    changes: tuple[Change, ...]

    @property
    def breaks_callers(self) -> bool:
        """Whether a request that the first one takes may be refused by the second, or answered in another shape."""
        return any(_breaks(change) for change in self.changes)

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "before": {"reference": self.before.reference, "digest": self.before.digest},
            "after": {"reference": self.after.reference, "digest": self.after.digest},
            "breaks_callers": self.breaks_callers,
            "changes": [change.to_json() for change in self.changes],
        }


def diff(before: str, after: str, *, registry: str | Path | None = None) -> Difference:
    """What differs from the bundle ``before`` to the bundle ``after``: fields, metrics, packages, tags, forms.

    Raises UnknownReference, CorruptBundle, UnsupportedFormat.
    """
    home = LocalRegistry(registry_path(registry))
    first, second = home.open(before), home.open(after)
    return Difference(first, second, tuple(_changes(first, second)))


def _changes(first: Bundle, second: Bundle) -> Iterator[Change]:
    one, two = first.manifest, second.manifest
    facts = ("name", "task", "runtime", "rows")
    yield from _compare("model", {f: getattr(one, f) for f in facts}, {f: getattr(two, f) for f in facts})
    yield from _compare("input", *({f.name: f.to_json() for f in b.signature.inputs} for b in (first, second)))
    yield from _compare("output", *({f.name: f.to_json() for f in b.signature.outputs} for b in (first, second)))
    yield from _compare("metric", one.metrics, two.metrics)
    yield from _compare("compiled", *({e.runtime: e.accepted for e in m.compiled} for m in (one, two)))
    yield from _compare("package", *(b.manifest.provenance.get("packages", {}) for b in (first, second)))
    yield from _compare("tag", one.tags, two.tags)


def _compare(subject: Any, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Change(subject, name, before.get(name), after.get(name))


def _breaks(change: Change) -> bool:
    if change.subject not in ("input", "output"):
        return False
    before, after = change.before or {}, change.after or {}
    return not (before and after) or any(before.get(key) != after.get(key) for key in _BREAKING)
