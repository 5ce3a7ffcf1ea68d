"""What is not load: time to ready, memory, the cost of ``import daytwo``, and packing with proof."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import machine
from clients import Client
from services import Service, running

HERE = Path(__file__).parent
_PACKING_TIMEOUT_S = 300.0
_LOADED_CONNECTIONS = 32


@dataclass(frozen=True)
class Pair:
    """One figure of the baseline and of daytwo: medians, and their ratio (daytwo over baseline)."""

    baseline: float
    daytwo: float

    @property
    def ratio(self) -> float:
        """Daytwo over baseline."""
        return self.daytwo / self.baseline


@dataclass(frozen=True)
class Start:
    """``ready_s``: process start to first right answer. The memory is the whole process tree's PSS, in bytes, when
    ready and after two seconds of load; each service is alone on the machine while it is measured."""

    ready_s: Pair
    ready_bytes: Pair
    loaded_bytes: Pair


def starts(services: tuple[Service, Service], client: Client, times: int, progress: Callable[[str], None]) -> Start:
    """Starts the two services in turn, ``times`` times each."""
    taken = [[_start(service, client) for service in services] for _ in range(times)]
    pairs = [Pair(*(median(pair[which][figure] for pair in taken) for which in (0, 1))) for figure in range(3)]
    ready, idle, loaded = pairs
    progress(
        f"  ready {ready.daytwo:.2f} s, baseline {ready.baseline:.2f} s; "
        f"memory {loaded.daytwo / 2**20:.0f} MiB, baseline {loaded.baseline / 2**20:.0f} MiB"
    )
    return Start(ready, idle, loaded)


def _start(service: Service, client: Client) -> tuple[float, float, float]:
    with ExitStack() as stack:
        server = stack.enter_context(running(service))
        idle = machine.pss_bytes(server.pid)
        client.load(server.port, service.folder / "body.json", _LOADED_CONNECTIONS, 2.0)
        return server.ready_s, idle, machine.pss_bytes(server.pid)


def imports(times: int, progress: Callable[[str], None]) -> Pair:
    """Seconds that ``import numpy`` (as baseline) and ``import daytwo`` take in fresh interpreters, in turn."""
    _import_s("numpy"), _import_s("daytwo")
    taken = [(_import_s("numpy"), _import_s("daytwo")) for _ in range(times)]
    pair = Pair(median(a for a, _ in taken), median(b for _, b in taken))
    progress(f"  import daytwo {pair.daytwo * 1e3:.1f} ms, import numpy {pair.baseline * 1e3:.1f} ms")
    return pair


def _import_s(module: str) -> float:
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def packing(folder: Path, registry: Path) -> dict[str, float]:
    """Packs both subjects into ``registry`` in one fresh process; seconds of each call."""
    command = [sys.executable, str(HERE / "pack.py"), str(folder), str(registry)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PACKING_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"packing failed:\n{done.stderr[-2000:]}")
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def fit(folder: Path) -> None:
    """Fits the subjects, in a process of its own."""
    subprocess.run([sys.executable, str(HERE / "subjects.py"), str(folder)], check=True)
