"""``daytwo rollback``: an alias points back at where it pointed before."""

from __future__ import annotations

from pathlib import Path

from daytwo.registry import AliasMove
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path


def rollback(
    name: str, alias: str, *, why: str = "", who: str | None = None, registry: str | Path | None = None
) -> AliasMove:
    """Point ``alias`` of the model ``name`` back at the version it pointed at before.

    Raises UnknownReference, and RegistryError where there is nothing to go back to.
    """
    return LocalRegistry(registry_path(registry)).rollback(name, alias, why=why, who=who)
