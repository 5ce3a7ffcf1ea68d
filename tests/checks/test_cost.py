"""Costs are measured by a clock, over enough calls and not too many."""

from __future__ import annotations

import itertools

import numpy as np

from daytwo.batch import Batch
from daytwo.checks.cost import measure, tiled


def batch(rows: int) -> Batch:
    return Batch.from_matrix(("x",), np.arange(float(rows))[:, None])


def test_the_median_and_the_99th_percentile_are_of_the_calls():
    ticks = itertools.count(step=0.5)
    cost = measure("onnx", lambda rows: None, batch(4), budget_s=100.0, clock=lambda: next(ticks))
    assert (cost.p50_s, cost.p99_s, cost.rows) == (0.5, 0.5, 4)
    assert cost.per_row_s == 0.125


def test_a_slow_model_is_called_five_times_and_once_to_warm_up():
    calls: list[int] = []
    ticks = itertools.count(step=10.0)
    cost = measure("native", lambda rows: calls.append(rows.rows), batch(1), budget_s=0.1, clock=lambda: next(ticks))
    assert (len(calls), cost.repeats) == (6, 5)


def test_a_fast_model_is_not_called_for_ever():
    cost = measure("onnx", lambda rows: None, batch(1), budget_s=1e9, clock=lambda: 0.0)
    assert cost.repeats == 5000


def test_tiling_repeats_rows_in_order():
    assert tiled(batch(3), 7)["x"].tolist() == [0, 1, 2, 0, 1, 2, 0]
