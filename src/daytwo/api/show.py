"""``daytwo show``: what a bundle is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from daytwo.bundle import Bundle
from daytwo.registry import AliasMove, Reference
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path


@dataclass(frozen=True)
class Shown:
    """A bundle with what the registry knows of it.

    aliases: those that point at it; none for a bundle that was given as a path
    history: every move of any alias to or from it, the oldest first
    """

    bundle: Bundle
    aliases: tuple[str, ...] = ()
    history: tuple[AliasMove, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object: the manifest and the signature, and what stands around them."""
        return {
            "reference": self.bundle.reference,
            "digest": self.bundle.digest,
            "path": str(self.bundle.path),
            "aliases": list(self.aliases),
            "manifest": self.bundle.manifest.to_json(),
            "signature": self.bundle.signature.to_json(),
            "would_execute": [{"path": path, "what": what} for path, what in self.bundle.would_execute()],
            "history": [asdict(move) for move in self.history],
        }


def show(reference: str, *, registry: str | Path | None = None) -> Shown:
    """The bundle that ``reference`` means, verified, with its aliases and their moves.

    Raises UnknownReference, CorruptBundle, UnsupportedFormat.
    """
    home = LocalRegistry(registry_path(registry))
    bundle = home.open(reference)
    if Reference.parse(reference).path is not None:
        return Shown(bundle)
    aliases = tuple(alias for alias, version in home.aliases(bundle.name).items() if version == bundle.version)
    moves = tuple(move for move in home.history(bundle.name) if bundle.version in (move.version, move.previous))
    return Shown(bundle, aliases, moves)
