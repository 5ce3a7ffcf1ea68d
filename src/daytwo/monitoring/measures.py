"""What of a field is counted: its value, the length of a text, the mean of a tensor's row, the residual of an output."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np

from daytwo.batch import Array, is_missing

Measure = Literal["value", "length", "mean", "std", "min", "max", "residual", "correct", "confusion"]

#: The measures that stand for a tensor too large to be counted entry by entry.
SUMMARIES: Mapping[Measure, Callable[..., Any]] = {"mean": np.mean, "std": np.std, "min": np.min, "max": np.max}


def measured(measure: Measure, item: int | None, column: Array, truth: Array | None) -> Any:
    """What is counted of ``column`` (rows, …), one value per row.

    item:  which entry of a row that is a tensor (flattened); None for all of it
    truth: what ``column`` should have been; only the last three measures need it
    """
    if measure in SUMMARIES:
        with np.errstate(over="ignore", invalid="ignore"):
            return SUMMARIES[measure](column.reshape(len(column), -1).astype(np.float64), axis=1)
    column = _entry(column, item)
    if measure == "value":
        return as_number(column) if column.dtype.kind == "M" else column
    if measure == "length":
        return lengths(column)
    assert truth is not None, f"{measure} needs the truth"
    return _wrong(measure, column, _entry(truth, item))


def _entry(column: Array, item: int | None) -> Array:
    return column if item is None else column.reshape(len(column), -1)[:, item]


def _wrong(measure: Measure, predicted: Array, truth: Array) -> Any:
    if measure == "residual":
        with np.errstate(over="ignore", invalid="ignore"):
            return as_number(truth) - as_number(predicted)
    known = ~is_missing(truth)
    if measure == "correct":
        return _given(known, (truth == predicted).tolist())
    return _given(known, zip(truth.tolist(), predicted.tolist(), strict=True))


def _given(known: Array, values: Iterable[Any]) -> list[Any]:
    """``values``, None where the truth is not known."""
    return [value if have else None for have, value in zip(known.tolist(), values, strict=True)]


def as_number(column: Array) -> Array:
    """Numbers as float64; instants as microseconds since 1970, NaN where missing.

    >>> as_number(np.array(["1970-01-01T00:00:01", "NaT"], dtype="M8[us]")).tolist()
    [1000000.0, nan]
    """
    if column.dtype.kind != "M":
        return column.astype(np.float64)
    out = column.astype(np.int64).astype(np.float64)
    out[np.isnat(column)] = np.nan
    return out


def lengths(column: Array) -> Array:
    """The number of characters of each text, NaN where missing.

    >>> lengths(np.array(["abc", None], dtype=object)).tolist()
    [3.0, nan]
    """
    return np.array([np.nan if value is None else len(value) for value in column.tolist()], dtype=np.float64)
