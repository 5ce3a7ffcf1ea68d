"""``daytwo list``: what the registry holds."""

from __future__ import annotations

from pathlib import Path

from daytwo.registry import Listed
from daytwo.registry.local import LocalRegistry
from daytwo.settings import registry_path


def list_(name: str | None = None, *, registry: str | Path | None = None) -> tuple[Listed, ...]:
    """All versions (of ``name``), by name, the newest first; a damaged one is listed with its problem.

    registry: its folder; by default what ``DAYTWO_REGISTRY``, ``daytwo.toml`` or the default say
    """
    return LocalRegistry(registry_path(registry)).list(name)
