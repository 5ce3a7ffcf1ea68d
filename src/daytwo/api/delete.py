"""``daytwo delete``: a version goes, for good."""

from __future__ import annotations

from pathlib import Path

from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path


def delete(reference: str, *, registry: str | Path | None = None) -> str:
    """Remove one version, ``name:3``; its number is never used again. Returns the reference of what was removed.

    Raises AliasInUse while an alias points at it, UnknownReference.
    """
    return LocalRegistry(registry_path(registry)).delete(reference)
