"""What lies in the folder of a registry: models, versions, the numbers that were used, and what each version is."""

from __future__ import annotations

import os
from pathlib import Path

from daytwo.bundle.disk import disk, remove_tree
from daytwo.bundle.layout import MANIFEST, check_name
from daytwo.bundle.read import read_manifest
from daytwo.errors import BundleError, InvalidName, OutsideFailure, UnknownReference
from daytwo.registry import NUMBER, Listed

#: Holds an empty folder for each version that was deleted: its number is never used again.
DELETED = ".deleted"


def bundle_folder(path: Path) -> Path:
    """``path``, absolute, where it can be a bundle; raises UnknownReference otherwise."""
    with disk(f"reading {path}"):
        return _checked_folder(path)


def _checked_folder(path: Path) -> Path:
    if not path.is_dir():
        why = "it is a file, not the folder of a bundle" if path.exists() else "there is no such folder"
        raise UnknownReference(str(path), why)
    if not (path / MANIFEST).exists():
        raise UnknownReference(str(path), f"the folder holds no {MANIFEST}, so it is no bundle")
    return path.resolve()


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    with disk(f"reading {folder}"):
        try:
            with os.scandir(folder) as found:
                return [item for item in found if item.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []


def names_in(root: Path) -> list[str]:
    """The models that have a version."""
    return sorted(item.name for item in _folders(root) if _is_name(item.name) and versions_in(root / item.name))


def versions_in(folder: Path) -> tuple[int, ...]:
    """The versions in ``folder``, in order."""
    return tuple(sorted(int(item.name) for item in _folders(folder) if NUMBER.fullmatch(item.name)))


def next_version(folder: Path) -> int:
    """The version after all that are or were in ``folder``."""
    return max([0, *versions_in(folder), *versions_in(folder / DELETED)]) + 1


def _is_name(name: str) -> bool:
    try:
        return bool(check_name("model name", name))
    except InvalidName:
        return False


def empty_tombs(deleted: Path) -> None:
    """Remove what is in the folders of deleted versions; the empty folders stay, for their numbers are used."""
    for tomb in _folders(deleted):
        for item in list(Path(tomb.path).iterdir()):
            if item.is_dir() and not item.is_symlink():
                remove_tree(item)
            else:
                item.unlink(missing_ok=True)


def listed(folder: Path, pointing: tuple[str, ...]) -> Listed | None:
    """A version as a listing shows it; None where it was deleted in the meantime."""
    name, version = folder.parent.name, folder.name
    try:
        with disk(f"reading {folder}"):
            manifest, digest = read_manifest(folder)
            size = manifest.size_bytes + (folder / MANIFEST).stat().st_size
    except (BundleError, OutsideFailure) as error:
        return Listed(name, version, pointing, problem=str(error)) if folder.exists() else None
    return Listed(name, version, pointing, manifest.created, manifest.task, digest, size)
