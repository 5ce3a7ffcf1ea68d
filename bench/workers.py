"""What more workers bring, and what they cost: requests per second of models that hold the interpreter, and memory.

    python bench/workers.py [--mebibytes 500] [--seconds 4] [--rounds 3] [--json FILE]

Every figure is of one run on this machine: N workers beside one worker. Exit code: 0, every goal is met; 1, not all.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import machine
from clients import Client, choose
from services import Running, Service, running

HERE = Path(__file__).parent
#: Callers for each worker: enough that a connection more or less does not leave one idle.
_CALLERS = 8
#: ``busy`` needs a core for each worker; the client is idle beside it.
_COUNTS = {"busy": (1, 2), "held": (1, 2, 4)}
_MEMORY_COUNTS = (1, 2, 4)
#: N workers give at least this share of N times one.
_SCALING = 0.9
#: More than this, used by others, and a slice is not calm.
_NOISE_CORES = 0.15
#: A second worker costs at most this share of the model.
_SECOND = 0.2


#: Number of workers → its requests per second over as many times those of one.
Ratios = dict[int, float]


@dataclass(frozen=True)
class Memory:
    """Bytes of a process tree under load, each process with its share of what it shares, and what each worker beyond
    those of the line before added.
    """

    workers: int
    pss: int
    added_per_worker: float


def main() -> int:
    """Measures, prints, judges."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([sys.executable, str(HERE / "worker_models.py"), name, str(given.mebibytes)], check=True)
        client = choose(None, folder)
        ratios = {model: _ratios(model, counts, folder, client, given) for model, counts in _COUNTS.items()}
        memories = _memories(folder, client, given.seconds)
    if given.json:
        given.json.write_text(json.dumps({"ratios": ratios, "memory": [asdict(item) for item in memories]}, indent=1))
    scaling = [ratio for found in ratios.values() for ratio in found.values()]
    second = memories[1].added_per_worker / (given.mebibytes * 2**20)
    print(f"a second worker costs {second:.1%} of the model; goal {_SECOND:.0%}")
    return 0 if min(scaling) >= _SCALING and second <= _SECOND else 1


def _service(model: str, workers: int, folder: Path) -> Service:
    # In threads: a single worker would take every CPU for processes of its own, and leave nothing to compare.
    options = ("--registry", str(folder / "registry"), "--port", "{port}", "--drain-delay", "0", "--trust")
    numbers = ("--workers", str(workers), "--executor", "thread")
    command = (sys.executable, "-m", "daytwo", "serve", model, *options, *numbers)
    return Service(f"{model}-{workers}", command, folder / model, verified=False)


def _ratios(model: str, counts: tuple[int, ...], folder: Path, client: Client, given: argparse.Namespace) -> Ratios:
    """Requests per second of N workers over N times those of one, measured next to it; the median of the rounds.

    Rounds in which other processes took the cores that ``busy`` computes on say nothing about it, and are left out.
    """
    rounds = [_round(model, counts, folder, client, given.seconds) for _ in range(given.rounds)]
    calm = [rps for rps, others in rounds if model == "held" or others < _NOISE_CORES]
    if not calm:
        print(f"{model}: not judged, other processes used up to {max(o for _, o in rounds):.1f} cores in every round")
        return {}
    found = {n: median(rps[n] / (n * rps[1]) for rps in calm) for n in counts[1:]}
    for workers, ratio in found.items():
        rates = ", ".join(f"{rps[workers]:.0f} over {rps[1]:.0f}" for rps in calm)
        print(f"{model}: {workers} workers answer {ratio:.2f} of {workers} × one ({rates} requests/s); goal {_SCALING}")
    return found


def _round(
    model: str, counts: tuple[int, ...], folder: Path, client: Client, seconds: float
) -> tuple[dict[int, float], float]:
    """Requests per second by number of workers, and how many cores other processes used meanwhile, at most."""
    rps: dict[int, float] = {}
    most = 0.0
    for workers in counts:
        with running(_service(model, workers, folder)) as server:
            _await_all(server, workers)
            before, ours = machine.busy_s(), machine.cpu_s(server.pid)
            load = client.load(server.port, server.service.folder / "body.json", workers * _CALLERS, seconds)
            ours = machine.cpu_s(server.pid) - ours + load.client_cpu_s
            most = max(most, (machine.busy_s() - before - ours) / load.duration_s)
        if load.failed:
            raise RuntimeError(f"{model} with {workers} workers: {load.failed} requests failed")
        rps[workers] = load.rps
    return rps, most


def _await_all(server: Running, workers: int) -> None:
    """The first ready worker opens the port; the others follow."""
    while server.metric("daytwo_ready") < workers:
        time.sleep(0.05)


def _memories(folder: Path, client: Client, seconds: float) -> list[Memory]:
    found: list[Memory] = []
    for workers in _MEMORY_COUNTS:
        with running(_service("large", workers, folder)) as server:
            _await_all(server, workers)
            client.load(server.port, server.service.folder / "body.json", workers * _CALLERS, seconds)
            pss = machine.pss_bytes(server.pid)
            each = {pid: machine.pss_of(pid) for pid in machine.tree(server.pid)}
        fewer = found[-1] if found else None
        added = (pss - fewer.pss) / (workers - fewer.workers) if fewer else float(pss)
        found.append(Memory(workers, pss, added))
        shares = ", ".join(f"{size / 2**20:.0f}" for size in each.values())
        print(f"large: {workers} workers {pss / 2**20:6.0f} MiB ({shares}); {added / 2**20:.0f} MiB for each more")
    return found


if __name__ == "__main__":
    raise SystemExit(main())
