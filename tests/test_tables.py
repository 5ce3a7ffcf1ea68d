from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.tables import array_of, columns_of, exact_array_of, instant, is_frame, kind_of, native_dtype

BIG = 2**53 + 1
NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)
DAY_SAID, NOON_SAID = "2026-01-02T00:00:00", "2026-01-02T12:00:00"
PARIS = dt.timezone(dt.timedelta(hours=1))


def objects(*values: Any) -> np.ndarray:
    return np.fromiter(values, dtype=object, count=len(values))


def told(column: Any) -> tuple[str, Any]:
    """The dtype and the values of a column, NaN as the word and instants as texts."""
    array = array_of(column)
    if array.dtype.kind == "M":
        return array.dtype.name, np.datetime_as_string(array, unit="s").tolist()
    return array.dtype.name, np.where(array != array, "NaN", array.astype(object)).tolist()


class Table(pd.DataFrame):
    """A table of a library that builds on pandas."""


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (pd.DataFrame({"a": [1]}), "pandas"),
        (Table({"a": [1]}), "pandas"),
        (pl.DataFrame({"a": [1]}), "polars"),
        (pl.DataFrame({"a": [1]}).lazy(), "polars"),
        (pd.Series([1]), "array"),
        (np.eye(2), "array"),
        ({"a": [1]}, "array"),
        (None, "array"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_a_table_is(raw: object, kind: str):
    assert kind_of(raw) == kind
    assert is_frame(raw) == (kind != "array")


@pytest.mark.parametrize(
    "raw",
    [
        pd.DataFrame({"a": [1, 2], "1": ["x", "y"]}).rename(columns={"1": 1}),
        pl.DataFrame({"a": [1, 2], "1": ["x", "y"]}),
        {"a": [1, 2], 1: ["x", "y"]},
        [{"a": 1, 1: "x"}, {1: "y", "a": 2}],
    ],
    ids=["pandas", "polars", "mapping", "records"],
)
def test_columns_by_name(raw: Any):
    columns = columns_of(raw)
    assert list(columns) == ["a", "1"]
    assert [list(values) for values in columns.values()] == [[1, 2], ["x", "y"]]


def test_what_a_record_lacks_is_none():
    assert columns_of([{"a": 1}, {"b": 2}]) == {"a": [1, None], "b": [None, 2]}


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (7, "a table, a mapping of columns or a list of records"),
        ("age", "a table, a mapping of columns or a list of records"),
        ([1, 2], "a table, a mapping of columns or a list of records"),
        (np.eye(2), "a table, a mapping of columns or a list of records"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a table whose columns have different names"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "a table whose columns have different names"),
        (pl.DataFrame({"a": [1]}).lazy(), "a DataFrame (a LazyFrame becomes one with .collect())"),
    ],
    ids=["number", "text", "list", "array", "twins", "twins as text", "lazy"],
)
def test_what_has_no_columns(raw: Any, what: str):
    with pytest.raises(TypeError, match=re.escape(what)):
        columns_of(raw)


COLUMNS: list[tuple[str, Any, tuple[str, Any]]] = [
    # plain lists
    ("nothing", [], ("float64", [])),
    ("floats", [1.5, 2.0], ("float64", [1.5, 2.0])),
    ("floats and NaN", [1.5, float("nan")], ("float64", [1.5, "NaN"])),
    ("floats and None", [1.5, None], ("float64", [1.5, "NaN"])),
    ("integers", [1, 2], ("int64", [1, 2])),
    ("integers and None", [1, None], ("float64", [1.0, "NaN"])),
    ("integers and floats", [1, 0.5], ("float64", [1.0, 0.5])),
    ("large integers", [BIG, -BIG], ("int64", [BIG, -BIG])),
    ("large integers and None", [BIG, None], ("object", [BIG, None])),
    ("large integers and floats", [BIG, 0.5], ("object", [BIG, 0.5])),
    ("unsigned integers", [2**64 - 1], ("uint64", [2**64 - 1])),
    ("integers of two worlds", [2**64 - 1, -1], ("object", [2**64 - 1, -1])),
    ("huge integers", [10**30], ("object", [10**30])),
    ("too large for a float", [10**400, None], ("object", [10**400, None])),
    ("booleans", [True, False], ("bool", [True, False])),
    ("booleans and None", [True, None], ("float64", [1.0, "NaN"])),
    ("booleans and numbers", [True, 2], ("object", [True, 2])),
    ("booleans and fractions", [True, 0.5], ("object", [True, 0.5])),
    ("texts", ["a", ""], ("object", ["a", ""])),
    ("texts and None", ["a", None], ("object", ["a", None])),
    ("texts and NaN", ["a", float("nan")], ("object", ["a", None])),
    ("texts and NA", ["a", pd.NA], ("object", ["a", None])),
    ("texts and numbers", ["a", 1], ("object", ["a", 1])),
    ("numbers and NA", [1, pd.NA], ("float64", [1.0, "NaN"])),
    ("only None", [None, None], ("object", [None, None])),
    ("dates", [dt.date(2026, 1, 2), None], ("datetime64[us]", [DAY_SAID, "NaT"])),
    ("instants", [NOON, NOON.astimezone(PARIS)], ("datetime64[us]", [NOON_SAID] * 2)),
    ("Timestamps", [pd.Timestamp("2026-01-02"), pd.NaT], ("datetime64[us]", [DAY_SAID, "NaT"])),
    ("numpy's instants", [np.datetime64("2026-01-02"), np.datetime64("NaT", "us")],
     ("datetime64[us]", [DAY_SAID, "NaT"])),
    ("instants and texts", [dt.date(2026, 1, 2), "2026-01-03"], ("object", [dt.date(2026, 1, 2), "2026-01-03"])),
    ("too early for UTC", [dt.datetime(1, 1, 1, tzinfo=PARIS)], ("object", [dt.datetime(1, 1, 1, tzinfo=PARIS)])),
    ("decimals", [Decimal("1.5"), None], ("object", [Decimal("1.5"), None])),
    ("numpy's numbers", [np.float32(0.5), np.int8(1)], ("float32", [0.5, 1.0])),
    ("numpy's booleans", [np.bool_(True), False], ("bool", [True, False])),
    ("a tuple", (1, 2), ("int64", [1, 2])),
    ("a generator", (n for n in (1, 2)), ("int64", [1, 2])),
    ("a range", range(2), ("int64", [0, 1])),
    # tensors
    ("rows of numbers", [[1, 2], [3, 4.5]], ("float64", [[1.0, 2.0], [3.0, 4.5]])),
    ("rows with None", [[1, None]], ("float64", [[1.0, "NaN"]])),
    ("rows with booleans", [[1, True]], ("object", [[1, True]])),
    ("rows of text", [["a", None]], ("object", [["a", None]])),
    ("rows of arrays", [np.array([1, 2]), np.array([3, 4])], ("int64", [[1, 2], [3, 4]])),
    ("ragged rows", [[1, 2], [3]], ("object", [[1, 2], [3]])),
    ("rows and numbers", [1, [2]], ("object", [1, [2]])),
    # arrays
    ("float32", np.array([0.5], dtype=np.float32), ("float32", [0.5])),
    ("uint8", np.array([255], dtype=np.uint8), ("uint8", [255])),
    ("str", np.array(["a", "bc"]), ("object", ["a", "bc"])),
    ("days", np.array(["2026-01-02", "NaT"], dtype="M8[D]"), ("datetime64[us]", [DAY_SAID, "NaT"])),
    ("objects that are numbers", objects(1, 2.5), ("float64", [1.0, 2.5])),
    ("objects that are texts", objects("a", np.nan), ("object", ["a", None])),
    ("objects that are rows", objects([1, 2], [3, 4]), ("int64", [[1, 2], [3, 4]])),
    ("objects in two dimensions", np.array([[1, None], [2, 3]], dtype=object), ("float64", [[1.0, "NaN"], [2.0, 3.0]])),
    ("masked", np.ma.array([1, 2], mask=[False, True]), ("float64", [1.0, "NaN"])),
    # pandas
    ("pandas int", pd.Series([1, 2], index=[7, 9]), ("int64", [1, 2])),
    ("pandas Int16", pd.Series([1, None], dtype="Int16"), ("float64", [1.0, "NaN"])),
    ("pandas Int64 whole", pd.Series([BIG], dtype="Int64"), ("int64", [BIG])),
    ("pandas Int64 large", pd.Series([BIG, None], dtype="Int64"), ("object", [BIG, None])),
    ("pandas UInt8", pd.Series([1, 2], dtype="UInt8"), ("uint8", [1, 2])),
    ("pandas Float32", pd.Series([0.5, None], dtype="Float32"), ("float64", [0.5, "NaN"])),
    ("pandas boolean", pd.Series([True, None], dtype="boolean"), ("float64", [1.0, "NaN"])),
    ("pandas boolean whole", pd.Series([True, False], dtype="boolean"), ("bool", [True, False])),
    ("pandas str", pd.Series(["a", None], dtype="str"), ("object", ["a", None])),
    ("pandas string", pd.Series(["a", None], dtype="string"), ("object", ["a", None])),
    ("pandas category", pd.Series(["b", None, "a"], dtype="category"), ("object", ["b", None, "a"])),
    ("pandas category of numbers", pd.Series([3, None], dtype="category"), ("float64", [3.0, "NaN"])),
    ("pandas arrow", pd.Series([1, None], dtype="int64[pyarrow]"), ("float64", [1.0, "NaN"])),
    ("pandas time", pd.Series([NOON, None]), ("datetime64[us]", [NOON_SAID, "NaT"])),
    ("pandas time in a zone", pd.Series([NOON.astimezone(PARIS)]), ("datetime64[us]", [NOON_SAID])),
    ("pandas objects", pd.Series([True, None], dtype=object), ("float64", [1.0, "NaN"])),
    ("pandas rows", pd.Series([[1, 2], [3, 4]]), ("int64", [[1, 2], [3, 4]])),
    ("pandas index", pd.Index(["a", "b"]), ("object", ["a", "b"])),
    ("pandas index of time", pd.DatetimeIndex(["2026-01-02"]), ("datetime64[us]", [DAY_SAID])),
    ("pandas array", pd.array([1, None]), ("float64", [1.0, "NaN"])),
    # polars
    ("polars int", pl.Series([1, 2]), ("int64", [1, 2])),
    ("polars int and null", pl.Series([1, None]), ("float64", [1.0, "NaN"])),
    ("polars large and null", pl.Series([BIG, None]), ("object", [BIG, None])),
    ("polars float and null", pl.Series([0.5, None], dtype=pl.Float32), ("float32", [0.5, "NaN"])),
    ("polars bool", pl.Series([True, False]), ("bool", [True, False])),
    ("polars bool and null", pl.Series([True, None]), ("float64", [1.0, "NaN"])),
    ("polars text", pl.Series(["a", None]), ("object", ["a", None])),
    ("polars categorical", pl.Series(["a", None], dtype=pl.Categorical), ("object", ["a", None])),
    ("polars enum", pl.Series(["a"], dtype=pl.Enum(["a"])), ("object", ["a"])),
    ("polars date", pl.Series([dt.date(2026, 1, 2), None]), ("datetime64[us]", [DAY_SAID, "NaT"])),
    ("polars time", pl.Series([NOON_SAID]).str.to_datetime(), ("datetime64[us]", [NOON_SAID])),
    ("polars time in a zone", pl.Series([NOON]).dt.convert_time_zone("Europe/Paris"),
     ("datetime64[us]", [NOON_SAID])),
    ("polars rows", pl.Series([[1, 2], [3, 4]]), ("int64", [[1, 2], [3, 4]])),
    ("polars null", pl.Series([None, None]), ("object", [None, None])),
]  # fmt: skip


@pytest.mark.parametrize(("column", "expected"), [c[1:] for c in COLUMNS], ids=[c[0] for c in COLUMNS])
def test_columns_become_arrays(column: Any, expected: tuple[str, Any]):
    assert told(column) == expected


@pytest.mark.parametrize(
    "column",
    [
        [True, None],
        pd.Series([True, None], dtype="boolean"),
        pl.Series([True, None]),
        np.array([True, None], dtype=object),
    ],
    ids=["list", "pandas", "polars", "array"],
)
def test_booleans_with_gaps_are_no_numbers_where_that_matters(column: Any):
    assert exact_array_of(column).tolist() == [True, None]
    assert told(column) == ("float64", [1.0, "NaN"])


@pytest.mark.parametrize(
    "column",
    ["pro", b"pro", bytearray(b"pro"), 5, None, {"0": 1}, {1, 2}, np.float64(1.5)],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_column(column: Any):
    with pytest.raises(TypeError, match="a column"):
        array_of(column)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (pd.Series([1], dtype="Int64"), "Int64"),
        (pd.Series(["a"], dtype="category"), "category"),
        (pl.Series([1], dtype=pl.Int8), "Int8"),
        (np.zeros(1), None),
        ([1], None),
    ],
)
def test_the_dtype_in_the_tables_own_words(column: Any, dtype: str | None):
    assert native_dtype(column) == dtype


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-01-02", "2026-01-02T00:00:00.000000"),
        ("2026-01-02T03:04:05", "2026-01-02T03:04:05.000000"),
        ("2026-01-02 03:04:05.123456789", "2026-01-02T03:04:05.123456"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000000"),
        ("2026-01-02T03:04:05-05:30", "2026-01-02T08:34:05.000000"),
        (dt.date(2026, 1, 2), "2026-01-02T00:00:00.000000"),
        (NOON.astimezone(PARIS), "2026-01-02T12:00:00.000000"),
        (pd.Timestamp("2026-01-02T03:04:05.123456789"), "2026-01-02T03:04:05.123456"),
    ],
)
def test_instants(said: Any, moment: str):
    assert (str(instant(said)), instant(said).dtype.str) == (moment, "<M8[us]")


@pytest.mark.parametrize(
    "said", ["", "tomorrow", "1700000000", "2026-02-30", "0001-01-01T00:00:00+05:00", "2026-13-01"]
)
def test_what_is_no_instant(said: str):
    with pytest.raises(ValueError, match=r"."):
        instant(said)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.dates() | st.just(pd.NA),
    lambda inner: st.lists(inner, max_size=3),
)
makers: list[Callable[[list[Any]], Any]] = [list, lambda values: objects(*values), lambda v: pd.Series(v, dtype=object)]


@given(st.lists(anything, max_size=6), st.sampled_from(makers))
def test_a_column_keeps_its_rows_and_is_settled_at_once(values: list[Any], make: Callable[[list[Any]], Any]):
    array = array_of(make(values))
    assert len(array) == len(values)
    again = array_of(array)
    assert (again.dtype, again.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(again, array)


@given(st.lists(st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.none() | st.booleans(), max_size=6))
def test_no_number_changes(values: list[Any]):
    for value, kept in zip(values, array_of(values).tolist(), strict=True):
        assert value is None or value == kept
