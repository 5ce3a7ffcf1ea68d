from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import models
from daytwo.errors import PackingError
from daytwo.packing.infer import Inferred, infer_inputs
from daytwo.signature import Field, Signature

DAYS = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2)]  # noqa: DTZ001  without a zone is one of the cases
FIRST, LAST = 1704067200e6, 1704153600e6
WORDS = ["a", "b", "a", "b"]


def only(X: Any, **options: Any) -> Field:
    """The single field of ``X``."""
    (field,) = infer_inputs(X, **options).fields
    return field


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1, 2]), Field("f", "int64", minimum=1, maximum=2, native="int64")),
        (pd.Series([1, 2], dtype="uint8"), Field("f", "uint8", minimum=1, maximum=2, native="uint8")),
        (pd.Series([1.5, np.nan]), Field("f", "float64", minimum=1.5, maximum=1.5, missing=True, native="float64")),
        (pd.Series([1.5, 2], dtype="float32"), Field("f", "float32", minimum=1.5, maximum=2, native="float32")),
        (pd.Series([True, False]), Field("f", "bool", minimum=0, maximum=1, native="bool")),
        (pd.Series([1, None], dtype="Int64"), Field("f", "int64", minimum=1, maximum=1, missing=True, native="Int64")),
        (pd.Series([1, None], dtype="UInt8"), Field("f", "uint8", minimum=1, maximum=1, missing=True, native="UInt8")),
        (pd.Series([1, None], dtype="Float32"),
         Field("f", "float32", minimum=1, maximum=1, missing=True, native="Float32")),
        (pd.Series([True, None], dtype="boolean"),
         Field("f", "bool", minimum=1, maximum=1, missing=True, native="boolean")),
        (pd.Series([True, None], dtype=object), Field("f", "bool", minimum=1, maximum=1, missing=True, native="object")),
        (pd.Series(WORDS), Field("f", "string", categories=("a", "b"), native="str")),
        (pd.Series(WORDS, dtype=object), Field("f", "string", categories=("a", "b"), native="object")),
        (pd.Series([*WORDS, None]), Field("f", "string", categories=("a", "b"), missing=True, native="str")),
        (pd.Series(["a", "b", "c"]), Field("f", "string", native="str")),
        (pd.Series(WORDS, dtype=pd.CategoricalDtype(["b", "a", "c"])),
         Field("f", "string", categories=("b", "a", "c"), native="category")),
        (pd.Series([3, 1, 3], dtype="category"),
         Field("f", "int64", categories=(1, 3), minimum=1, maximum=3, native="category")),
        (pd.Series(DAYS), Field("f", "datetime", minimum=FIRST, maximum=LAST, native="datetime64[us]")),
        (pd.Series(DAYS).dt.tz_localize("UTC"),
         Field("f", "datetime", minimum=FIRST, maximum=LAST, native="datetime64[us, UTC]")),
        (pd.Series([DAYS[0], None]),
         Field("f", "datetime", minimum=FIRST, maximum=FIRST, missing=True, native="datetime64[us]")),
        (pd.Series([np.nan, np.nan]), Field("f", "float64", missing=True, native="float64")),
        (pd.Series([1, None], dtype="int64[pyarrow]"),
         Field("f", "int64", minimum=1, maximum=1, missing=True, native="Int64")),
        (pd.Series([True, None], dtype="bool[pyarrow]"),
         Field("f", "bool", minimum=1, maximum=1, missing=True, native="boolean")),
        (pd.Series([0.5, 1.5], dtype="double[pyarrow]"),
         Field("f", "float64", minimum=0.5, maximum=1.5, native="Float64")),
        (pd.Series(DAYS, dtype="timestamp[us][pyarrow]"),
         Field("f", "datetime", minimum=FIRST, maximum=LAST, native="datetime64[us]")),
    ],
)  # fmt: skip
def test_columns_of_pandas(values: pd.Series, expected: Field):
    assert only(values.to_frame("f")) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pl.Series([1, 2]), Field("f", "int64", minimum=1, maximum=2, native="Int64")),
        (pl.Series([1, None], dtype=pl.Int16), Field("f", "int16", minimum=1, maximum=1, missing=True, native="Int16")),
        (pl.Series([1.5, None]), Field("f", "float64", minimum=1.5, maximum=1.5, missing=True, native="Float64")),
        (pl.Series([1.5, 2.5], dtype=pl.Float32), Field("f", "float32", minimum=1.5, maximum=2.5, native="Float32")),
        (pl.Series([True, None]), Field("f", "bool", minimum=1, maximum=1, missing=True, native="Boolean")),
        (pl.Series(WORDS), Field("f", "string", categories=("a", "b"), native="String")),
        (pl.Series(["x", "y", None]), Field("f", "string", missing=True, native="String")),
        (pl.Series(WORDS, dtype=pl.Enum(["b", "a", "c"])),
         Field("f", "string", categories=("b", "a", "c"), native="Enum(categories=['b', 'a', 'c'])")),
        (pl.Series(["z", "a", None], dtype=pl.Categorical),
         Field("f", "string", categories=("a", "z"), missing=True, native="Categorical")),
        (pl.Series(DAYS), Field("f", "datetime", minimum=FIRST, maximum=LAST,
                                native="Datetime(time_unit='us', time_zone=None)")),
    ],
)  # fmt: skip
def test_columns_of_polars(values: pl.Series, expected: Field):
    field = only(pl.DataFrame({"f": values}))
    assert field == expected
    assert infer_inputs(pl.DataFrame({"f": values})).container == "polars"


def test_arrays_have_one_dtype_and_names_by_position():
    assert infer_inputs(np.array([[1, 2], [3, 4]], dtype=np.int32)) == Inferred(
        (Field("x0", "int32", minimum=1, maximum=3), Field("x1", "int32", minimum=2, maximum=4)), "array", "int32"
    )
    assert [f.name for f in infer_inputs(np.ones((2, 2)), names=("a", "b")).fields] == ["a", "b"]


def test_arrays_of_objects_are_learnt_column_by_column():
    fields, _, dtype = infer_inputs(np.array([["u", 1, 0.5], ["u", 2, None]] * 2, dtype=object))
    assert [(f.dtype, f.categories, f.missing) for f in fields] == [
        ("string", ("u",), False), ("int64", None, False), ("float64", None, True)
    ]  # fmt: skip
    assert dtype == "object"
    assert infer_inputs(np.array([["a"], ["b"]])).array_dtype == "object"


def test_an_array_of_more_dimensions_is_one_tensor():
    X = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    assert infer_inputs(X) == Inferred((Field("input", "float32", (3, 2), minimum=0, maximum=11),), "array", "float32")


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.ones((2, 2)) + 1j, "X holds complex128"),
        (np.ones((2, 2), "m8[s]"), "X holds timedelta64"),
        (np.ones((2, 2, 2), complex), "X holds complex128"),
        (np.array([[1.0, 2.0], [np.inf, 1.0]]), "x0 is infinite in row 1"),
        (np.full((2, 2, 2), -np.inf), "X is infinite in row 0"),
        (pd.DataFrame({"f": [1.0, np.inf]}), "f is infinite in row 1"),
        (pd.DataFrame({"f": [1 + 2j]}), "f holds complex128"),
        (pd.DataFrame({"f": pd.to_timedelta([1])}), "f holds timedelta64"),
        (pd.DataFrame({"f": [[1], [2]]}), r"f holds nested values such as \[1\]"),
        (pd.DataFrame({"f": [[1], [2, 3]]}), "f holds list objects"),
        (pd.DataFrame({"f": [{"a": 1}]}), "f holds dict objects"),
        (pd.DataFrame({"f": [b"x", b"y"]}), "f holds bytes objects"),
        (pd.DataFrame({"f": [Decimal(1)]}), "f holds Decimal objects"),
        (pd.DataFrame({"f": ["a", 1]}), r"f mixes text with 1 \(int\)"),
        (pd.DataFrame({"f": pd.interval_range(0, 2)}), "f holds interval"),
        (pd.DataFrame([[1, 2]], columns=["f", "f"]), "more than one column called 'f'"),
        (pl.DataFrame({"f": [[1], [2]]}), "f holds List"),
        (pl.DataFrame({"f": [{"a": 1}]}), "f holds Struct"),
        (pl.DataFrame({"f": [dt.timedelta(1)]}), "f holds Duration"),
        (pl.DataFrame({"f": [dt.time(1)]}), "f holds Time"),
        (pl.DataFrame({"f": [None, None]}), "f holds Null"),
    ],
)
def test_what_no_request_can_carry_is_refused_by_name(X: Any, message: str):
    with pytest.raises(PackingError, match=message):
        infer_inputs(X)


def test_missing_values_are_allowed_where_seen_or_asked_for():
    X = pd.DataFrame({"a": [1.0, np.nan], "b": [1.0, 2.0], "c": [1, 2]})
    assert [f.missing for f in infer_inputs(X).fields] == [True, False, False]
    assert [f.missing for f in infer_inputs(X, allow_missing=["c"]).fields] == [True, False, True]
    assert [f.missing for f in infer_inputs(X, allow_missing=True).fields] == [True, True, True]
    with pytest.raises(PackingError, match="'bb', which is no column of X: did you mean 'b'"):
        infer_inputs(X, allow_missing=["bb"])


def test_an_array_of_integers_that_may_miss_is_fed_as_float64():
    fields, _, dtype = infer_inputs(np.array([[1, 2]]), allow_missing=["x1"])
    assert [(f.dtype, f.missing) for f in fields] == [("float64", False), ("float64", True)]
    assert dtype == "float64"


@pytest.mark.parametrize(("distinct", "rows", "categorical"), [(50, 100, True), (51, 200, False), (50, 99, False)])
def test_text_is_categorical_where_it_is_few_and_repeated(distinct: int, rows: int, categorical: bool):
    words = [f"w{i % distinct:02d}" for i in range(rows)]
    assert (only(pd.DataFrame({"f": words})).categories is not None) == categorical


@given(hnp.arrays(st.sampled_from(["f4", "f8", "i4", "u1", "?"]), st.tuples(st.integers(1, 8), st.integers(1, 4))))
def test_an_array_fits_the_signature_learnt_from_it(X: np.ndarray):
    X = np.where(np.isinf(X), np.nan, X).astype(X.dtype) if X.dtype.kind == "f" else X
    fields, container, dtype = infer_inputs(X)
    batch = Signature(fields, (), container, dtype).conform(X)
    np.testing.assert_array_equal(np.stack([column for _, column in batch.items()], axis=1), X)


@pytest.mark.parametrize("convert", [lambda X: X, pl.from_pandas, lambda X: X.convert_dtypes()])
def test_a_table_fits_the_signature_learnt_from_it(convert: Any):
    X = convert(models.customers()[0])
    fields, container, dtype = infer_inputs(X)
    batch = Signature(fields, (), container, dtype).conform(X)
    assert batch.rows == 200
    assert [f.missing for f in fields] == [False, True, False, False, True]
    assert fields[4].categories == ("de", "fr", "it", "us")
