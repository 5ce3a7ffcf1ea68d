"""What a model's own library is fed with: the table that was packed, again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from daytwo.batch import Batch
from daytwo.packing.infer import infer_inputs
from daytwo.runtimes.feed import NONE_OBJECT, feeder
from daytwo.signature import Field, Signature

TABLE = pd.DataFrame(
    {
        "whole": [1, 2, 3],
        "gap": pd.array([1, None, 3], dtype="Int64"),
        "byte": np.array([1, 2, 3], dtype="uint8"),
        "real": [0.5, None, 1.5],
        "narrow": np.array([1, 2, 3], dtype="float32"),
        "truth": [True, False, True],
        "maybe": pd.array([True, None, False], dtype="boolean"),
        "word": ["a", None, "b"],
        "object": pd.Series(["a", np.nan, "b"], dtype=object),
        "kind": pd.Categorical(["x", None, "y"], categories=["y", "x"]),
        "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"]).as_unit("ns"),
        "there": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"]).tz_localize("Europe/Berlin").as_unit("us"),
    }
)


def again(table: Any) -> Any:
    inferred = infer_inputs(table)
    signature = Signature(inferred.fields, (), inferred.container, inferred.array_dtype)
    return feeder(signature)(signature.conform(table))


def test_a_pandas_table_is_the_same_again():
    pd.testing.assert_frame_equal(again(TABLE), TABLE)


def test_a_table_of_numbers_is_the_same_again():
    table = TABLE[["real"]].assign(more=[1.0, 2.0, 3.0])
    pd.testing.assert_frame_equal(again(table), table)


def test_a_polars_table_is_the_same_again():
    table = pl.DataFrame(
        {
            "whole": [1, 2, 3],
            "gap": [1, None, 3],
            "byte": pl.Series([1, 2, 3], dtype=pl.UInt8),
            "real": [0.5, None, 1.5],
            "narrow": pl.Series([1, 2, 3], dtype=pl.Float32),
            "truth": [True, False, True],
            "maybe": [True, None, False],
            "word": ["a", None, "b"],
            "kind": pl.Series(["x", None, "y"], dtype=pl.Categorical),
            "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["x", "y"])),
            "when": pl.Series([dt.date(2026, 1, 1), None, dt.date(2026, 1, 3)]).cast(pl.Datetime("ns")),
            "day": [dt.date(2026, 1, 1), None, dt.date(2026, 1, 3)],
            "there": pl.Series([dt.date(2026, 1, 1)] * 3).cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Berlin"),
        }
    )
    assert again(table).equals(table)
    assert again(table).schema == table.schema


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64", "uint8", "bool"])
def test_an_array_is_the_same_again(dtype: str):
    array = np.array([[1, 0], [0, 1]], dtype=dtype)
    assert again(array).dtype == dtype
    assert np.array_equal(again(array), array)


def test_an_array_of_all_kinds_keeps_what_each_is():
    array = np.array([["a", 1, 0.5], ["b", 2, np.nan]], dtype=object)
    fed = again(array)
    assert fed.dtype == object
    assert [type(value) for value in fed[0]] == [str, int, float]
    assert np.isnan(fed[1, 2])


def test_a_matrix_is_handed_over_as_it_is():
    signature = Signature((Field("a", "float64"), Field("b", "float64")), (), "array", "float64")
    matrix = np.zeros((2, 2))
    assert feeder(signature)(Batch.from_matrix(("a", "b"), matrix)) is matrix


def test_a_tensor_is_one_array():
    signature = Signature((Field("image", "float32", (2, 2)),), (), "array", "float32")
    fed = feeder(signature)(Batch.from_columns({"image": np.zeros((3, 2, 2), dtype="float32")}))
    assert fed.shape == (3, 2, 2)


def test_a_category_nobody_has_seen_reaches_the_model():
    signature = Signature((Field("kind", "string", categories=("x", "y"), native="category"),), (), "pandas")
    fed = feeder(signature)(Batch.from_columns({"kind": np.array(["y", "new"], dtype=object)}))
    assert fed["kind"].tolist() == ["y", "new"]
    assert fed["kind"].cat.categories.tolist() == ["x", "y", "new"]


@pytest.mark.parametrize(("native", "missing"), [("object", np.nan), (NONE_OBJECT, None)])
@pytest.mark.parametrize("container", ["array", "pandas"])
def test_none_and_nan_are_told_apart(container: Any, native: str, missing: Any):
    field = Field("word", "string", missing=True, native=native)
    signature = Signature((field,), (), container, "object" if container == "array" else None)
    fed = feeder(signature)(Batch.from_columns({"word": np.array(["a", None], dtype=object)}))
    last = fed[1, 0] if container == "array" else fed["word"].tolist()[1]
    assert (last is None) == (missing is None)
