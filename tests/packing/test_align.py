from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp

import models
from daytwo.errors import PackingError
from daytwo.packing.align import align, align_positions, array_from_table, as_data, closest, target

TABLE = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": [True, False]})


def test_a_model_that_knows_names_gets_its_columns_in_its_order():
    model, X, _ = models.iris_named()
    data, names = align(model, X.iloc[:, ::-1].assign(id=range(150)))
    assert list(data.columns) == list(X.columns)
    assert names is None


def test_a_model_that_knows_names_gets_a_table_also_for_an_array():
    model, X, _ = models.iris_named()
    data, _ = align(model, X.to_numpy())
    pd.testing.assert_frame_equal(data, X)


def test_a_model_fitted_on_an_array_takes_a_table_by_position():
    model, X, _ = models.iris()
    data, names = align(model, pl.DataFrame(X, schema=["a", "b", "c", "d"]))
    assert names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(data, X)


def test_a_model_that_knows_nothing_gets_what_came():
    data, names = align(models.Threshold(1.0), TABLE)
    assert data is TABLE
    assert names is None


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (models.iris()[1][:, :3], r"fitted on 4 columns, X has 3$"),
        (pd.DataFrame(np.ones((3, 5)), columns=list("abcde")), r"has 5 \(a, b, c, d, e\): is one of them the target\?"),
        (pd.DataFrame(np.ones((3, 2)), columns=["a", "a"]), "more than one column called 'a'"),
        (np.ones((0, 4)), "X is empty"),
        (pd.DataFrame({"a": []}), "X is empty"),
        (pd.DataFrame(index=[1, 2]), "X is empty"),
        ([], "rows and fields"),
        (np.ones(4), r"got shape \[4\]"),
        ([[1, 2], [3]], "differ in length"),
        ([{"a": 1}], "list of records"),
        ("text", "must be an array"),
        (None, "must be an array"),
        (5, "must be an array"),
        (pl.LazyFrame({"a": [1]}), r"\.collect\(\)"),
        (sp.eye(20_000, format="csr"), "X is sparse, and dense it would take 3,052 MiB"),
    ],
)
def test_data_that_does_not_fit_is_refused_in_one_sentence(X: Any, message: str):
    with pytest.raises(PackingError, match=message) as caught:
        align(models.iris()[0], X)
    assert "\n" not in str(caught.value)


def test_a_column_that_is_absent_is_named_with_what_was_meant():
    model, X, _ = models.iris_named()
    with pytest.raises(PackingError, match=r"'petal_width' .* did you mean 'petal_widht'"):
        align(model, X.rename(columns={"petal_width": "petal_widht"}))


def test_small_sparse_matrices_and_lists_become_arrays():
    np.testing.assert_array_equal(as_data(sp.csr_matrix([[0, 1], [2, 0]])), [[0, 1], [2, 0]])
    assert as_data([[1, 2.5]]).dtype == np.float64
    assert as_data([["a"], ["b"]]).dtype == object


@pytest.mark.parametrize(
    ("table", "dtype"),
    [
        (TABLE, np.float64),
        (TABLE[["a"]], np.float64),
        (TABLE[["c"]], np.bool_),
        (TABLE[["b"]].astype("float32"), np.float32),
        (pd.DataFrame({"a": ["x", None], "b": [1, 2]}), object),
    ],
)
def test_the_dtype_of_an_array_out_of_a_table(table: pd.DataFrame, dtype: type):
    assert array_from_table(table).dtype == dtype


def test_what_is_missing_among_objects_is_nan():
    array = array_from_table(pl.DataFrame({"a": ["x", None], "b": [1, 2]}))
    assert array[0].tolist() == ["x", 1]
    assert np.isnan(array[1, 0])


def test_positions_of_any_width():
    array, names = align_positions(TABLE, None)
    assert array.shape == (2, 3)
    assert names == ("a", "b", "c")


@pytest.mark.parametrize(
    "y",
    [
        [0, 1, 1], np.array([0, 1, 1]), pd.Series([0, 1, 1], name="y"), pl.Series([0, 1, 1]), np.array([[0], [1], [1]]),
        pd.DataFrame({"y": [0, 1, 1]}), pl.DataFrame({"y": [0, 1, 1]}), (0, 1, 1), pd.Series([0, 1, 1], dtype="Int64"),
    ],
    ids=lambda y: type(y).__module__.split(".")[0] + "." + type(y).__name__,
)  # fmt: skip
def test_a_target_comes_in_many_forms(y: Any):
    found = target(y, 3)
    assert found is not None
    assert found.tolist() == [0, 1, 1]
    assert found.shape == (3,)


def test_targets_of_several_columns_and_of_text():
    assert target(pd.DataFrame({"a": [1, 2], "b": [3, 4]}), 2).tolist() == [[1, 3], [2, 4]]
    assert target(sp.csr_matrix([[0, 1], [1, 0]]), 2).tolist() == [[0, 1], [1, 0]]
    assert target([[0, 1], [1, 0]], 2).tolist() == [[0, 1], [1, 0]]
    assert target(pd.Series(["x", None]), 2).tolist() == ["x", None]
    assert target(None, 2) is None


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 2], "X has 3 rows, y has 2"),
        ([np.nan] * 3, "every value of y is missing"),
        ([None] * 3, "every value of y is missing"),
        ([1.0, np.inf, 0.0], "infinite values, first in row 1"),
        (np.ones((3, 2, 2)), "one label or number per row"),
        (np.ones(3) + 1j, "one label or number per row"),
        (5, "one label or number per row"),
    ],
)
def test_targets_that_are_none(y: Any, message: str):
    with pytest.raises(PackingError, match=message):
        target(y, 3)


def test_closest_names():
    assert closest("agee", ["age", "plan"]) == "did you mean 'age'?"
    assert closest("zzz", [f"c{i}" for i in range(20)]).endswith("c11, …")
