"""How many workers, and how many threads each: a function of what there is and of what is asked for. No I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daytwo.serving.limits import Limits

#: What a worker costs beside its models: private memory after some traffic, rounded up.
WORKER_BYTES = 128 << 20
#: A process of ours that has loaded its libraries and no model, rounded up.
BASE_BYTES = 256 << 20
#: Memory of a loaded model for each byte of its files, rounded up: 1.1 was measured for ONNX, 1.2 while it loads.
LOADED = 1.5
#: The share of the memory that workers may take; the rest is for requests and for the operating system's cache.
_MEMORY_SHARE = 0.8
#: A model with fewer bytes than this has too little to do in a call for a second thread to be worth waking.
THREADED_BYTES = 16 << 20
#: Runtimes that here run on the CPU alone, whatever the machine has.
_ON_CPU = ("onnx", "sklearn")


@dataclass(frozen=True, slots=True)
class Demand:
    """What one model asks for.

    runtime: which library runs it
    size:    bytes of its files
    """

    runtime: str
    size: int

    @property
    def may_use_gpu(self) -> bool:
        """Whether it might run on a GPU; only what runs Python of its own can, here."""
        return self.runtime not in _ON_CPU


@dataclass(frozen=True, slots=True)
class Plan:
    """What was chosen.

    workers: processes
    threads: of BLAS, OpenMP and the like in each
    why:     one line for the log
    shared:  whether workers are forked from a process that has loaded the models
    unshared_because: why not, where that is nobody's wish
    gpus:    one for each worker, or empty: then each worker sees them all
    """

    workers: int
    threads: int
    why: str
    shared: bool = False
    unshared_because: str = ""
    gpus: tuple[str, ...] = ()


def plan(
    workers: int | Literal["auto"],
    threads: int | Literal["auto"],
    limits: Limits,
    demands: Sequence[Demand],
    *,
    preload: bool = True,
    forks: bool = True,
) -> Plan:
    """What to start.

    preload: whether the models may be loaded once and shared
    forks:   whether this operating system lets us
    """
    on_gpu = bool(limits.gpus) and any(demand.may_use_gpu for demand in demands)
    refused = "" if forks else "only Linux has what it needs"
    if on_gpu:
        refused = "a model may use the GPU, which does not survive a fork"
    elif threads != "auto" and threads > 1:
        refused = "sessions that have threads of their own cannot be copied"
    shared = preload and not refused
    chosen, why = _auto(limits, demands, shared=shared, on_gpu=on_gpu) if workers == "auto" else (workers, "request")
    share = max(1, math.floor(limits.cpus / chosen)) if threads == "auto" else threads
    several = chosen > 1
    return Plan(
        chosen,
        share,
        f"{why}; {share} {'thread' if share == 1 else 'threads'} each",
        shared=shared and several,
        unshared_because=refused if preload and several else "",
        gpus=limits.gpus if on_gpu and workers == "auto" and several else (),
    )


def session_threads(asked: int | Literal["auto"], plan: Plan, demand: Demand) -> int:
    """Threads of one call of a model that splits its own work (an onnxruntime session, an ``n_jobs``).

    Such threads exist from loading on, so a model that has them cannot be shared by fork; and below
    ``THREADED_BYTES`` waking them costs more than they save. One that is asked for is obeyed.
    """
    if asked != "auto":
        return asked
    alone = plan.workers == 1 and demand.runtime == "onnx" and demand.size >= THREADED_BYTES
    return plan.threads if alone else 1


def _auto(limits: Limits, demands: Sequence[Demand], *, shared: bool, on_gpu: bool) -> tuple[int, str]:
    if on_gpu:
        count = len(limits.gpus)
        return count, f"one for each of {count} GPUs" if count > 1 else "the one GPU"
    by_cpu = max(1, math.floor(limits.cpus))
    by_memory = _fitting(limits.memory_bytes, demands, shared=shared)
    cpus = f"{limits.cpus:g} CPUs by {limits.cpus_by}"
    memory = f"{limits.memory_bytes / 2**30:.1f} GiB by {limits.memory_by}"
    if by_memory < by_cpu:
        return by_memory, f"{memory}, which hold no more; there are {cpus}"
    return by_cpu, f"{cpus}; {memory} would hold {by_memory}"


def _fitting(memory_bytes: int, demands: Sequence[Demand], *, shared: bool) -> int:
    """How many workers the memory holds, at least 1. Python objects are not counted as shared: using them copies them."""
    once = each = 0.0
    for demand in demands:
        if shared and demand.runtime in _ON_CPU:
            once += demand.size * LOADED
        else:
            each += demand.size * LOADED
    once += BASE_BYTES if shared else 0
    each += WORKER_BYTES if shared else BASE_BYTES
    return max(1, min(1024, int((memory_bytes * _MEMORY_SHARE - once) // each)))
