"""What the machine says when asked at a scrape: the worker's CPU, memory and threads, the container's, the GPU's.

What is absent (no control group, no driver) is no series, never a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psutil

from daytwo import _plugins
from daytwo.errors import MissingLibrary
from daytwo.exporters.prometheus import Sample

_CGROUP = Path("/sys/fs/cgroup")
_GPU = "daytwo.serving.gpu:reader"


class HostSampler:
    """Samples of the worker processes, their container and their GPUs.

    processes: answers which worker runs as which process
    """

    def __init__(self, processes: Callable[[], Mapping[int, int]], cgroup: Path = _CGROUP) -> None:
        self._processes = processes
        self._cgroup = cgroup
        self._gpu = _gpu_reader()

    def samples(self) -> Iterator[Sample]:
        """One reading of everything there is; series of one metric follow each other per worker."""
        for worker, pid in self._processes().items():
            yield from process_samples(str(worker), pid)
        yield from container_samples(self._cgroup)
        if self._gpu is not None:
            yield from self._gpu()


def process_samples(worker: str, pid: int) -> Iterator[Sample]:
    """CPU, memory and threads of one worker and the processes of its models; nothing where it has just died."""
    cpu_s = memory = threads = 0.0
    try:
        worker_process = psutil.Process(pid)
        ended = worker_process.cpu_times()
        for process in (worker_process, *worker_process.children()):
            with process.oneshot():
                times = process.cpu_times()
                cpu_s += times.user + times.system
                memory += process.memory_info().rss
                threads += process.num_threads()
    except psutil.Error:
        return
    # A process that ended took its time with it; the kernel keeps it with the parent, so that the counter never falls.
    cpu_s += getattr(ended, "children_user", 0.0) + getattr(ended, "children_system", 0.0)
    yield "daytwo_process_cpu_seconds_total", (worker,), [cpu_s]
    yield "daytwo_process_resident_memory_bytes", (worker,), [memory]
    yield "daytwo_process_threads", (worker,), [threads]


def container_samples(cgroup: Path) -> Iterator[Sample]:
    """CPU throttling and memory from the files of a version 2 control group, where they are."""
    cpu = _key_values(cgroup / "cpu.stat")
    if "nr_throttled" in cpu:
        yield "daytwo_container_cpu_periods_total", (), [cpu.get("nr_periods", 0.0)]
        yield "daytwo_container_cpu_throttled_periods_total", (), [cpu["nr_throttled"]]
        yield "daytwo_container_cpu_throttled_seconds_total", (), [cpu.get("throttled_usec", 0.0) / 1e6]
    for name, file in (("", "memory.current"), ("limit_", "memory.max")):
        text = _read(cgroup / file)
        if text.isdigit():  # "max" means that there is no limit
            yield f"daytwo_container_memory_{name}bytes", (), [float(text)]


def _key_values(path: Path) -> dict[str, float]:
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _gpu_reader() -> Callable[[], Iterator[Sample]] | None:
    """A reader of the GPUs, or None without the library, the driver or a GPU."""
    try:
        reader: Callable[[], Callable[[], Iterator[Sample]] | None] = _plugins.load(_GPU, "GPU metrics")
    except MissingLibrary:
        return None
    return reader()
