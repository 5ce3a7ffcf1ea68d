"""A bundle and a running server under real load, for a second or two: enough to see that it all fits together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import daytwo
import models
from daytwo.api import bench as module
from daytwo.api.bench import bench
from daytwo.errors import InvalidInput, InvalidSetting, OutsideFailure, TrustRequired, UnknownReference
from daytwo.loadtest.child import serving as running
from daytwo.loadtest.driver import Address
from daytwo.loadtest.measure import Measurement
from loadtest.made import said, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def iris(registry: Path) -> Path:
    model, X, y = models.iris()
    daytwo.pack(model, X, y, name="iris")
    return registry


@pytest.fixture
def served(iris: Path) -> Iterator[Address]:
    with running("iris", iris, []) as child:
        yield child.address


def test_a_bundle_is_served_proven_loaded_and_let_go(iris: Path):
    told: list[str] = []
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    report = bench("iris", rate=20.0, duration_s=3.0, max_connections=8, progress=lambda label, _: told.append(label))
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before
    assert (report.ended, report.setting.started, report.setting.workers, report.setting.local) == ("", True, 1, True)
    assert report.setting.verified == daytwo.load("iris").check_examples()
    assert all(result.ok > 0 and result.server_cpu is not None for result in report.results)
    assert {result.stage.kind for result in report.results} == {"ramp", "batch", "open"}
    assert any(result.stage.rate == 20.0 for result in report.results)
    assert report.verdict.peak_per_s > 20.0
    assert "8 connections" in told


def test_a_running_server_is_loaded_with_the_example_it_documents(served: Address):
    report = bench(f"{served.base}/predict", duration_s=2.0, max_connections=4, client_processes=2)
    assert report.ended == ""
    assert (report.setting.started, report.setting.workers, report.setting.clients) == (False, 1, 2)
    assert report.setting.verified is None
    assert "documentation" in report.setting.rows
    assert all(result.ok > 0 for result in report.results)
    assert {result.stage.kind for result in report.results} == {"ramp", "batch", "open"}


def test_rows_from_a_file(served: Address, tmp_path: Path):
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps({"feature_vectors": [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3]]}))
    assert bench(served.base, data=rows, duration_s=1.0, max_connections=2).setting.rows == "the rows of rows.json"
    rows.write_text('{"feature_vector": ["a"]}')
    with pytest.raises(OutsideFailure, match=r"answered 422: .*--data FILE"):
        bench(served.base, data=rows)
    with pytest.raises(InvalidInput, match="feature_vector"):
        bench("iris", data=rows)


def test_somebody_elses_server_is_loaded_with_bodies_as_they_are(tmp_path: Path):
    (tmp_path / "body.json").write_text('{"instances": [[1]]}')
    bodies: set[bytes] = set()

    def answer(number: int, raw: bytes) -> bytes:
        head, _, body = raw.partition(b"\r\n\r\n")
        bodies.add(body)
        return said(200 if head.startswith(b"POST /v1/models/m:predict ") else 404)

    with serving(answer) as address:
        url = f"{address.base}/v1/models/m:predict"
        report = bench(url, data=tmp_path / "body.json", duration_s=1.0, max_connections=2)
    assert bodies - {b""} == {b'{"instances":[[1]]}'}
    assert (report.ended, report.setting.workers) == ("", None)
    assert {result.stage.kind for result in report.results} == {"ramp", "open"}


def test_a_server_that_dies_midway_leaves_what_was_measured(iris: Path):
    def kill(label: str, done: float) -> None:
        if label == "4 connections":
            for process in psutil.Process().children():
                if process.status() != psutil.STATUS_ZOMBIE and "serve" in process.cmdline():
                    process.kill()

    report = bench("iris", duration_s=6.0, max_connections=16, progress=kill)
    assert report.ended.startswith("the server ended with exit code -9")
    assert not report.interrupted
    assert [result.ok > 0 for result in report.results][:2] == [True, True]


def test_an_interrupt_leaves_what_was_measured_and_nobody_running(iris: Path):
    def interrupt(label: str, done: float) -> None:
        if label == "4 connections":
            raise KeyboardInterrupt

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    report = bench("iris", duration_s=3.0, max_connections=16, progress=interrupt)
    assert (report.interrupted, len(report.results)) == (True, 2)
    assert {child.pid for child in psutil.Process().children(recursive=True)} == before


def test_what_keeps_it_from_beginning(iris: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Measurement, "run", lambda self: pytest.fail("it began"))
    model, X, y = models.plain()
    daytwo.pack(model, X, y, name="pickled")
    with pytest.raises(TrustRequired):
        bench("pickled")
    with pytest.raises(UnknownReference):
        bench("nobody")
    with pytest.raises(UnknownReference, match="there is no such file"):
        bench("iris", data=tmp_path / "none.csv")
    with pytest.raises(InvalidSetting, match="--workers"):
        bench("iris", workers="some")
    with pytest.raises(InvalidSetting, match="--workers: expected a reference"):
        bench("http://127.0.0.1:1", workers=2)
    with pytest.raises(OutsideFailure, match="nothing listens"):
        bench("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("workers", "cores", "processes"), [(1, 2, 1), (2, 2, 1), (4, 16, 4), (12, 16, 4), (None, 8, 4), (None, 1, 1)]
)
def test_clients_take_the_cores_that_workers_leave(
    workers: int | None, cores: int, processes: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_cores", lambda: cores)
    assert module._client_processes(workers) == processes
