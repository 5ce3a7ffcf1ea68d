"""Columns out of whatever a table comes as: pandas, polars, a mapping, a list of records, a two-dimensional array.

Neither pandas nor polars is imported: a table is known by what it can do.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daytwo.batch import Array


def kind_of(raw: object) -> str:
    """``pandas``, ``polars`` or ``array``: what a model fitted on ``raw`` wants to be fed with."""
    library = type(raw).__module__.partition(".")[0]
    return library if library in ("pandas", "polars") and hasattr(raw, "columns") else "array"


def is_frame(raw: object) -> bool:
    """Whether ``raw`` is a pandas or polars DataFrame."""
    return kind_of(raw) != "array"


def columns_of(raw: Any) -> dict[str, Any]:
    """The named columns of a DataFrame, a mapping of columns, or a list of records; values as the table holds them.

    Raises TypeError for anything else. Records need not agree on their keys: what a record lacks is None.
    """
    if is_frame(raw):
        return {str(name): raw[name] for name in raw.columns}
    if isinstance(raw, Mapping):
        return {str(name): values for name, values in raw.items()}
    if isinstance(raw, Sequence) and not isinstance(raw, str | bytes) and all(isinstance(r, Mapping) for r in raw):
        names = dict.fromkeys(name for record in raw for name in record)
        return {str(name): [record.get(name) for record in raw] for name in names}
    raise TypeError(f"a table, a mapping of columns or a list of records, not {type(raw).__name__}")


def array_of(column: Any) -> Array:
    """One column as a numpy array in which only NaN, NaT and None mean missing.

    Integers and booleans with missing values become float64; text and categories become ``object`` arrays of their
    values; instants become ``datetime64[us]`` in UTC.
    """
    library = type(column).__module__.partition(".")[0]
    if library == "pandas":
        return _from_pandas(column)
    if library == "polars":
        return _from_polars(column)
    if isinstance(column, np.ndarray):
        return _tidy(column)
    return _tidy(_from_values(list(column)))


def native_dtype(column: Any) -> str | None:
    """The dtype of a table's column in its own library's words (``category``, ``Int64``, ``str``, …), or None."""
    return str(column.dtype) if type(column).__module__.partition(".")[0] in ("pandas", "polars") else None


def _from_pandas(series: Any) -> Array:
    dtype = str(series.dtype)
    if dtype.startswith("datetime64"):
        if getattr(series.dt, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.asarray(series.to_numpy(), dtype="datetime64[us]")
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return np.asarray(series.to_numpy())
    missing = series.isna().to_numpy()
    if dtype in ("Float32", "Float64") or dtype.startswith(("Int", "UInt", "boolean")):
        plain = dtype.lower().replace("boolean", "bool")
        if missing.any():
            return np.asarray(series.to_numpy(dtype="float64", na_value=np.nan))
        return np.asarray(series.to_numpy(dtype=plain))
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
    if dtype.startswith(("Int", "UInt", "Float", "Boolean")):
        if series.null_count() == 0:
            return np.asarray(series.to_numpy())
        return np.array([np.nan if v is None else float(v) for v in series.to_list()], dtype=np.float64)
    return _tidy(_from_values(series.to_list()))


def _from_values(values: list[Any]) -> Array:
    if any(isinstance(v, str) or v is None for v in values) or any(isinstance(v, dt.date) for v in values):
        out = np.empty(len(values), dtype=object)
        out[:] = values
        return out
    return np.asarray(values)


def _tidy(values: Array) -> Array:
    """Object and text arrays as the narrowest honest kind: numbers where all are numbers, instants likewise."""
    if values.dtype.kind in "US":
        return values.astype(object)
    if values.dtype.kind == "M":
        return values.astype("datetime64[us]")
    if values.dtype.kind != "O" or values.ndim != 1:
        return values
    present = [v for v in values if v is not None and v == v]
    if present and all(isinstance(v, dt.date) for v in present):
        return np.array([instant(v) if v is not None and v == v else np.datetime64("NaT") for v in values], "M8[us]")
    if present and all(isinstance(v, bool | int | float | np.number | np.bool_) for v in present):
        if len(present) == len(values):
            return np.array(present)
        return np.array([np.nan if v is None or v != v else v for v in values], dtype=np.float64)
    return np.array([None if v is None or v != v else v for v in values], dtype=object)


def instant(value: dt.date | str) -> np.datetime64:
    """A date, a datetime (its zone turned to UTC; none means UTC) or an ISO 8601 text as ``datetime64[us]``.

    >>> str(instant("2026-01-02T03:04:05+01:00"))
    '2026-01-02T02:04:05.000000'
    """
    moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    if isinstance(moment, dt.datetime) and moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return np.datetime64(moment, "us")
