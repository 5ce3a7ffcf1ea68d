"""The artifact: an immutable folder with a digest, that holds a model and everything needed to serve and judge it."""

from __future__ import annotations

from daytwo.bundle.bundle import Bundle
from daytwo.bundle.examples import Examples
from daytwo.bundle.manifest import Evidence, FileEntry, Manifest
from daytwo.bundle.read import open_bundle
from daytwo.bundle.staging import place, staged
from daytwo.bundle.write import BundleWriter

__all__ = [
    "Bundle",
    "BundleWriter",
    "Evidence",
    "Examples",
    "FileEntry",
    "Manifest",
    "open_bundle",
    "place",
    "staged",
]
