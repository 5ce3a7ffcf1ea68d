"""What a model's own library wants to be fed with, out of a Batch: one array, or a table with its own dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from daytwo import _plugins
from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.signature import Field, Signature

Feed = Callable[[Batch], Any]

#: The ``native`` of a text that is None where it is missing; other objects are NaN there. Libraries tell them apart.
NONE_OBJECT = "object[None]"


def feeder(signature: Signature) -> Feed:
    """A function from a Batch to what the model was fitted on, by ``signature.container``.

    ``array``: shape (rows, fields), dtype ``array_dtype``; a single field with a shape gives (rows, \\*shape).
    ``pandas``, ``polars``: a DataFrame with the fields' native dtypes. Raises MissingLibrary where it is not installed.
    """
    if signature.container == "array":
        return _array_feeder(signature)
    build = _plugins.load(
        f"daytwo.runtimes.feed_{signature.container}:feeder", f"a model fitted on {signature.container}"
    )
    feed: Feed = build(signature)
    return feed


def _array_feeder(signature: Signature) -> Feed:
    dtype = np.dtype(signature.array_dtype) if signature.array_dtype else None
    if len(signature.inputs) == 1 and signature.inputs[0].shape:
        name = signature.names[0]
        return lambda batch: batch[name] if dtype is None else batch[name].astype(dtype, copy=False)

    def feed(batch: Batch) -> Array:
        matrix = batch.matrix
        if matrix is None:
            target = dtype if dtype is not None else np.dtype(object)
            matrix = np.empty((batch.rows, len(batch.names)), dtype=target)
            for index, field in enumerate(signature.inputs):
                matrix[:, index] = _in_object(batch[field.name], field) if target.kind == "O" else batch[field.name]
        return matrix if dtype is None else matrix.astype(dtype, copy=False)

    return feed


def _in_object(column: Array, field: Field) -> Array:
    """A column as it stands in an object array: integers stay integers, and what is missing is NaN (or None)."""
    values = column.astype(object)
    missing = is_missing(column)
    if missing.any():
        plain = DTYPES[field.dtype]
        if plain != column.dtype and plain.kind in "biu":
            values[~missing] = column[~missing].astype(plain).astype(object)
        values[missing] = None if field.native == NONE_OBJECT else np.nan
    return values
