"""Workers are copies of a process that has loaded the models: what they share, what they do not, and what goes wrong."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import daytwo
from serving.live import Live, await_ready, eventually, started
from serving.live_metrics import value

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="only Linux shares")]

#: Bytes of the large model's weights.
LARGE = 150 << 20
ROW = {"feature_vector": [1.0]}
#: Asked for this, ``curious`` answers with the OMP_NUM_THREADS of its process, and with a random number.
THREADS, CHANCE = 12345.5, 23456.5


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with ``large``, which is mostly weights, and ``curious``, which looks around where it runs."""
    registry = tmp_path_factory.mktemp("registry")
    rows = np.arange(-20.0, 20.0).reshape(-1, 1)
    daytwo.pack(large(), rows.astype(np.float32), name="large", registry=registry)

    class Curious:  # defined here, so that it travels by value
        def __init__(self) -> None:
            self.factor = 2.0

        def __setstate__(self, state: dict[str, Any]) -> None:
            self.__dict__.update(state)
            at_load = os.environ.get("CURIOUS_AT_LOAD", "")
            if at_load == "connect":
                self.connection = socket.socketpair()
            if at_load == "crash":
                os.abort()
            if at_load == "raise":
                raise RuntimeError("broken")

        def predict(self, rows: Any) -> Any:
            if rows[0, 0] == 12345.5:
                return rows[:, 0] * 0 + float(os.environ["OMP_NUM_THREADS"])
            if rows[0, 0] == 23456.5:
                return np.random.random(len(rows))  # noqa: NPY002  the state that a fork copies
            return rows[:, 0] * self.factor

    daytwo.pack(Curious(), rows, name="curious", registry=registry)
    return registry


def large() -> onnx.ModelProto:
    width = int((LARGE / 4) ** 0.5)
    shapes = {"first": (1, width), "square": (width, width), "last": (width, 1)}
    weights = [numpy_helper.from_array(np.full(shape, 1e-4, np.float32), name) for name, shape in shapes.items()]
    names = ["x", "a", "b", "value"]
    nodes = [helper.make_node("MatMul", [names[i], name], [names[i + 1]]) for i, name in enumerate(shapes)]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("x", "value")]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def serve(registry: Path, tmp_path: Path) -> Iterator[Any]:
    """Starts one server with so many workers, ready."""
    running = []

    def start(*arguments: str, workers: int, **env: str) -> Live:
        context = started(registry, *arguments, log=tmp_path / "log", env=env)
        live = context.__enter__()
        running.append(context)
        await_ready(live, workers)
        return live

    yield start
    for context in running:
        context.__exit__(None, None, None)


def private_bytes(pid: int) -> int:
    """The memory that would be free if ``pid`` ended."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return sum(int(size) * 1024 for size in re.findall(r"^Private_\w+:\s+(\d+)", rollup, re.MULTILINE))


def template(live: Live) -> int:
    found = re.search(r"workers are copies of process (\d+)", live.output())
    assert found, live.output()
    return int(found[1])


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def answers(live: Live, number: float, count: int = 12) -> set[float]:
    return {live.post({"feature_vector": [number]}).json()["value"] for _ in range(count)}


def test_another_worker_costs_a_fraction_of_the_model_also_one_that_was_started_again(serve: Any) -> None:
    live = serve("large", "--workers", "3", workers=3)
    assert len(live.workers()) == 3
    for _ in range(12):
        live.post(ROW)
    assert max(map(private_bytes, live.workers())) < LARGE / 3
    victim = live.workers()[0]
    os.kill(victim, signal.SIGKILL)
    assert eventually(lambda: victim not in live.workers() and len(live.workers()) == 3)
    await_ready(live, 3)
    for _ in range(12):
        live.post(ROW)
    assert max(map(private_bytes, live.workers())) < LARGE / 3
    assert {parent(pid) for pid in live.workers()} == {live.pid}


def test_without_preload_each_has_its_own(serve: Any) -> None:
    live = serve("large", "--workers", "2", "--no-preload", workers=2)
    assert min(map(private_bytes, live.workers())) > LARGE


def test_a_template_that_is_killed_takes_no_worker_with_it_and_is_replaced(serve: Any) -> None:
    live = serve("curious", "--trust", "--workers", "2", workers=2)
    first, workers = template(live), set(live.workers())
    os.kill(first, signal.SIGKILL)
    assert eventually(lambda: "another is loaded when a worker is missing" in live.output())
    assert set(live.workers()) == workers
    os.kill(min(workers), signal.SIGKILL)
    assert eventually(lambda: live.output().count("workers are copies of process") == 2)
    assert eventually(lambda: len(set(live.workers()) - workers) == 1)
    await_ready(live, 2)
    assert live.post(ROW).json()["value"] == 2.0


def test_each_worker_has_chance_of_its_own(serve: Any) -> None:
    live = serve("curious", "--trust", "--workers", "2", workers=2)
    said = [live.post({"feature_vector": [CHANCE]}).json() for _ in range(30)]
    assert len({answer["value"] for answer in said}) == len({answer["prediction_id"] for answer in said}) == 30


@pytest.mark.parametrize(("said", "threads"), [({}, None), ({"OMP_NUM_THREADS": "3"}, 3.0)], ids=["share", "user's"])
@pytest.mark.parametrize("workers", [1, 2])
def test_libraries_are_held_to_the_workers_share(
    serve: Any, monkeypatch: pytest.MonkeyPatch, workers: int, said: dict[str, str], threads: float | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    live = serve("curious", "--trust", "--workers", str(workers), "--threads", "auto", workers=workers, **said)
    share = max(1, len(os.sched_getaffinity(0)) // workers)  # or less, where a control group grants less
    found = answers(live, THREADS)
    assert found == {threads} if threads else len(found) == 1 and max(found) <= share


@pytest.mark.parametrize(
    ("at_load", "why"),
    [("connect", "loading left a socket open"), ("crash", "it ended while it loaded the models (killed by SIGABRT)")],
)
def test_what_cannot_be_shared_is_loaded_by_each(serve: Any, at_load: str, why: str, registry: Path) -> None:
    arguments = ("curious", "--trust", "--workers", "2")
    if at_load == "connect":
        live = serve(*arguments, workers=2, CURIOUS_AT_LOAD=at_load)
        assert live.post(ROW).json()["value"] == 2.0
    else:
        with started(registry, *arguments, log=registry / "log", env={"CURIOUS_AT_LOAD": at_load}) as live:
            assert eventually(lambda: "worker 0 ended (killed by SIGABRT)" in live.output(), 20.0)
            time.sleep(0.2)
            assert live.process.poll() is None, "the supervisor lives on and tries again"
    assert f"workers load the models each for themselves: {why}" in live.output()


def test_a_model_that_cannot_be_loaded_leaves_the_workers_up_to_say_why(registry: Path, tmp_path: Path) -> None:
    arguments, env = ("curious", "--trust", "--workers", "2"), {"CURIOUS_AT_LOAD": "raise"}
    with started(registry, *arguments, log=tmp_path / "log", env=env) as live:
        assert eventually(lambda: len(live.workers()) == 2, 20.0)
        ready = live.get("/v2/health/ready")
        assert (ready.status, ready.json()["ready"]) == (503, False)
        assert "curious:1" in ready.json()["error"]


def test_auto_starts_a_worker_for_each_core_that_it_may_use(serve: Any) -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        live = serve("curious", "--trust", "--workers", "auto", workers=1)
    finally:
        os.sched_setaffinity(0, allowed)
    assert "workers: 1, by 1 CPUs by affinity" in live.output()
    assert live.left() == [live.pid], "one worker needs no supervisor"


def test_connections_are_shared_out(serve: Any) -> None:
    live = serve("curious", "--trust", "--workers", "2", workers=2)
    callers = [socket.create_connection(("127.0.0.1", live.port)) for _ in range(20)]
    assert eventually(lambda: value(live, "daytwo_connections") >= 20)
    held = [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in live.workers()]
    for caller in callers:
        caller.close()
    assert abs(held[0] - held[1]) <= 12, held
