"""A bundle's way into place: filled in a hidden folder beside its target, flushed, renamed at once or not at all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from daytwo.bundle import disk
from daytwo.bundle.locks import Lock
from daytwo.bundle.write import BundleWriter
from daytwo.errors import BundleError

_PREFIX = ".daytwo-staging-"


@contextlib.contextmanager
def staged(parent: Path | str) -> Iterator[BundleWriter]:
    """A BundleWriter in a hidden folder of ``parent`` (made where it does not exist), for :func:`place` to rename.

    Whatever happens inside, nothing of the hidden folder is left; what a killed process left goes with the next call.
    A disk that is full, read-only or failing becomes OutsideFailure.
    """
    parent = Path(parent)
    doing = f"writing a bundle in {parent}"
    with contextlib.ExitStack() as stack:
        with disk.disk(doing):
            parent.mkdir(parents=True, exist_ok=True)
            _sweep(parent)
            folder = parent / f"{_PREFIX}{secrets.token_hex(8)}"
            stack.enter_context(Lock(_lock_of(folder), keep=False))
            stack.callback(disk.remove_tree, folder)
            writer = BundleWriter(folder)
        with disk.disk(doing, only=disk.OF_DISKS):  # whoever fills it may fail in ways of their own
            yield writer


def place(writer: BundleWriter, target: Path | str) -> None:
    """Give a sealed bundle its final place. Raises BundleError where something is there already.

    Its files become read-only: a bundle never changes.
    """
    target = Path(target)
    with disk.disk(f"writing the bundle {target}"):
        for file in (item for item in writer.path.rglob("*") if item.is_file()):
            file.chmod(file.stat().st_mode & ~0o222)
        writer.flush()  # the manifest was, when it was written
        if target.exists():
            raise BundleError(f"{target} exists, and a bundle never overwrites: choose another place")
        writer.path.rename(target)
        disk.sync_folder(target.parent)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + ".lock")


def _sweep(parent: Path) -> None:
    """Remove the hidden folders of processes that live no more: nobody holds their locks."""
    for path in parent.glob(f"{_PREFIX}*.lock"):
        lock = Lock(path, keep=False)
        if lock.try_acquire():
            disk.remove_tree(path.with_suffix(""))
            lock.release()
