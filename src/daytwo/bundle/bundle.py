"""The artifact, opened: an immutable folder with a digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from daytwo.bundle import documents
from daytwo.bundle.disk import disk
from daytwo.bundle.examples import Examples
from daytwo.bundle.html import bundle_html
from daytwo.bundle.layout import COMPILED, EXAMPLES, LOCK, NATIVE, REFERENCE
from daytwo.bundle.manifest import Manifest
from daytwo.errors import CorruptBundle, OutsideFailure
from daytwo.signature import Signature

#: Files that execute code when they are loaded, whatever the manifest says of them.
_PICKLES = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle")


@dataclass(frozen=True, repr=False)
class Bundle:
    """A bundle whose files were found to be those that were packed. Made by :func:`daytwo.bundle.open_bundle`.

    path:      its folder, absolute
    manifest:  what it is and holds
    signature: what goes in and comes out
    digest:    ``sha256:…`` of the bytes of ``manifest.json``, which hold the digests of everything else
    """

    path: Path
    manifest: Manifest
    signature: Signature
    digest: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """The version, as text."""
        return self.manifest.version

    @property
    def reference(self) -> str:
        """How to ask a registry for it: ``churn:3``."""
        return f"{self.name}:{self.version}"

    @property
    def runtimes(self) -> tuple[str, ...]:
        """The runtimes that can serve it, the best first: compiled forms that passed, then the native one."""
        return (*(item.runtime for item in self.manifest.compiled if item.accepted), self.manifest.runtime)

    @property
    def native_path(self) -> Path:
        """The folder of the model as it was packed."""
        return self.path / NATIVE

    def compiled_path(self, runtime: str) -> Path | None:
        """The folder of the form compiled for ``runtime``, or None where none was accepted."""
        accepted = any(item.accepted and item.runtime == runtime for item in self.manifest.compiled)
        return self.path / COMPILED / runtime if accepted else None

    def would_execute(self) -> tuple[tuple[str, str], ...]:
        """(path, what) of everything that would be executed if all of the bundle were loaded, in order of path."""
        said = dict(self.manifest.executes)
        for entry in self.manifest.files:
            if PurePosixPath(entry.path).suffix in _PICKLES and not any(_below(entry.path, path) for path in said):
                said[entry.path] = "a pickle"
        return tuple(sorted(said.items()))

    def examples(self) -> Examples:
        """Inputs with expected outputs: the bundle's own test."""
        with disk(f"reading the bundle {self.path}"):
            return Examples.load(self.path / EXAMPLES)

    def drift_reference(self) -> dict[str, Any]:
        """What each field, output and error looked like when packed: ``reference.json``."""
        return self._document(REFERENCE)

    def lock(self) -> dict[str, Any]:
        """The environment that it needs: ``environment/lock.json``, see :mod:`daytwo.bundle.environment`."""
        return self._document(LOCK)

    def _document(self, name: str) -> dict[str, Any]:
        with disk(f"reading the bundle {self.path}"):
            data = (self.path / name).read_bytes()
        try:
            return documents.parse_object(data, name)
        except ValueError as error:
            raise CorruptBundle(self.path, str(error)) from None

    def __repr__(self) -> str:
        runtimes = " or ".join(self.runtimes)
        return f"<Bundle {self.reference}: {self.manifest.task} on {runtimes}, {self.digest[:19]}, {self.path}>"

    def _repr_html_(self) -> str:
        try:
            examples = self.examples()
        except (CorruptBundle, OutsideFailure):  # what a notebook shows of a bundle must not raise
            examples = None
        return bundle_html(self.manifest, self.signature, self.digest, self.would_execute(), examples)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
