"""What a large request costs over HTTP, against the same in process: 100,000 rows × 30 float64, as Arrow and as NPY.

    python bench/arrays.py [--rows 100000] [--times 9]

In process is what a program would do with the same bytes and the same bundle: read them with pyarrow or numpy, and
``Predictor.predict``. Over HTTP is one keep-alive connection to ``daytwo serve`` with its defaults, from the first byte
sent to the last one received; the answers are compared first. The two take turns, so that neither has the better
machine, and a ratio is of medians. The goal is for the forest; a linear model, whose predictions cost next to nothing,
shows what the way itself costs.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import io
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import daytwo

GOAL = 1.3
TYPES = {"arrow": "application/vnd.apache.arrow.stream", "npy": "application/x-npy"}


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder)
        rows = _pack(registry, options.rows)
        over = {name: _measure(name, rows, registry, options.times) for name in ("forest", "linear")}
    return 1 if over["forest"] else 0


def _pack(registry: Path, rows: int) -> Any:
    """Packs both models; rows like those that they were fitted on."""
    seen, labels = load_breast_cancer(return_X_y=True)
    rng = np.random.default_rng(0)
    forest = RandomForestClassifier(n_estimators=100, random_state=0)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    for name, model in (("forest", forest), ("linear", linear)):
        daytwo.pack(model.fit(seen, labels), seen, labels, name=name, registry=registry, compile="require")
    return seen[rng.integers(0, len(seen), rows)] * rng.uniform(0.9, 1.1, (rows, seen.shape[1]))


def _measure(name: str, rows: Any, registry: Path, times: int) -> bool:
    """Prints both ratios of one model; whether one of them is over the goal."""
    predictor = daytwo.load(name, registry=registry)
    bodies = {"arrow": _arrow(rows, predictor.signature.names), "npy": _npy(rows)}
    over = False
    with _server(registry, name) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for kind, body in bodies.items():
            ways = {
                "decode": lambda kind=kind, body=body: READERS[kind](body),
                "in process": lambda kind=kind, body=body: predictor.predict(READERS[kind](body))["class"],
                "over HTTP": lambda kind=kind, body=body: _ask(connection, body, kind),
            }
            if not np.array_equal(ways["in process"](), _classes(ways["over HTTP"](), kind)):
                raise RuntimeError(f"{name}, {kind}: the server answers otherwise than the bundle")
            took = _in_turn(ways, times)
            ratio = took["over HTTP"] / took["in process"]
            over = over or ratio > GOAL
            figures = ", ".join(f"{way} {seconds * 1e3:.1f} ms" for way, seconds in took.items())
            print(f"{name:6} {kind:5} {len(rows):,} rows, {len(body) / 2**20:.1f} MiB: {figures}; ratio {ratio:.2f}")
        connection.close()
    return over


def _in_turn(ways: dict[str, Callable[[], Any]], times: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(times):
        for name, way in ways.items():
            gc.collect()
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    return {name: median(seconds) for name, seconds in taken.items()}


def _ask(connection: http.client.HTTPConnection, body: bytes, kind: str) -> bytes:
    connection.request("POST", "/predict", body, {"Content-Type": TYPES[kind]})
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {said[:300]!r}")
    return said


def _classes(answer: bytes, kind: str) -> Any:
    if kind == "npy":
        return np.load(io.BytesIO(answer))
    return ipc.open_stream(answer).read_all()["class"].to_numpy()


def _arrow(rows: Any, names: tuple[str, ...]) -> bytes:
    table = pa.table({name: np.ascontiguousarray(rows[:, index]) for index, name in enumerate(names)})
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _npy(rows: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def _read_arrow(body: bytes) -> Any:
    table = ipc.open_stream(body).read_all()
    return {name: table[name].to_numpy() for name in table.column_names}


READERS = {"arrow": _read_arrow, "npy": lambda body: np.load(io.BytesIO(body))}


@contextmanager
def _server(registry: Path, name: str) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (sys.executable, "-m", "daytwo", "serve", name, "--registry", str(registry), "--port", str(port))
    log = registry / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen((*command, "--drain-delay", "0"), stdout=output, stderr=output)
    try:
        _await(process, port, log)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"the server did not become ready:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="a large request over HTTP, against the same in process")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=9)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
