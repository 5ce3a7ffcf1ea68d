"""Asking the model itself what it does with values that its data did not hold."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.errors import PackingError, sentence
from daytwo.packing.infer import MAX_CATEGORIES
from daytwo.signature import Category, Field, Signature

Ask = Callable[[Batch], Any]

#: Text with more distinct values than this is never held as a list of categories.
_MAX_LISTED = 10_000
_UNSEEN = "daytwo-unseen"


def probe(signature: Signature, data: Batch, ask: Ask, *, observed: Sequence[bool]) -> Signature:
    """``signature`` with ``unseen`` settled for every field that may hold categories.

    data:     rows that fit the signature; ``ask`` answers them without raising
    ask:      the model on a Batch; only whether it raises matters
    observed: for each input, whether missing values were in the data

    A field whose unseen value makes the model raise gets its categories listed and ``unseen="refuse"``, so that the
    caller is told which value is wrong. That includes integers that the model treats as categories. Raises
    PackingError where missing values were asked to be allowed and the model raises for one.
    """
    row = data.take(slice(0, 1))
    for item, seen in zip(signature.inputs, observed, strict=True):
        if item.missing and not seen:
            _check_missing(item, row, ask)
    inputs = tuple(_settled(item, data, row, ask) for item in signature.inputs)
    return replace(signature, inputs=inputs)


def _settled(item: Field, data: Batch, row: Batch, ask: Ask) -> Field:
    if item.shape or DTYPES[item.dtype].kind not in "iuO":
        return item
    known = item.categories if item.categories is not None else _distinct(item, data[item.name])
    if not known or (len(known) > (_MAX_LISTED if item.dtype == "string" else MAX_CATEGORIES)):
        return item
    value = unseen_value(item.dtype, known)
    if value is None or _raises(ask, _with(row, item, value)) is None:
        return item
    return replace(item, categories=known, unseen="refuse")


def unseen_value(dtype: str, known: Sequence[Category]) -> Category | None:
    """A value of ``dtype`` that is not ``known``; None where every value is.

    >>> unseen_value("string", ("a",)), unseen_value("int8", (1, 5))
    ('daytwo-unseen', 6)
    """
    if dtype == "string":
        value = _UNSEEN
        while value in known:
            value += "-"
        return value
    limits = np.iinfo(DTYPES[dtype])
    numbers = {int(value) for value in known}
    candidates = (max(numbers) + 1, min(numbers) - 1, *range(int(limits.min), int(limits.min) + len(numbers) + 1))
    return next((n for n in candidates if n not in numbers and limits.min <= n <= limits.max), None)


def _distinct(item: Field, column: Array) -> tuple[Category, ...]:
    """The distinct values of a column, sorted; empty for integers that are not repeated, and so no categories."""
    present = column[~is_missing(column)].tolist()
    values = sorted(set(present))
    if item.dtype == "string":
        return tuple(values)
    return tuple(int(value) for value in values) if 2 * len(values) <= len(present) else ()


def _check_missing(item: Field, row: Batch, ask: Ask) -> None:
    empty = None if item.dtype == "string" else np.datetime64("NaT", "us") if item.dtype == "datetime" else np.nan
    error = _raises(ask, _with(row, item, empty))
    if error is not None:
        raise PackingError(
            f"missing values were to be allowed in {item.name}, but the model raises for one: {sentence(error)}"
        )


def _with(row: Batch, item: Field, value: Any) -> Batch:
    """One row in which one field holds ``value``."""
    matrix = row.matrix
    if matrix is not None:
        changed = matrix.copy()
        changed[:, row.names.index(item.name)] = value
        return Batch.from_matrix(row.names, changed)
    column = np.empty(row[item.name].shape, dtype=item.storage)
    column[...] = value
    return Batch.from_columns({name: column if name == item.name else old for name, old in row.items()})


def _raises(ask: Ask, batch: Batch) -> Exception | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # encoders warn of what we ask on purpose
            ask(batch)
    except Exception as error:  # noqa: BLE001  whatever the model raises is the answer
        return error
    return None
