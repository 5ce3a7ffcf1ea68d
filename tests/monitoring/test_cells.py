from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daytwo.monitoring.cells import Bins, Levels, Lines
from daytwo.monitoring.reference import bins_of

numbers = st.floats(allow_nan=True, allow_infinity=False, width=64)
columns = hnp.arrays(np.float64, st.integers(1, 60), elements=numbers)


def naive(bins: Bins, values: list[float]) -> list[int]:
    """What the docstring says, value by value."""
    out = [0] * bins.size
    for value in values:
        if value != value:
            out[-1] += 1
        elif bins.maximum is None or value > bins.maximum:
            out[-2] += 1
        else:
            out[sum(value >= edge for edge in bins.edges)] += 1
    return out


@given(columns, columns)
def test_bins_count_as_they_say(packed: np.ndarray, seen: np.ndarray):
    bins = bins_of(packed, 5)
    assert bins.count(seen).tolist() == naive(bins, seen.tolist())


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (-0.1, "below"), (0.0, "[0, 1)"), (0.999, "[0, 1)"), (1.0, "[1, 5)"), (5.0, "[5, 9]"), (9.0, "[5, 9]"),
        (9.1, "above"), (np.inf, "above"), (-np.inf, "below"), (np.nan, "missing"),
    ],
)  # fmt: skip
def test_every_value_has_one_cell(value: float, cell: str):
    bins = Bins((0.0, 1.0, 5.0), 9.0)
    counts = bins.count(np.array([value]))
    assert counts.sum() == 1
    assert bins.labels[int(np.argmax(counts))] == cell


def test_of_a_column_that_was_all_missing_every_number_is_above():
    bins = Bins((), None)
    assert bins.labels == ("below", "above", "missing")
    assert bins.count(np.array([1.0, -np.inf, np.nan])).tolist() == [1, 1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.uint8, np.bool_])
def test_bins_take_numbers_of_any_dtype(dtype: type):
    assert Bins((0.0, 1.0), 1.0).count(np.array([0, 1, 1], dtype=dtype)).tolist() == [0, 1, 2, 0, 0]


@given(st.lists(columns, min_size=1, max_size=4))
def test_several_bins_at_once_count_as_each_alone(packed: list[np.ndarray]):
    rows = min(len(column) for column in packed)
    matrix = np.stack([column[:rows] for column in packed], axis=1)
    bins = [bins_of(column, 3 + index) for index, column in enumerate(packed)]
    together = Lines(bins).count(matrix).tolist()
    assert together == [n for item, column in zip(bins, matrix.T, strict=True) for n in item.count(column).tolist()]


def test_more_rows_than_one_chunk():
    values = np.arange(10_000.0)
    assert bins_of(values, 4).count(values).tolist() == [0, 2500, 2500, 2500, 2500, 0, 0]


def test_hundreds_of_bins():
    values = np.arange(600.0)
    assert bins_of(values, 600).count(values).tolist() == [0, *[1] * 600, 0, 0]


@pytest.mark.parametrize(
    ("levels", "values", "counts"),
    [
        (("a", "b"), np.array(["a", "c", None, "a"], dtype=object), [2, 0, 1, 1]),
        ((False, True), np.array([True, False, True]), [1, 2, 0, 0]),
        ((False, True), np.array([1.0, 0.0, np.nan, np.nan]), [1, 1, 0, 2]),  # booleans that may miss
        ((0, 1), np.array([0, 1, 7], dtype=np.int8), [1, 1, 1, 0]),
        ((("a", "b"), ("a", "a")), [("a", "a"), ("b", "b"), None], [0, 1, 1, 1]),
        ((), np.array(["a", None], dtype=object), [1, 1]),
    ],
)
def test_levels(levels: tuple, values: object, counts: list[int]):
    assert Levels(levels).count(values).tolist() == counts
