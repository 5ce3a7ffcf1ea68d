"""The typed description inside a bundle. Its bytes are hashed, and that digest names the bundle."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from daytwo.bundle import documents
from daytwo.bundle.layout import FORMAT, check_name, check_path
from daytwo.errors import InvalidName

#: The manifest ends with the checksum of every byte before it, so that damage to the manifest itself is seen.
_TAIL = re.compile(rb'"checksum": "sha256:([0-9a-f]{64})"\n}\n\Z')
_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}")


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a bundle: its path (relative, ``/`` between parts), sha256 (hex) and size (bytes)."""

    path: str
    sha256: str
    size: int

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"path": self.path, "sha256": self.sha256, "size": self.size}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FileEntry:
        """The inverse of :meth:`to_json`; ValueError says what is wrong."""
        path = check_path(documents.member(data, "path", str))
        sha256, size = documents.member(data, "sha256", str), documents.member(data, "size", int)
        if not _SHA256.fullmatch(sha256) or size < 0:
            raise ValueError(f"the entry of {path} has no proper sha256 and size")
        return cls(path, sha256, size)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What became of one attempt to compile the model for another runtime.

    runtime:        the runtime that was tried (``onnx``)
    accepted:       whether it serves; if not, ``reason`` says why
    rows, edge_rows, threshold_rows: how many rows of data, of edge cases and beside tree thresholds were compared
    label_flips:    rows whose label differed from the original's
    worst_error:    the largest error seen, measured as ``tolerance`` is
    details:        opset, versions, …
    """

    runtime: str
    accepted: bool
    reason: str | None = None
    rows: int = 0
    edge_rows: int = 0
    threshold_rows: int = 0
    label_flips: int = 0
    worst_error: float = 0.0
    tolerance: float = 0.0
    details: Mapping[str, str | int | float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object; numbers that are not finite become text."""
        return {
            "runtime": self.runtime,
            "accepted": self.accepted,
            "reason": self.reason,
            "rows": int(self.rows),
            "edge_rows": int(self.edge_rows),
            "threshold_rows": int(self.threshold_rows),
            "label_flips": int(self.label_flips),
            "worst_error": documents.number_to_json(self.worst_error),
            "tolerance": documents.number_to_json(self.tolerance),
            "details": dict(sorted(self.details.items())),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evidence:
        """The inverse of :meth:`to_json`; ValueError says what is wrong."""
        counts = ("rows", "edge_rows", "threshold_rows", "label_flips")
        return cls(
            runtime=check_path(documents.member(data, "runtime", str)),
            accepted=documents.member(data, "accepted", bool),
            reason=None if data.get("reason") is None else documents.member(data, "reason", str),
            worst_error=documents.number_from_json(data, "worst_error"),
            tolerance=documents.number_from_json(data, "tolerance"),
            details=documents.member(data, "details", dict, {}),
            **{name: documents.member(data, name, int) for name in counts},
        )


@dataclass(frozen=True)
class Manifest:
    """What a bundle is and what it holds.

    name, version: the model's name, and its version as text (``"3"``)
    created:       when it was packed, ISO 8601 in UTC
    task:          ``classification``, ``regression``, …
    runtime:       the runtime of the native form below ``model/``
    files:         every file but the manifest itself
    compiled:      every attempt at a faster form, with its evidence
    metrics:       scores at packing
    provenance:    git commit, Python, package versions; nothing about a host or a user
    executes:      path → what loading it would execute (``{"model/model.pkl": "a pickle"}``)
    rows:          rows of data at packing
    """

    name: str
    version: str
    created: str
    task: str
    runtime: str
    files: tuple[FileEntry, ...] = ()
    compiled: tuple[Evidence, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    executes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    rows: int = 0
    format: int = FORMAT

    @property
    def size_bytes(self) -> int:
        """The sum of all files but the manifest."""
        return sum(entry.size for entry in self.files)

    def to_json(self) -> dict[str, Any]:
        """A JSON object, the format number first; deterministic, for the digest is taken over its bytes."""
        return {
            "format": self.format,
            "name": self.name,
            "version": self.version,
            "created": self.created,
            "task": self.task,
            "runtime": self.runtime,
            "rows": int(self.rows),
            "metrics": {k: documents.number_to_json(v) for k, v in sorted(self.metrics.items())},
            "tags": dict(sorted(self.tags.items())),
            "executes": dict(sorted(self.executes.items())),
            "compiled": [evidence.to_json() for evidence in self.compiled],
            "provenance": dict(self.provenance),
            "files": [entry.to_json() for entry in sorted(self.files, key=lambda entry: entry.path)],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """The inverse of :meth:`to_json`; ValueError says what is wrong. Members it does not know are ignored."""
        items = documents.member(data, "files", list), documents.member(data, "compiled", list)
        files, compiled = ([documents.expect(item, dict, "an entry") for item in part] for part in items)
        metrics = documents.member(data, "metrics", dict)
        manifest = cls(
            **{name: documents.member(data, name, str) for name in ("name", "version", "created", "task", "runtime")},
            format=documents.member(data, "format", int),
            rows=documents.member(data, "rows", int),
            files=tuple(FileEntry.from_json(item) for item in files),
            compiled=tuple(Evidence.from_json(item) for item in compiled),
            metrics={name: documents.number_from_json(metrics, name) for name in metrics},
            provenance=documents.member(data, "provenance", dict),
            executes=documents.mapping(data, "executes", str),
            tags=documents.mapping(data, "tags", str),
        )
        try:
            manifest.check()
        except InvalidName as error:
            raise ValueError(str(error)) from None
        return manifest

    def check(self) -> None:
        """Raises InvalidName for the name, ValueError where version or paths are not what a bundle may have."""
        check_name("model name", self.name)
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"{self.version!r} cannot be a version")
        if len({entry.path for entry in self.files}) != len(self.files):
            raise ValueError("a file is listed twice")

    def to_bytes(self) -> bytes:
        """The bytes of ``manifest.json``, checksum included."""
        head = documents.render(self.to_json()).removesuffix(b"\n}\n") + b',\n  "checksum": "sha256:'
        return head + hashlib.sha256(head).hexdigest().encode() + b'"\n}\n'


def check_checksum(data: bytes) -> None:
    """Raises ValueError where the bytes of a manifest are not those that were written."""
    tail = _TAIL.search(data)
    if tail is None:
        raise ValueError("manifest.json does not end with its checksum")
    if hashlib.sha256(data[: tail.start(1)]).hexdigest().encode() != tail.group(1):
        raise ValueError("manifest.json does not match its own checksum")


def digest_of(data: bytes) -> str:
    """The digest that names a bundle: of the bytes of its manifest.

    >>> digest_of(b"")[:20]
    'sha256:e3b0c44298fc1'
    """
    return "sha256:" + hashlib.sha256(data).hexdigest()
