"""``daytwo promote``: an alias points at a version."""

from __future__ import annotations

from pathlib import Path

from daytwo.registry import AliasMove
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path


def promote(
    reference: str, alias: str, *, why: str = "", who: str | None = None, registry: str | Path | None = None
) -> AliasMove:
    """Point ``alias`` at the version that ``reference`` means; the version is verified first.

    why: is kept in the log of moves
    who: is kept too; default: the login name

    Raises UnknownReference, InvalidName, CorruptBundle.
    """
    return LocalRegistry(registry_path(registry)).promote(reference, alias, why=why, who=who)
