from __future__ import annotations

from time import sleep

import pytest

from daytwo.batch import Batch
from daytwo.serving.cost import Cost, measure_handover
from serving.service import Line, rows


def test_nothing_is_known_before_the_first_measurement_and_nothing_is_trivial() -> None:
    cost = Cost(1e-4)
    assert cost.of(10) == 0.0
    assert cost.trivial_rows(100) == 0


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [(1, 0.001), (2, 0.002), (3, 0.002), (16, 0.016), (40, 0.5), (64, 1.0), (1000, 8.0)],
    ids=str,
)
def test_unseen_sizes_are_scaled_from_the_nearest_smaller_one(rows: int, seconds: float) -> None:
    cost = Cost(1e-4)
    cost.learn(1, 0.001)
    cost.learn(32, 0.5)
    assert cost.of(rows) == pytest.approx(seconds)


def test_the_estimate_follows_what_is_measured() -> None:
    cost = Cost(1e-4)
    cost.learn(1, 1.0)
    for _ in range(100):
        cost.learn(1, 0.1)
    assert cost.of(1) == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(("seconds", "inline"), [(0.0004, True), (0.0006, False), (0.01, False)])
def test_what_costs_little_runs_on_the_loop(seconds: float, inline: bool) -> None:
    cost = Cost(5e-5)
    cost.learn(1, seconds)
    assert cost.inline(1) is inline


def test_a_machine_that_is_short_of_time_does_not_send_a_cheap_model_to_a_thread_but_is_reckoned_with() -> None:
    cost = Cost(5e-5)
    cost.learn(1, 0.0001)
    for _ in range(10):
        cost.learn(1, 0.002)
    assert cost.inline(1)
    assert cost.of(1) > 0.001
    for _ in range(10):
        cost.learn(1, 0.5)  # it has become slow
    assert not cost.inline(1)


@pytest.mark.parametrize(
    ("learnt", "most"),
    [([(1, 1e-6)], 15), ([(1, 1e-6), (32, 9e-6)], 15), ([(1, 1e-5)], 0), ([(1, 1e-8)], 100)],
    ids=str,
)
def test_what_costs_less_than_joining_would_is_trivial(learnt: list[tuple[int, float]], most: int) -> None:
    cost = Cost(1e-4)
    for count, took in learnt:
        cost.learn(count, took)
    assert cost.trivial_rows(100) == most


def test_a_dear_hand_over_makes_more_run_on_the_loop() -> None:
    cost = Cost(0.01)
    cost.learn(1, 0.04)
    assert cost.inline(1)


def test_a_bad_day_of_one_size_does_not_keep_it_from_being_tried() -> None:
    cost = Cost(1e-4)
    cost.learn(2, 5.0)
    cost.learn(1, 0.02)
    assert cost.of(2) == pytest.approx(0.04)


def test_warming_up_measures_one_row_and_some() -> None:
    sizes: list[int] = []
    cost = Cost(1e-4)
    cost.warm_up(Line(lambda batch: sizes.append(batch.rows)).predict, rows((1, 2), (3, 4)))
    assert sizes == [1] * 4 + [32] * 4
    assert cost.of(1) > 0
    assert cost.of(32) > 0


def test_warming_up_does_not_run_a_slow_model_on_many_rows() -> None:
    sizes: list[int] = []

    def slow(batch: Batch) -> Batch:
        sizes.append(batch.rows)
        sleep(0.13)
        return batch

    cost = Cost(1e-4)
    cost.warm_up(slow, rows((1, 2)))
    assert sizes == [1] * 4
    assert cost.slow


@pytest.mark.parametrize(
    ("learnt", "seconds", "expected"),
    [
        ([], 1.0, 1000),
        ([(1, 0.01)], 0.1, 15),  # 8 to 15 rows are one bucket, scaled to 0.08 s; 16 would be 0.16
        ([(1, 0.5)], 0.1, 1),
        ([(1, 0.001), (32, 0.001)], 1.0, 1000),
        ([(32, 9.0), (1, 0.01)], 0.1, 15),
        ([(32, 0.05), (1, 0.01)], 0.1, 127),
        ([(64, 90.0), (32, 0.01)], 0.1, 511),  # a bad day of 64 rows is not believed for ever
    ],
    ids=str,
)
def test_as_many_rows_as_fit_into_a_time(learnt: list[tuple[int, float]], seconds: float, expected: int) -> None:
    cost = Cost(1e-4)
    for count, took in learnt:
        cost.learn(count, took)
    assert cost.rows_within(seconds, 1000) == expected


def test_handing_over_takes_time() -> None:
    assert 0 < measure_handover(5) < 1
