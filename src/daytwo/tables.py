"""Columns out of whatever a table comes as: pandas, polars, a mapping, a list of records, a two-dimensional array.

Neither pandas nor polars is imported: a table is known by what it can do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from daytwo.batch import Array

#: Beyond it, neighbouring integers are one and the same float64.
EXACT_INTEGER = 2**53

_LIBRARIES = ("pandas", "polars")
_PLAIN_DTYPES = {
    "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64", "Boolean",
}  # fmt: skip
#: What pandas says for missing, where that is neither None nor NaN.
_MISSING = ("NAType", "NaTType")
#: What can be walked through, and yet is no column.
_NO_COLUMNS = (str, bytes, bytearray, Mapping, AbstractSet)
_INTEGERS = int | np.integer
_NUMBERS = _INTEGERS | float | np.floating
_BOOLEANS = bool | np.bool_
_INSTANTS = dt.date | np.datetime64


def kind_of(raw: object) -> str:
    """``pandas``, ``polars`` or ``array``: what a model fitted on ``raw`` wants to be fed with."""
    library = _library_of(raw)
    return library if library and hasattr(type(raw), "columns") else "array"


def is_frame(raw: object) -> bool:
    """Whether ``raw`` is a pandas or polars DataFrame."""
    return kind_of(raw) != "array"


def columns_of(raw: Any) -> dict[str, Any]:
    """The named columns of a DataFrame, a mapping of columns, or a list of records; values as the table holds them.

    Raises TypeError for anything else, saying what would have been right. Records need not agree on their keys: what
    a record lacks is None.
    """
    if is_frame(raw):
        return _of_frame(raw)
    if isinstance(raw, Mapping):
        return {str(name): values for name, values in raw.items()}
    if isinstance(raw, Sequence) and not isinstance(raw, str | bytes) and all(isinstance(r, Mapping) for r in raw):
        names = dict.fromkeys(name for record in raw for name in record)
        return {str(name): [record.get(name) for record in raw] for name in names}
    raise TypeError("a table, a mapping of columns or a list of records")


def array_of(column: Any) -> Array:
    """One column as a numpy array in which only NaN, NaT and None mean missing.

    Numbers become one numeric array, missing ones NaN in float64, wherever that loses nothing; booleans beside
    numbers, and integers that no float64 can hold beside missing values, stay the objects that they are. Booleans with
    missing values become float64 too. Text and categories become ``object`` arrays of their values, instants
    ``datetime64[us]`` in UTC; rows that are lists or arrays of one shape become one tensor.

    Raises TypeError for what is no column: a text, bytes, a mapping, a set, a single value.
    """
    array = exact_array_of(column)
    if array.dtype.kind != "O":
        return array
    flat = array.ravel().tolist()
    if not all(value is None or isinstance(value, _BOOLEANS) for value in flat) or not any(v is not None for v in flat):
        return array
    return _with_nan(flat).reshape(array.shape)


def exact_array_of(column: Any) -> Array:
    """As :func:`array_of`, but for booleans with missing values, which stay objects: they are no numbers."""
    library = _library_of(column)
    if library == "pandas" and hasattr(column, "to_frame"):
        return _from_pandas(column.to_series() if hasattr(column, "to_series") else column)
    if library == "polars" and hasattr(column, "to_list"):
        return _from_polars(column)
    if isinstance(column, np.ndarray):
        return _tidy(column if type(column) is np.ndarray else _unmasked(column))
    if isinstance(column, _NO_COLUMNS) or not hasattr(column, "__iter__"):
        raise TypeError("a column, which has one value per row")
    return _from_values(list(column))


def native_dtype(column: Any) -> str | None:
    """The dtype of a table's column in its own library's words (``category``, ``Int64``, ``str``, …), or None."""
    return str(column.dtype) if _library_of(column) else None


def instant(value: dt.date | str) -> np.datetime64:
    """A date, a datetime (its zone turned to UTC; none means UTC) or an ISO 8601 text as ``datetime64[us]``.

    Raises ValueError for other text, and for what lies outside the years 1 to 9999.

    >>> str(instant("2026-01-02T03:04:05+01:00"))
    '2026-01-02T02:04:05.000000'
    """
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(moment, dt.datetime) and moment.tzinfo is not None:
        try:
            moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
        except OverflowError:
            raise ValueError(f"{value} lies outside the years 1 to 9999") from None
    return np.datetime64(moment, "us")


def _library_of(thing: object) -> str | None:
    """``pandas`` or ``polars`` where the class of ``thing``, or one that it derives from, is of that library."""
    roots = (base.__module__.partition(".")[0] for base in type(thing).__mro__)
    return next((root for root in roots if root in _LIBRARIES), None)


def _of_frame(frame: Any) -> dict[str, Any]:
    if hasattr(frame, "collect"):
        raise TypeError("a DataFrame (a LazyFrame becomes one with .collect())")
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise TypeError("a table whose columns have different names")
    return {name: frame[column] for name, column in zip(names, frame.columns, strict=True)}


def _from_pandas(series: Any) -> Array:
    dtype = str(series.dtype)
    if dtype.startswith("datetime64"):
        if getattr(series.dt, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(series.to_numpy(), dtype="datetime64[us]")
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return np.asarray(series.to_numpy())
    missing = series.isna().to_numpy()
    if dtype in _PLAIN_DTYPES or dtype == "boolean":
        if not missing.any():
            return np.asarray(series.to_numpy(dtype=dtype.lower().replace("boolean", "bool")))
        if dtype != "boolean" and _is_exact(floats := series.to_numpy(dtype="float64", na_value=np.nan)):
            return np.asarray(floats)
    values = np.array(series.astype(object).to_numpy(), dtype=object, copy=True)
    values[missing] = None
    return _tidy(values)


def _from_polars(series: Any) -> Array:
    dtype = str(series.dtype)
    if dtype.startswith("Datetime"):
        if getattr(series.dtype, "time_zone", None):
            series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return np.asarray(series.dt.cast_time_unit("us").to_numpy(), dtype="datetime64[us]")
    if dtype == "Date":
        return np.asarray(series.to_numpy(), dtype="datetime64[us]")
    if dtype in _PLAIN_DTYPES and (dtype != "Boolean" or series.null_count() == 0):
        array = np.asarray(series.to_numpy())
        if dtype.startswith("Float") or array.dtype.kind != "f" or _is_exact(array):
            return array
    return _from_values(series.to_list())


def _is_exact(floats: Array) -> bool:
    """Whether floats that were integers are still the same integers."""
    return not (np.abs(floats) >= EXACT_INTEGER).any()


def _from_values(values: list[Any]) -> Array:
    kinds = set(map(type, values))
    if kinds == {float}:
        return np.array(values)
    if kinds and all(issubclass(kind, list | tuple | np.ndarray) for kind in kinds):
        return _stacked(values)
    return _narrow(np.fromiter(values, dtype=object, count=len(values))) if values else np.empty(0)


def _stacked(rows: list[Any]) -> Array:
    """Rows of one shape as one tensor; ragged rows stay the lists that they are."""
    try:
        if all(isinstance(row, np.ndarray) and row.dtype.kind != "O" for row in rows):
            return _tidy(np.stack(rows))
        whole = np.array(rows, dtype=object)
    except ValueError:
        return np.fromiter(rows, dtype=object, count=len(rows))
    return _narrow(whole)


def _unmasked(values: Array) -> Array:
    """A subclass of array as an array; of a masked one, what is masked is None."""
    plain = np.asarray(values)
    if np.ma.isMaskedArray(values):
        plain = plain.astype(object)
        plain[np.ma.getmaskarray(values)] = None
    return plain


def _tidy(values: Array) -> Array:
    if values.dtype.kind == "O":
        nested = values.ndim == 1 and values.size and isinstance(values[0], list | np.ndarray)
        return _from_values(values.tolist()) if nested else _narrow(values)
    if values.dtype.kind in "US":
        return np.asarray(values, dtype=object)
    return np.asarray(values, dtype="datetime64[us]") if values.dtype.kind == "M" else np.asarray(values)


def _narrow(values: Array) -> Array:
    """An object array as the narrowest honest kind: numbers where all are numbers, instants likewise."""
    flat = values.ravel().tolist()
    if set(map(type, flat)) <= {str, type(None)}:
        return values
    flat = [None if _is_gone(value) else value for value in flat]
    present = [value for value in flat if value is not None]
    narrow: Array | None = None
    if present and all(isinstance(value, _INSTANTS) for value in present):
        narrow = _instants(flat)
    elif present and all(isinstance(value, _BOOLEANS) for value in flat):
        narrow = np.array(flat)
    elif present and all(isinstance(value, _NUMBERS) and not isinstance(value, bool) for value in present):
        narrow = _numbers(flat, present)
    if narrow is None:
        narrow = np.fromiter(flat, dtype=object, count=len(flat))
    return narrow.reshape(values.shape)


def _numbers(flat: list[Any], present: list[Any]) -> Array | None:
    """Numbers as one array, or None where that would change one of them."""
    try:
        narrow = np.array(flat) if len(present) == len(flat) else _with_nan(flat)
    except OverflowError:
        return None
    if narrow.dtype.kind == "f" and any(isinstance(v, _INTEGERS) and abs(int(v)) > EXACT_INTEGER for v in present):
        return None
    return narrow if narrow.dtype.kind in "iuf" else None


def _with_nan(flat: list[Any]) -> Array:
    return np.array([np.nan if value is None else value for value in flat], dtype=np.float64)


def _instants(flat: list[Any]) -> Array | None:
    try:
        moments = [instant(value) if isinstance(value, dt.date) else value for value in flat]
        return np.array([np.datetime64("NaT", "us") if v is None else v for v in moments], dtype="datetime64[us]")
    except ValueError:
        return None


def _is_gone(value: Any) -> bool:
    if isinstance(value, float | np.floating | np.datetime64):
        return bool(value != value)
    return value is None or type(value).__name__ in _MISSING
