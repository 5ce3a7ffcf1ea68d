"""What the kernel says of processes and of this machine, from /proc. Bytes and seconds."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_PACKAGES = ("daytwo", "fastapi", "uvicorn", "uvloop", "pydantic", "numpy", "scikit-learn", "onnxruntime", "skl2onnx")


def tree(root: int) -> list[int]:
    """The process ``root`` and everything that descends from it."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children[int(fields[1])].append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children[pid])
    return [pid for pid in found if _stat(pid)]


def started_at(pids: Iterable[int]) -> dict[int, str]:
    """When each of these processes started, in the kernel's ticks: with its number that tells it from any later one."""
    return {pid: fields[19] for pid in pids if (fields := _stat(pid))}


def marked(mark: str) -> list[int]:
    """The processes that were started with ``mark`` (``NAME=value``) in their environment."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and mark.encode() in _environment(entry) and _stat(int(entry.name))
    ]


def _environment(entry: Path) -> list[bytes]:
    try:
        return (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def pss_bytes(root: int) -> int:
    """The proportional set size of a process tree: private memory, and its share of what it shares with others."""
    return sum(pss_of(pid) for pid in tree(root))


def cpu_s(root: int) -> float:
    """User and system time that a process tree has used so far."""
    times = [(_stat(pid) or ["0"] * 15)[11:13] for pid in tree(root)]
    return sum(int(ticks) for pair in times for ticks in pair) * _TICK_S


def busy_s() -> float:
    """The time that all cores together have spent on anything but idling, since boot."""
    fields = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, *_rest = map(int, fields)
    return (user + nice + system + irq + softirq) * _TICK_S


@dataclass(frozen=True)
class Machine:
    """What a reader must know to compare figures."""

    cores: int
    processor: str
    memory_bytes: int
    kernel: str
    python: str
    packages: dict[str, str]

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        return (
            f"{self.cores} cores, {self.processor}, {self.memory_bytes / 2**30:.0f} GiB, Linux {self.kernel}, "
            f"Python {self.python}; {packages}"
        )


def describe() -> Machine:
    """This machine, its Python and the packages that matter; neither its name nor its user."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = {name: number for name in _PACKAGES if (number := _version(name))}
    return Machine(cores, _processor(), memory, platform.release(), platform.python_version(), packages)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the command's name (state, parent, …), or None where it is gone or dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields


def pss_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)
