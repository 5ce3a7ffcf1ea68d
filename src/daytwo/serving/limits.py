"""What this process may use, read from the kernel: CPUs, memory, GPUs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

from daytwo.serving import cgroups


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is to share among workers.

    cpus:         CPUs, maybe a fraction
    cpus_by:      what decides it, in words that stand after ``by``
    memory_bytes: what may still be used
    memory_by:    likewise
    gpus:         names or numbers of the visible GPUs, as ``CUDA_VISIBLE_DEVICES`` takes them
    """

    cpus: float
    cpus_by: str
    memory_bytes: int
    memory_by: str
    gpus: tuple[str, ...] = ()


def read_limits(root: Path = Path("/"), environment: Mapping[str, str] | None = None) -> Limits:
    """The limits of this process. ``root`` is where ``/proc``, ``/sys`` and ``/dev`` are looked for."""

    def read(path: PurePosixPath) -> str:
        try:
            return (root / path.relative_to("/")).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return ""

    groups = read(PurePosixPath("/proc/self/cgroup")), read(PurePosixPath("/proc/self/mountinfo"))
    allowed = float(_affinity())
    quota = cgroups.cpu_quota(*groups, read)
    free = psutil.virtual_memory().available
    limit = cgroups.memory_limit(*groups, read)
    cpus, cpus_by = allowed, "affinity"
    if quota is not None and quota < allowed:
        cpus, cpus_by = quota, "the control group's quota"
    memory, memory_by = free, "what is free"
    if limit is not None and limit < free:
        memory, memory_by = limit, "the control group's limit"
    present = len(list(root.glob("dev/nvidia[0-9]*")))
    gpus = visible_gpus(present, os.environ if environment is None else environment)
    return Limits(cpus, cpus_by, memory, memory_by, gpus)


def visible_gpus(present: int, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs that this process sees, of ``present`` ones; ``CUDA_VISIBLE_DEVICES`` hides the others.

    >>> visible_gpus(4, {"CUDA_VISIBLE_DEVICES": "2,3"}), visible_gpus(1, {})
    (('2', '3'), ('0',))
    """
    every = tuple(str(index) for index in range(present))
    shown = environment.get("CUDA_VISIBLE_DEVICES")
    if shown is None or not present:
        return every
    named = [name.strip() for name in shown.split(",")]
    hidden = next((place for place, name in enumerate(named) if name in ("", "-1", "NoDevFiles")), len(named))
    return tuple(named[:hidden])


def _affinity() -> int:
    """The CPUs that the scheduler lets this process run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
