"""A column as another dtype, value by value: what comes out, and which values could not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from daytwo.batch import DTYPES, Array
from daytwo.tables import instant

Mask = npt.NDArray[np.bool_]
Cast = tuple[Array, Mask]

#: Integers up to this are the same after a stay in float64, and so is what is read from them.
SAFE_INTEGER = 2**53 - 1


def cast(column: Array, dtype: str, *, nullable: bool) -> Cast:
    """``column`` (as :func:`daytwo.tables.exact_array_of` gives it) as ``dtype`` is stored, and a mask of the same shape.

    The mask is true where a value cannot be one of ``dtype``; what is stored there means nothing. Nothing is rounded,
    wrapped or parsed: a fraction is no integer, a boolean is no number and no number is a text (but booleans that may
    be missing may come as they are stored, 0.0 and 1.0). Missing values are NaN, NaT or None where the storage has a
    place for them; where it has none, they are among what cannot be.

    nullable: whether integers and booleans may be missing, and are therefore stored as float64
    """
    kind = DTYPES[dtype].kind
    storage = storage_of(dtype, nullable=nullable)
    if column.dtype.kind == "f" and kind in "OM" and np.isnan(column).all():  # all missing: it might be of any dtype
        column = np.full(column.shape, None, dtype=object)
    if column.dtype.kind == "O":
        return _objects(column, storage, _reader(dtype, nullable=nullable), dtype)
    if kind == "M" and column.dtype.kind == "M":
        return column.astype(storage, copy=False), _none(column)
    if kind == "f" and column.dtype.kind in "iuf":
        return _floats(column, storage)
    if kind in "iu" and column.dtype.kind in "iuf":
        return _integers(column, storage, *limits_of(dtype, nullable=nullable))
    if kind == "b" and column.dtype.kind in "bf":
        return _booleans(column, storage)
    return np.zeros(column.shape, dtype=storage), ~_none(column)


def storage_of(dtype: str, *, nullable: bool) -> np.dtype[Any]:
    """How a Batch holds ``dtype``. Integers and booleans that may be missing are float64, NaN meaning missing."""
    plain = DTYPES[dtype]
    return DTYPES["float64"] if nullable and plain.kind in "biu" else plain


def limits_of(dtype: str, *, nullable: bool) -> tuple[int, int]:
    """The smallest and the largest integer of ``dtype``; where it may be missing, of those that float64 tells apart.

    >>> limits_of("int8", nullable=False), limits_of("uint64", nullable=True)
    ((-128, 127), (0, 9007199254740991))
    """
    info = np.iinfo(DTYPES[dtype])
    low, high = int(info.min), int(info.max)
    return (max(low, -SAFE_INTEGER), min(high, SAFE_INTEGER)) if nullable else (low, high)


def _none(column: Array) -> Mask:
    return np.zeros(column.shape, dtype=np.bool_)


def _booleans(column: Array, storage: np.dtype[Any]) -> Cast:
    """Booleans, also as they are stored where some are missing: 0.0, 1.0 and NaN."""
    fits = storage.kind == "f" and column.dtype.kind == "f"
    bad = (
        ~(np.isnan(column) | (column == 0) | (column == 1)) if fits else np.full(column.shape, column.dtype.kind != "b")
    )
    return column.astype(storage, copy=False), bad


def _floats(column: Array, storage: np.dtype[Any]) -> Cast:
    largest = float(np.finfo(storage).max)
    wide_enough = column.dtype.kind == "f" and column.dtype.itemsize <= storage.itemsize
    bad = np.isinf(column) if wide_enough else (column < -largest) | (column > largest)
    with np.errstate(over="ignore"):
        return column.astype(storage, copy=False), bad


def _integers(column: Array, storage: np.dtype[Any], low: int, high: int) -> Cast:
    if column.dtype.kind != "f":
        return column.astype(storage, copy=False), (column < low) | (column > high)
    values = column.astype(np.float64, copy=False)
    missing = np.isnan(values)
    with np.errstate(invalid="ignore"):
        bad = (values != np.floor(values)) | (values < max(low, -SAFE_INTEGER)) | (values > min(high, SAFE_INTEGER))
    bad = bad & ~missing if storage.kind == "f" else bad | missing
    return np.where(bad, 0, values).astype(storage, copy=False), bad


def _objects(column: Array, storage: np.dtype[Any], read: Callable[[Any], Any], dtype: str) -> Cast:
    flat = column.ravel().tolist()
    if dtype == "string" and set(map(type, flat)) <= {str, type(None)}:
        return column, _none(column)
    stored = np.zeros(len(flat), dtype=storage)
    bad = np.zeros(len(flat), dtype=np.bool_)
    for index, value in enumerate(flat):
        try:
            stored[index] = read(value)
        except (TypeError, ValueError, OverflowError):
            bad[index] = True
    return stored.reshape(column.shape), bad.reshape(column.shape)


def _reader(dtype: str, *, nullable: bool) -> Callable[[Any], Any]:
    """What reads one object as ``dtype``; it raises where the object is none."""
    kind = DTYPES[dtype].kind
    if kind in "OM":
        return _read_text if kind == "O" else _read_instant
    if kind == "f":
        return partial(_read_float, float(np.finfo(DTYPES[dtype]).max))
    read = _read_bool if kind == "b" else partial(_read_integer, *limits_of(dtype, nullable=nullable))
    return partial(_or_missing, read) if nullable else read


def _or_missing(read: Callable[[Any], Any], value: Any) -> Any:
    return np.nan if value is None else read(value)


def _read_bool(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError
    return bool(value)


def _read_integer(low: int, high: int, value: Any) -> int:
    whole = int(_number(value))
    if whole != value or not low <= whole <= high:
        raise ValueError
    if isinstance(value, float | np.floating) and abs(whole) > SAFE_INTEGER:
        raise ValueError
    return whole


def _read_float(largest: float, value: Any) -> float:
    if value is None:
        return np.nan
    number = float(_number(value))
    if abs(number) > largest:
        raise ValueError
    return number


def _number(value: Any) -> Any:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError
    return value


def _read_text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError
    return value


def _read_instant(value: Any) -> np.datetime64:
    if value is None:
        return np.datetime64("NaT", "us")
    if isinstance(value, np.datetime64):
        return value
    if not isinstance(value, str | dt.date):
        raise TypeError
    return instant(value)
