"""Opening a bundle: every path, size and digest is checked before anything of it is used, and nothing is executed."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daytwo.bundle import documents
from daytwo.bundle import manifest as manifests
from daytwo.bundle.bundle import Bundle
from daytwo.bundle.disk import disk
from daytwo.bundle.layout import MANIFEST, READABLE_FORMATS, SIGNATURE, absent
from daytwo.bundle.manifest import Manifest
from daytwo.errors import CorruptBundle, UnknownReference, UnsupportedFormat
from daytwo.signature import Signature

_MAX_DOCUMENT_BYTES = 64 * 1024 * 1024


def open_bundle(path: Path | str, verify: bool = True, *, digest: str | None = None) -> Bundle:
    """The bundle in the folder ``path``; no model library is imported.

    verify: whether the contents of all files are digested; without it only their names and sizes are checked
    digest: what the bundle's digest must be, where somebody wrote it down

    Raises UnknownReference where there is no such folder, UnsupportedFormat for a format that this daytwo does not
    read, CorruptBundle for everything that is not as it was packed, OutsideFailure where the disk fails.
    """
    root = Path(path).resolve()
    if not root.is_dir():
        raise UnknownReference(str(path), "there is no such folder")
    with disk(f"reading the bundle {path}"):
        try:
            return _open(root, verify, digest)
        except ValueError as error:
            raise CorruptBundle(path, str(error)) from None
        except FileNotFoundError as error:
            raise CorruptBundle(path, f"{error.filename} went away while it was read") from None


def read_manifest(root: Path) -> tuple[Manifest, str]:
    """The manifest in the folder ``root`` and the digest of its bytes; nothing else is looked at. Errors as above."""
    try:
        data = _read(root, MANIFEST)
        document = documents.parse_object(data, MANIFEST)
        number = documents.member(document, "format", int)
        if number not in READABLE_FORMATS:
            raise UnsupportedFormat(root, number, READABLE_FORMATS)
        manifests.check_checksum(data)
        return Manifest.from_json(document), manifests.digest_of(data)
    except ValueError as error:
        raise CorruptBundle(root, str(error)) from None


def _open(root: Path, verify: bool, digest: str | None) -> Bundle:
    manifest, actual = read_manifest(root)
    if digest is not None and digest != actual:
        raise ValueError(f"its digest is {actual}, not {digest}")
    _check_names(root, manifest)
    for entry in manifest.files:
        _check_file(root / entry.path, entry, verify)
    return Bundle(root, manifest, _signature(root), actual)


def _check_names(root: Path, manifest: Manifest) -> None:
    listed = {entry.path for entry in manifest.files}
    if gone := absent(listed):
        raise ValueError(f"the manifest lists no {gone[0]}")
    present = set(_walk(root, ""))
    if gone := sorted(listed - present):
        raise ValueError(f"{gone[0]} is missing" + _and_more(gone))
    if added := sorted(present - listed - {MANIFEST}):
        raise ValueError(f"{added[0]} is not in the manifest" + _and_more(added))


def _check_file(file: Path, entry: manifests.FileEntry, verify: bool) -> None:
    size = file.stat().st_size
    if size != entry.size:
        raise ValueError(f"{entry.path} has {size:,} bytes instead of {entry.size:,}")
    if verify:
        with file.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        if sha256 != entry.sha256:
            raise ValueError(f"{entry.path} does not match its sha256")


def _walk(root: Path, below: str) -> Iterator[str]:
    """Every file's path; ValueError for anything that is neither file nor folder."""
    with os.scandir(root / below) as found:
        for item in found:
            path = f"{below}/{item.name}" if below else item.name
            if item.is_symlink():
                raise ValueError(f"{path} is a symbolic link")
            if item.is_dir(follow_symlinks=False):
                yield from _walk(root, path)
            elif item.is_file(follow_symlinks=False):
                yield path
            else:
                raise ValueError(f"{path} is not a plain file")


def _read(root: Path, name: str) -> bytes:
    try:
        info = (root / name).lstat()
    except FileNotFoundError:
        raise ValueError(f"{name} is missing") from None
    if not stat.S_ISREG(info.st_mode):
        raise ValueError(f"{name} is not a plain file")
    if info.st_size > _MAX_DOCUMENT_BYTES:
        raise ValueError(f"{name} has {info.st_size:,} bytes, more than any true one")
    return (root / name).read_bytes()


def _signature(root: Path) -> Signature:
    document: Any = documents.parse_object(_read(root, SIGNATURE), SIGNATURE)
    try:
        return Signature.from_json(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{SIGNATURE} does not describe a signature ({error})") from None


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
