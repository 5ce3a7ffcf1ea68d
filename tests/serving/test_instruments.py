from __future__ import annotations

import mmap
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.metrics import CATALOGUE, LATENCY_BUCKETS_S
from daytwo.serving.instruments import Instruments, Layout, bury
from serving.service import value

MODELS = [("a", "1"), ("b", "7")]
REQUESTS = ("daytwo_requests_total", "a", "1", "rest", "ok")


def shared_by(workers: int) -> tuple[Layout, mmap.mmap, list[Instruments]]:
    layout = Layout(MODELS)
    block = mmap.mmap(-1, Instruments.size(layout, workers))
    return layout, block, [Instruments(layout, worker=i, workers=workers, shared=block) for i in range(workers)]


def test_every_request_metric_has_a_place_for_every_model() -> None:
    names = {name for name, _ in Layout(MODELS).series}
    assert names == {metric.name for metric in CATALOGUE if metric.scope == "request"}


def test_series_do_not_overlap() -> None:
    layout = Layout(MODELS)
    taken = [place for s in layout.series.values() for place in range(s.offset, s.offset + s.metric.width)]
    assert len(taken) == len(set(taken)) == layout.width - 1


def test_a_gauge_is_known_worker_by_worker() -> None:
    _, _, crew = shared_by(3)
    crew[2].counter("daytwo_connections").set(5.0)
    assert crew[0].each("daytwo_connections") == [0.0, 0.0, 5.0]
    assert crew[1].total("daytwo_connections") == 5.0


def test_a_label_outside_the_closed_sets_has_no_place() -> None:
    with pytest.raises(KeyError):
        Instruments(Layout(MODELS)).counter("daytwo_requests_total", "c", "1", "rest", "ok")


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 20, allow_subnormal=False)), max_size=60))
def test_the_totals_are_what_all_workers_saw(observed: list[tuple[int, float]]) -> None:
    _, _, workers = shared_by(3)
    for worker, seconds in observed:
        workers[worker].histogram("daytwo_request_duration_seconds", "a", "1").observe(seconds)
        workers[worker].counter(*REQUESTS).add()
    any_worker = workers[len(observed) % 3]
    totals = {(s.metric.name, *s.labels): numbers for s, numbers in any_worker.totals()}
    *counts, total = totals["daytwo_request_duration_seconds", "a", "1"]
    bounds = [*LATENCY_BUCKETS_S, float("inf")]
    for upper, running in zip(bounds, [sum(counts[: i + 1]) for i in range(len(counts))], strict=True):
        assert running == sum(seconds <= upper for _, seconds in observed)
    assert total == pytest.approx(sum(seconds for _, seconds in observed))
    assert totals[REQUESTS] == [len(observed)]


def test_a_worker_that_starts_again_goes_on_counting_and_forgets_what_was_in_flight() -> None:
    layout, block, workers = shared_by(2)
    workers[1].counter(*REQUESTS).add(5)
    workers[1].counter("daytwo_queue_depth", "a", "1").set(3)
    again = Instruments(layout, worker=1, workers=2, shared=block)
    assert value(again, *REQUESTS) == 5
    assert value(again, "daytwo_queue_depth", "a", "1") == 0


def test_burying_a_worker_zeroes_its_gauges_and_keeps_its_counters() -> None:
    layout, block, workers = shared_by(2)
    for worker in workers:
        worker.counter("daytwo_ready").set(1)
        worker.counter(*REQUESTS).add(5)
    bury(layout, block, 1)
    assert value(workers[0], "daytwo_ready") == 1
    assert value(workers[0], *REQUESTS) == 10
    assert workers[0].processes() == {0: os.getpid()}
