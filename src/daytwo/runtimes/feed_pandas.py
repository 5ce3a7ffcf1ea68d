"""A Batch as the pandas DataFrame that a model was fitted on, column dtype by column dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.runtimes.feed import NONE_OBJECT
from daytwo.signature import Field, Signature


def feeder(signature: Signature) -> Callable[[Batch], pd.DataFrame]:
    """A function from a Batch to a DataFrame with the fields' native dtypes, columns in the signature's order."""
    columns = pd.Index(list(signature.names))
    plain = signature.matrix_dtype is not None and all(
        field.native in (None, str(signature.matrix_dtype)) for field in signature.inputs
    )

    def feed(batch: Batch) -> pd.DataFrame:
        if plain and batch.matrix is not None:
            return pd.DataFrame(batch.matrix, columns=columns)
        return pd.DataFrame({field.name: _series(batch[field.name], field) for field in signature.inputs})

    return feed


def _series(column: Array, field: Field) -> Any:
    native = field.native or ""
    if native == "category":
        return _categorical(column, field)
    if native.startswith("datetime64"):
        return _instants(column, native)
    if DTYPES[field.dtype].kind == "O":
        return _text(column, native)
    if native and native != "boolean" and native == native.lower():  # a numpy dtype, not Int64, Float64 or boolean
        return column if field.missing else column.astype(native, copy=False)
    return _nullable(column, native) if native else column


def _nullable(column: Array, native: str) -> Any:
    missing = is_missing(column)
    if not missing.any():
        return pd.array(column, dtype=native)
    values = column.astype(object)
    values[missing] = pd.NA
    return pd.array(values, dtype=native)


def _text(column: Array, native: str) -> Any:
    if native == NONE_OBJECT:
        return pd.Series(column, dtype=object)
    missing = is_missing(column)
    if missing.any():
        column = column.copy()
        column[missing] = np.nan if native in ("", "object") else None
    return pd.Series(column, dtype=native or "object")


def _categorical(column: Array, field: Field) -> Any:
    """Categories in their trained order; a value that was never seen becomes one more, so that the model meets it."""
    missing = is_missing(column)
    if field.dtype != "string" and field.missing and DTYPES[field.dtype].kind in "biu":
        column = column.astype(object)
        column[~missing] = [DTYPES[field.dtype].type(value) for value in column[~missing]]
    known = list(field.categories or ())
    seen = set(known)
    fresh = [value for value in dict.fromkeys(column[~missing].tolist()) if value not in seen]
    values = column.astype(object)
    values[missing] = np.nan
    return pd.Categorical(values, categories=known + fresh)


def _instants(column: Array, native: str) -> Any:
    unit, _, zone = native.removeprefix("datetime64[").removesuffix("]").partition(", ")
    series = pd.Series(column.astype(f"datetime64[{unit}]"))
    return series.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else series
