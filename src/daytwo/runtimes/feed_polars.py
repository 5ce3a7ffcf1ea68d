"""A Batch as the polars DataFrame that a model was fitted on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.signature import Field, Signature

_NAMES = {"bool": "Boolean", "string": "String"}


def feeder(signature: Signature) -> Callable[[Batch], pl.DataFrame]:
    """A function from a Batch to a DataFrame with the fields' native dtypes, columns in the signature's order."""
    types = {field.name: _dtype(field) for field in signature.inputs}

    def feed(batch: Batch) -> pl.DataFrame:
        return pl.DataFrame([_series(batch[field.name], field, types[field.name]) for field in signature.inputs])

    return feed


def _dtype(field: Field) -> Any:
    native = field.native or ""
    if native.startswith("Enum") or (native == "" and field.dtype == "string"):
        return pl.Enum([str(value) for value in field.categories]) if native and field.categories else pl.String
    if native.startswith("Categorical"):
        return pl.Categorical
    if native.startswith("Datetime"):
        return _datetime(native)
    plain = field.dtype.replace("int", "Int").replace("uInt", "UInt").replace("float", "Float")
    name = native or _NAMES.get(field.dtype, plain)
    return getattr(pl, name, pl.Datetime("us") if field.dtype == "datetime" else None)


def _datetime(native: str) -> Any:
    unit = next((u for u in ("ns", "us", "ms") if f"'{u}'" in native), "us")
    zone = native.partition("time_zone='")[2].partition("'")[0] or None
    return pl.Datetime(unit, zone)  # type: ignore[arg-type]  # one of the three units


def _series(column: Array, field: Field, dtype: Any) -> pl.Series:
    if DTYPES[field.dtype].kind == "O":
        return pl.Series(field.name, column.tolist(), dtype=pl.String).cast(dtype)
    if isinstance(dtype, pl.Datetime):
        series = pl.Series(field.name, column)
        if dtype.time_zone:
            series = series.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone)
        return series.cast(dtype)
    series = pl.Series(field.name, column)
    missing = is_missing(column)
    if missing.any() and column.dtype.kind == "f":
        series = series.set(pl.Series(missing), None)
    return series.cast(dtype) if dtype is not None else series
