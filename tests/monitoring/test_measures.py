from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from daytwo.monitoring.measures import Measure, measured

TENSOR = np.array([[1.0, 3.0], [0.0, 4.0]])


@pytest.mark.parametrize(
    ("measure", "item", "column", "expected"),
    [
        ("value", None, np.array([1, 2]), [1, 2]),
        ("value", 1, TENSOR, [3.0, 4.0]),
        ("value", None, np.array([1, "NaT"], dtype="M8[us]"), [1.0, np.nan]),
        ("length", None, np.array(["", "ab", None], dtype=object), [0.0, 2.0, np.nan]),
        ("mean", None, TENSOR, [2.0, 2.0]),
        ("std", None, TENSOR, [1.0, 2.0]),
        ("min", None, TENSOR, [1.0, 0.0]),
        ("max", None, TENSOR, [3.0, 4.0]),
        ("mean", None, np.array([[1, 2], [3, 4]], dtype=np.uint8), [1.5, 3.5]),
        ("mean", None, np.full((1, 2), 1.7e308), [np.inf]),
    ],
)
def test_measures_of_a_column(measure: Measure, item: int | None, column: Any, expected: list[float]):
    np.testing.assert_array_equal(measured(measure, item, column, None), expected)


@pytest.mark.parametrize(
    ("measure", "item", "predicted", "truth", "expected"),
    [
        ("residual", None, [1.0, 2.0], [1.5, np.nan], [0.5, np.nan]),
        ("residual", 1, [[0.0, 1.0]], [[0.0, 3.0]], [2.0]),
        ("residual", None, [-1.7e308], [1.7e308], [np.inf]),
        ("correct", None, [1, 0, 1], [1, 1, 1], [True, False, True]),
        ("correct", None, [1, 0], [1.0, np.nan], [True, None]),
        ("confusion", None, ["a", "b"], ["b", None], [("b", "a"), None]),
    ],
)
def test_errors_are_truth_less_prediction(
    measure: Measure, item: int | None, predicted: list, truth: list, expected: list
):
    kind = object if isinstance(predicted[0], str) else None
    out = measured(measure, item, np.array(predicted, dtype=kind), np.array(truth, dtype=kind))
    if measure == "residual":
        np.testing.assert_array_equal(out, expected)
    else:
        assert out == expected
