"""Utilisation and memory of NVIDIA GPUs, from NVIDIA's own management library."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pynvml

from daytwo.exporters.prometheus import Sample


def reader() -> Callable[[], Iterator[Sample]] | None:
    """What reads every GPU once, or None where there is no driver or no GPU."""
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return None

    def read() -> Iterator[Sample]:
        for index, handle in enumerate(handles):
            try:
                labels = (str(index), str(pynvml.nvmlDeviceGetUUID(handle)))
                memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
                busy = pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100
            except pynvml.NVMLError:
                continue  # a GPU that fell off the bus takes its own series with it
            yield "daytwo_gpu_utilization_ratio", labels, [busy]
            yield "daytwo_gpu_memory_used_bytes", labels, [float(memory.used)]
            yield "daytwo_gpu_memory_total_bytes", labels, [float(memory.total)]

    return read if handles else None
