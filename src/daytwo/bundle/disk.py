"""Writing so that a crash leaves all or nothing: flush files and folders, rename, and say in words what failed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from daytwo.errors import OutsideFailure

#: What only a disk says; other errors of the system may be about anything.
OF_DISKS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE})


@contextlib.contextmanager
def disk(doing: str, only: frozenset[int] | None = None) -> Iterator[None]:
    """An OSError inside becomes OutsideFailure: ``doing`` (``writing /x``), and what the system said.

    only: the errors meant (numbers of :mod:`errno`), where the work inside is not just with a disk; None: all
    """
    try:
        yield
    except OSError as error:
        if only is not None and error.errno not in only:
            raise
        raise OutsideFailure(f"{doing} failed: {_words(error)}") from error


def sync_file(path: Path) -> None:
    """Wait until the bytes of ``path`` are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Wait until the names in ``path`` are on the disk."""
    _sync(path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))


def write_whole(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader sees the old bytes or the new ones, whatever happens in between.

    One writer at a time: what a killed one left aside is overwritten by the next.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def remove_tree(path: Path) -> None:
    """Remove a folder and all below it, as far as the system lets us; what is already gone is fine."""
    shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _words(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    return f"{text} ({error.filename})" if error.filename else text
