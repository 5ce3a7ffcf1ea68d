"""Writing a bundle: a folder is filled, then sealed by its manifest. Its way into place is in ``staging.py``."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from daytwo.bundle import disk, documents, environment
from daytwo.bundle.examples import Examples
from daytwo.bundle.layout import (
    EXAMPLES,
    LOCK,
    MANIFEST,
    NATIVE_REQUIREMENTS,
    REFERENCE,
    REQUIREMENTS,
    SIGNATURE,
    absent,
    check_path,
)
from daytwo.bundle.manifest import Evidence, FileEntry, Manifest
from daytwo.signature import Signature


class BundleWriter:
    """A folder that is being filled, and becomes a bundle by :meth:`seal`.

    ``path`` is created where it does not exist, and must be empty. Prefer
    :func:`daytwo.bundle.staging.staged`, which puts the folder where
    it can be renamed from, and removes it when anything fails.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.iterdir()):
            raise ValueError(f"{self.path} is not empty")
        self._known: dict[str, tuple[tuple[int, ...], FileEntry]] = {}
        self._flushed: dict[str, tuple[int, ...]] = {}

    def folder(self, sub: str) -> Path:
        """The folder ``sub`` (``model``, ``compiled/onnx``) of the bundle, made where it does not exist."""
        folder = self.path / check_path(sub)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write_bytes(self, path: str, data: bytes) -> None:
        """Write one file; ``path`` is relative, with ``/`` between its parts."""
        target = self.path / check_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    def write_json(self, path: str, value: Any) -> None:
        """Write ``value`` as a JSON file. Raises ValueError for NaN and infinities."""
        self.write_bytes(path, documents.render(value))

    def write_signature(self, signature: Signature) -> None:
        """Write ``signature.json``."""
        self.write_json(SIGNATURE, signature.to_json())

    def write_examples(self, examples: Examples) -> None:
        """Write ``examples.npz``."""
        self.write_bytes(EXAMPLES, examples.to_bytes())

    def write_reference(self, reference: Mapping[str, Any]) -> None:
        """Write ``reference.json``: what each field, output and error looked like when packed."""
        self.write_json(REFERENCE, reference)

    def write_lock(self, lock: Mapping[str, Any]) -> None:
        """Write ``environment/``: the lock as made by :func:`daytwo.bundle.environment.lock`, and pip's form of it."""
        self.write_json(LOCK, lock)
        self.write_bytes(REQUIREMENTS, environment.requirements(lock, "serve").encode())
        if "native" in lock:
            self.write_bytes(NATIVE_REQUIREMENTS, environment.requirements(lock, "native").encode())

    def entries(self) -> tuple[FileEntry, ...]:
        """Every file written so far. What did not change since the last call is not read again."""
        found = (item for item in sorted(self.path.rglob("*")) if not item.is_dir() or item.is_symlink())
        return tuple(self._entry(item) for item in found if item != self.path / MANIFEST)

    def _entry(self, file: Path) -> FileEntry:
        path = check_path(file.relative_to(self.path).as_posix())
        if file.is_symlink() or not file.is_file():
            raise ValueError(f"{path} is not a plain file: a bundle holds nothing else")
        stat = file.stat()
        seen = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if self._known.get(path, ((),))[0] != seen:
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            self._known[path] = seen, FileEntry(path, sha256, stat.st_size)
        return self._known[path][1]

    def flush(self) -> None:
        """Digest all that was written, and wait until it is on the disk. What did not change since is not done again."""
        fresh = [entry.path for entry in self.entries() if self._flushed.get(entry.path) != self._known[entry.path][0]]
        for path in fresh:
            disk.sync_file(self.path / path)
            self._flushed[path] = self._known[path][0]
        above = {folder for path in fresh for folder in PurePosixPath(path).parents}
        for folder in sorted(above, reverse=True):  # what is inside comes before what holds it
            disk.sync_folder(self.path / folder)

    def seal(
        self,
        name: str,
        version: str,
        *,
        task: str,
        runtime: str,
        compiled: Sequence[Evidence] = (),
        metrics: Mapping[str, float] | None = None,
        provenance: Mapping[str, Any] | None = None,
        executes: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        rows: int = 0,
        created: str | None = None,
    ) -> Manifest:
        """Write the manifest, last, over all files; call it again to seal under another version.

        The members are those of :class:`Manifest`; ``created`` is :func:`timestamp` where it is not given. Raises
        InvalidName for the name, ValueError where the folder is not a whole bundle.
        """
        manifest = Manifest(
            name=name,
            version=version,
            created=created or timestamp(os.environ),
            task=task,
            runtime=runtime,
            files=self.entries(),
            compiled=tuple(compiled),
            metrics=dict(metrics or {}),
            provenance=dict(provenance or {}),
            executes=dict(executes or {}),
            tags=dict(tags or {}),
            rows=rows,
        )
        manifest.check()
        if gone := absent(entry.path for entry in manifest.files):
            raise ValueError(f"a bundle is not whole without {', '.join(gone)}")
        data = manifest.to_bytes()
        Manifest.from_json(documents.parse_object(data, MANIFEST))  # what could not be read again is not written
        disk.write_whole(self.path / MANIFEST, data)
        return manifest


def timestamp(environ: Mapping[str, str], now: dt.datetime | None = None) -> str:
    """The time to write down: ``SOURCE_DATE_EPOCH`` (seconds) where it is set, else ``now`` (default: the clock's).

    >>> timestamp({"SOURCE_DATE_EPOCH": "0"})
    '1970-01-01T00:00:00Z'
    """
    epoch = environ.get("SOURCE_DATE_EPOCH", "")
    moment = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch.isdigit() else now or dt.datetime.now(dt.UTC)
    return moment.astimezone(dt.UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"
