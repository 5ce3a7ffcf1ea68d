"""What a container may use: CPU and memory limits of this process's control groups, of either version.

A limit holds for everything below it, so every level from the process's own group up to the mount is read, and the
smallest wins. The functions take the texts of the files; :mod:`daytwo.serving.limits` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

#: The text of a file, stripped; empty where there is none.
Read = Callable[[PurePosixPath], str]

#: Version 1 writes "no limit" as the largest multiple of a page that fits; nobody has an eighth of that.
_UNLIMITED_BYTES = 1 << 60


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted hierarchy of control groups.

    point:       where it is mounted
    root:        which of its groups is seen there (a container sees its own part)
    version:     1 or 2
    controllers: of version 1, what it controls (``cpu``, ``memory``); of version 2 it is empty, which means all
    """

    point: PurePosixPath
    root: PurePosixPath
    version: int
    controllers: frozenset[str] = frozenset()


def mounts(mountinfo: str) -> list[Mount]:
    """The hierarchies in the text of ``/proc/self/mountinfo``.

    >>> mounts("29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw")
    [Mount(point=PurePosixPath('/sys/fs/cgroup'), root=PurePosixPath('/'), version=2, controllers=frozenset())]
    """
    found = []
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        place, kind = head.split(), tail.split()
        if len(place) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        version = 2 if kind[0] == "cgroup2" else 1
        controllers = frozenset(kind[-1].split(",")) if version == 1 else frozenset[str]()
        found.append(Mount(PurePosixPath(place[4]), PurePosixPath(place[3]), version, controllers))
    return found


def folders(controller: str, membership: str, mountinfo: str) -> Iterator[tuple[int, PurePosixPath]]:
    """(version, folder) of every group that limits ``controller`` for this process, the innermost first.

    membership: the text of ``/proc/self/cgroup``
    """
    groups = [line.split(":", 2) for line in membership.splitlines() if line.count(":") >= 2]
    for mount in mounts(mountinfo):
        for _, controllers, path in groups:
            mine = not controllers if mount.version == 2 else controller in controllers.split(",")
            if not mine or (mount.version == 1 and controller not in mount.controllers):
                continue
            folder = mount.point / _below(PurePosixPath(path), mount.root)
            for level in (folder, *folder.parents):
                yield mount.version, level
                if level == mount.point:
                    break


def cpu_quota(membership: str, mountinfo: str, read: Read) -> float | None:
    """How many CPUs the control groups grant: the smallest quota on the way up. None where there is none."""
    quotas = [_quota(version, folder, read) for version, folder in folders("cpu", membership, mountinfo)]
    return min((quota for quota in quotas if quota is not None), default=None)


def memory_limit(membership: str, mountinfo: str, read: Read) -> int | None:
    """How many bytes the control groups grant: the smallest limit on the way up. None where there is none."""
    names = {1: "memory.limit_in_bytes", 2: "memory.max"}
    texts = [read(folder / names[version]) for version, folder in folders("memory", membership, mountinfo)]
    limits = [int(text) for text in texts if text.isdigit()]
    return min((limit for limit in limits if limit < _UNLIMITED_BYTES), default=None)


def _quota(version: int, folder: PurePosixPath, read: Read) -> float | None:
    if version == 2:
        quota, _, period = read(folder / "cpu.max").partition(" ")
    else:
        quota, period = read(folder / "cpu.cfs_quota_us"), read(folder / "cpu.cfs_period_us")
    # No limit is "max" in version 2 and -1 in version 1.
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _below(path: PurePosixPath, root: PurePosixPath) -> PurePosixPath:
    """``path`` as it is seen under a mount that shows ``root``: the mount itself where it lies elsewhere."""
    if path.is_relative_to(root) and ".." not in path.parts:
        return path.relative_to(root)
    return PurePosixPath()
