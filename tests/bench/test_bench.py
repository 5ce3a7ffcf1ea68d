"""The benchmark's own parts: its load clients count what happens, and its goals judge what was measured."""

from __future__ import annotations

import importlib
import json
import shutil
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a module of ``bench/``, as its scripts do."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module


class Handler(socketserver.StreamRequestHandler):
    """Answers every POST on a kept-alive connection with the server's status."""

    def handle(self) -> None:
        with suppress(ConnectionError):  # a client that has counted enough just goes
            self.answer_all()

    def answer_all(self) -> None:
        while line := self.rfile.readline():
            size = 0
            while line not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
                line = self.rfile.readline()
            self.rfile.read(size)
            self.wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % self.server.status)


@pytest.fixture(params=[200, 503])
def server(request: pytest.FixtureRequest) -> Iterator[Any]:
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.status = request.param
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wrk", "c", "python"])
def test_every_client_counts_answers_and_errors(bench: Any, server: Any, tmp_path: Path, kind: str) -> None:
    if kind != "python" and not shutil.which({"wrk": "wrk", "c": "cc"}[kind]):
        pytest.skip(f"{kind} is not installed")
    body = tmp_path / "body.json"
    body.write_text("{}", encoding="utf-8")
    client = bench("clients").choose(kind, tmp_path)
    load = client.load(server.server_address[1], body, 4, 1.0)
    assert load.requests > 100
    assert load.failed == (0 if server.status == 200 else pytest.approx(load.requests, abs=4))
    assert 0 < load.p50_s <= load.p95_s <= load.p99_s <= load.max_s < 1.0
    assert load.rps == pytest.approx(load.requests / load.duration_s)


def summary(bench: Any, connections: int, rps: float, p50_s: float, failed: int = 0) -> Any:
    return bench("loads").Summary(
        connections, rps, p50_s, p50_s * 2, p50_s * 2.5, 2.5, 1.0, 1000, {"status": failed}, 1.0, 0.3, 0.0
    )


def results(bench: Any, *, factor: float, failed: int = 0) -> Any:
    """Of a daytwo that is ``factor`` times the baseline."""
    loads, costs = bench("loads"), bench("costs")
    phases = [
        loads.Comparison(
            n, summary(bench, n, 2000.0, 0.01), summary(bench, n, 2000.0 * factor, 0.01 / factor, failed),
            factor, 1 / factor,
        )
        for n in loads.PHASES
    ]  # fmt: skip
    found = bench("results").Results(bench("machine").describe(), "wrk", quick=False)
    found.loads = {"iris": phases}
    found.imports, found.packing = costs.Pair(0.1, 0.11), {"iris": 1.0, "forest": 2.0}
    return found


@pytest.mark.parametrize(
    ("factor", "failed", "missed"),
    [(10.0, 0, 0), (5.0, 0, 1), (3.0, 0, 2), (10.0, 1, 1)],
    ids=["good", "slow", "slower", "errors"],
)
def test_goals_are_met_or_not(bench: Any, factor: float, failed: int, missed: int) -> None:
    goals = bench("goals").goals(results(bench, factor=factor, failed=failed))
    assert sum(not goal.met for goal in goals) == missed
    assert {goal.name.partition(":")[0] for goal in goals} >= {"import daytwo", "packing breast cancer with proof"}


def test_the_readme_s_table_holds_what_was_measured(bench: Any) -> None:
    found = results(bench, factor=10.0)
    table = bench("results").markdown(found)
    assert "| 32 connections: requests/s | 2,000 | 20,000 | **× 10.0** |" in table
    assert "| `import daytwo` (beside `import numpy`) | 100.00 ms | 110.00 ms | × 1.10 |" in table
    assert "forest" not in table
    json.dumps(found.to_json())


def test_the_machine_is_described_without_its_name(bench: Any) -> None:
    import socket

    assert socket.gethostname() not in str(bench("machine").describe())
