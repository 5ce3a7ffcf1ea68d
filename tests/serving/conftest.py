"""The registry that live servers serve from: packed once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with version 1 of ``iris``, ``line``, ``people`` and ``moody``."""
    from serving.live_models import pack_all

    registry = tmp_path_factory.mktemp("registry")
    pack_all(registry)
    return registry
