"""Which rows become a bundle's examples: few, and such that what matters occurs at least once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, zip_longest

import numpy as np
import numpy.typing as npt

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.signature import Field, Signature

Rows = npt.NDArray[np.intp]

#: At most so many examples, and of them at least so many at random.
MAX_EXAMPLES = 64
RANDOM = 16
#: At least so many, where the data has them.
MIN_EXAMPLES = 32
#: Rows that are searched; data beyond them is only drawn from at random.
_SEARCHED = 50_000


def choose(
    signature: Signature, inputs: Batch, outputs: Batch, truth: Array | None = None, *, limit: int = MAX_EXAMPLES
) -> Rows:
    """The rows to keep as examples, in ascending order; the same data gives the same rows.

    In this order, as far as ``limit`` goes: every predicted class, every true class (``truth``), a row with a missing
    value of every field that may miss, every category, the smallest and largest value of every number; then random
    rows, :data:`RANDOM` at least, up to :data:`MIN_EXAMPLES`.
    """
    searched = slice(0, _SEARCHED)
    near_in, near_out = inputs.take(searched), outputs.take(searched)
    wants = _wants(signature, near_in, near_out, None if truth is None else truth[searched])
    chosen = _cover(wants, near_in.rows, max(limit - RANDOM, 0))
    rest = np.setdiff1d(np.arange(inputs.rows), chosen)
    more = min(len(rest), max(MIN_EXAMPLES - len(chosen), min(RANDOM, limit - len(chosen))))
    drawn = np.random.default_rng(0).choice(rest, size=max(more, 0), replace=False)
    return np.sort(np.concatenate([chosen, drawn])).astype(np.intp)


def _cover(wants: Iterator[Rows], rows: int, limit: int) -> Rows:
    """Rows such that each want (the rows that would satisfy it) holds one of them, as far as ``limit`` goes."""
    taken = np.zeros(rows, dtype=np.bool_)
    count = 0
    for want in wants:
        if count >= limit:
            break
        if want.size and not taken[want].any():
            taken[want[0]] = True
            count += 1
    return np.flatnonzero(taken)


def _wants(signature: Signature, inputs: Batch, outputs: Batch, truth: Array | None) -> Iterator[Rows]:
    for item in signature.outputs:
        if item.name == "class":
            yield from _each_value(outputs["class"])
    if truth is not None and any(item.name == "class" for item in signature.outputs):
        yield from _each_value(truth)
    yield from (np.flatnonzero(_missing(inputs[item.name])) for item in signature.inputs)
    # In turn over the fields, so that a limit leaves out a little of each and not the last ones altogether.
    wanted = [_of_field(item, inputs[item.name]) for item in signature.inputs if not item.shape]
    yield from (want for turn in zip_longest(*wanted) for want in turn if want is not None)


def _of_field(item: Field, column: Array) -> Iterator[Rows]:
    """The categories of a field, or its extremes; of text, the shortest and the longest."""
    if item.categories is not None or item.dtype == "bool":
        return _each_value(column)
    if DTYPES[item.dtype].kind == "O":
        column = np.array([np.nan if value is None else len(value) for value in column], dtype=np.float64)
    return _extremes(column)


def _extremes(column: Array) -> Iterator[Rows]:
    present = column[~is_missing(column)]
    if present.size:
        yield from (np.flatnonzero(column == end) for end in (present.min(), present.max()))


def _each_value(column: Array) -> Iterator[Rows]:
    """The rows of every value; of several labels per row, of every value of every label."""
    flat = column.reshape(len(column), -1)
    return chain.from_iterable(_each(flat[:, index]) for index in range(flat.shape[1]))


def _each(column: Array) -> Iterator[Rows]:
    known = np.flatnonzero(~is_missing(column))
    values, group = np.unique(column[known], return_inverse=True)
    order = known[np.argsort(group, kind="stable")]
    ends = np.cumsum(np.bincount(group, minlength=len(values)))
    yield from np.split(order, ends[:-1]) if len(values) else ()


def _missing(column: Array) -> Array:
    return np.asarray(is_missing(column).reshape(len(column), -1).any(axis=1))
