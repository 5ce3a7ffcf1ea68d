from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.packing.onnx.frame import Boundary, Origin
from daytwo.packing.thresholds import threshold_rows
from daytwo.signature import Field, Signature


def rows_around(dtype: str, thresholds: Any, *forward: Any, limit: int = 1000, **field: Any) -> tuple[Any, int]:
    signature = Signature((Field("x", dtype, **field), Field("y", "float64")), ())
    data = signature.conform({"x": [1, 2, 3], "y": [10.0, 20.0, 30.0]})
    boundary = Boundary(Origin("x", forward), np.asarray(thresholds, dtype=np.float64))
    return threshold_rows(signature, data, [boundary, Boundary(None, np.array([5.0]))], limit)


@given(st.floats(-1e30, 1e30))
def test_the_two_sides_of_a_threshold_are_neighbours(threshold: float):
    rows, covered = rows_around("float64", [threshold])
    assert covered == 1
    at_most, above = rows["x"][rows["x"] <= threshold], rows["x"][rows["x"] > threshold]
    assert at_most.max() == threshold
    assert above.min() == np.nextafter(threshold, np.inf)


@given(st.floats(-1e6, 1e6), st.floats(0.1, 10), st.floats(-5, 5))
def test_a_threshold_is_found_through_scaling_and_rounding(threshold: float, scale: float, shift: float):
    def seen(x: Any) -> Any:
        return ((x - shift) / scale).astype(np.float32).astype(np.float64)

    rows, _ = rows_around("float64", [threshold], lambda x: x - shift, lambda x: (x / scale).astype(np.float32))
    x = np.sort(rows["x"])
    low, high = x[seen(x) <= threshold], x[seen(x) > threshold]
    assert high.min() == np.nextafter(low.max(), np.inf), "no double lies between"


@pytest.mark.parametrize(("dtype", "sides"), [("int64", {2, 3}), ("int8", {2, 3}), ("float32", {2.5})])
def test_sides_are_numbers_of_the_field(dtype: str, sides: set[float]):
    rows, _ = rows_around(dtype, [2.5])
    assert sides <= set(rows["x"].tolist())
    assert rows["x"].dtype == dtype


def test_a_function_that_is_not_defined_everywhere_is_bisected_where_the_data_is():
    rows, covered = rows_around("float64", [0.9], np.log)
    assert covered == 1
    assert np.log(rows["x"].min()) <= 0.9 < np.log(rows["x"].max())


def test_a_threshold_that_no_number_passes_is_left_out():
    rows, covered = rows_around("float64", [5.0], np.tanh)
    assert (rows.rows, covered) == (0, 0)


def test_a_field_of_categories_stays_with_them():
    rows, _ = rows_around("int64", [1.5], categories=(1, 2, 3), unseen="refuse")
    assert set(rows["x"].tolist()) == {1, 2, 3}


def test_a_truth_has_two_sides():
    rows, _ = rows_around("int8", [0.5])
    assert {0, 1} <= set(rows["x"].tolist())


def test_the_rest_of_a_row_is_that_of_the_nearest():
    rows, _ = rows_around("float64", [1.9, 2.9])
    assert set(rows["y"][rows["x"] < 2]) == {20.0}
    assert set(rows["y"][rows["x"] > 2]) == {30.0}


def test_rows_are_bounded_and_spread():
    rows, covered = rows_around("float64", np.linspace(0, 1, 500), limit=100)
    assert rows.rows <= 100
    assert 15 <= covered <= 20
    assert rows["x"].max() > 0.9


def test_gaps_do_not_matter():
    signature = Signature((Field("x", "float64", missing=True),), ())
    data = signature.conform({"x": [None, None]})
    rows, covered = threshold_rows(signature, data, [Boundary(Origin("x"), np.array([1.0]))], 10)
    assert covered == 1
    assert rows.rows == 3
