"""Rows that make two models show where they differ: edges of each field, and both sides of every decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Array, Batch
from daytwo.signature import Field, Signature

#: Texts that are not in any list of categories, and those that libraries confuse with a missing value.
STRANGE_TEXTS = ("", "nan", "None", "NaN", "null", " ", "Ünseen ☂", "a category nobody has seen")
_MAX_CATEGORIES = 64
_BASES = 3
#: Tables wider than this have each edge tried in one row, and the widest not all edges.
_WIDE, _MAX_CELLS = 64, 5_000_000
_PAIRS = 64


def sample(data: Batch, limit: int) -> Batch:
    """At most ``limit`` rows, in order, the same ones each time."""
    if data.rows <= limit:
        return data
    return data.take(np.sort(np.random.default_rng(0).choice(data.rows, limit, replace=False)))


def edge_rows(signature: Signature, data: Batch) -> Batch:
    """Rows of ``data`` with one field at an edge: missing, least, greatest, zero, each category, an unseen one.

    What the signature does not allow is not tried: it never reaches a model.
    """
    wide = len(signature.inputs) > _WIDE
    bases = np.unique(np.linspace(0, data.rows - 1, 1 if wide else _BASES).astype(int))
    changes = [
        ({field.name: value}, int(base))
        for field in signature.inputs
        for value in _edges(field, data[field.name])
        for base in bases
    ]
    missing = {field.name: _absent(field) for field in signature.inputs if field.missing}
    if missing:
        changes += [(missing, int(base)) for base in bases]
    return _changed(signature, data, changes[:: 1 + len(changes) * len(signature.inputs) // _MAX_CELLS])


def far_rows(signature: Signature, data: Batch, limit: float) -> Batch:
    """Rows with one number, or all numbers, as far out as ``limit`` and their dtypes let them be."""
    fields = [f for f in signature.inputs if DTYPES[f.dtype].kind in "iuf" and not closed(f)]
    ends = {field.name: _ends(field, limit) for field in fields}
    changes: list[tuple[dict[str, Any], int]] = [({name: end}, 0) for name, pair in ends.items() for end in pair]
    changes = changes[:: 1 + len(changes) * len(signature.inputs) // _MAX_CELLS]
    changes += [({name: pair[side] for name, pair in ends.items()}, 0) for side in (0, 1)]
    changes += [({name: pair[place % 2] for place, (name, pair) in enumerate(ends.items())}, 0)]
    return _changed(signature, data, changes)


def _ends(field: Field, limit: float) -> tuple[Any, Any]:
    if DTYPES[field.dtype].kind == "f":
        end = min(limit, float(np.finfo(field.storage).max))
        return -end, end
    bounds = np.iinfo(DTYPES[field.dtype])
    widest = 2**53 if field.storage.kind == "f" else 2**64
    end = int(min(limit, widest))
    return max(int(bounds.min), -end), min(int(bounds.max), end)


def closed(field: Field) -> bool:
    """Whether the field takes its categories only."""
    return field.categories is not None and field.unseen == "refuse"


def _edges(field: Field, column: Array) -> list[Any]:
    values: list[Any] = [_absent(field)] if field.missing else []
    kind = DTYPES[field.dtype].kind
    if field.categories is not None:
        values += list(field.categories[:_MAX_CATEGORIES])
    if kind == "O" and not closed(field):
        values += list(STRANGE_TEXTS)
    elif kind == "b":
        values += [False, True]
    elif kind in "iuf" and not closed(field):
        values += _number_edges(field, column)
    return values


#: How many whole numbers are tried one higher and one lower, as identifiers that were never seen.
_NEIGHBOURS = 3


def _number_edges(field: Field, column: Array) -> list[Any]:
    present = column[np.isfinite(column)] if column.dtype.kind == "f" else column
    span = [present.min(), present.max()] if present.size else []
    if DTYPES[field.dtype].kind in "iu":
        limits = np.iinfo(DTYPES[field.dtype])
        near = [int(value) + step for value in np.unique(present)[:_NEIGHBOURS] for step in (-1, 1)]
        return [*span, *(value for value in (0, 1, -1, *near) if limits.min <= value <= limits.max)]
    tiny = float(np.finfo(field.storage).smallest_subnormal)
    return [*span, 0.0, -0.0, 1.0, -1.0, 0.5, tiny, *([s * 1.5 for s in span]), *([-s for s in span])]


def _absent(field: Field) -> Any:
    return (
        None if DTYPES[field.dtype].kind == "O" else np.datetime64("NaT", "us") if field.dtype == "datetime" else np.nan
    )


def _changed(signature: Signature, data: Batch, changes: Sequence[tuple[dict[str, Any], int]]) -> Batch:
    """One row for each change: the row of ``data`` it names, with other values in some fields."""
    rows = data.take(np.array([base for _, base in changes], dtype=np.int64))
    columns = {name: column.copy() for name, column in rows.items()}
    for row, (values, _) in enumerate(changes):
        for name, value in values.items():
            columns[name][row] = value
    return signature.assemble(columns)


def border_rows(
    signature: Signature, data: Batch, predict: Callable[[Batch], Batch], answers: Array, *, nearness: float
) -> Batch:
    """Rows close to where ``predict`` changes its answer, on both sides; ``answers`` are those to ``data``.

    The answer is ``class``, or ``value`` where that moves in steps. Between two rows with different answers, real
    numbers are moved half-way again and again until the two are within ``nearness`` (a share of their distance). A
    model that computes with less width than another differs from it here.
    """
    real = [field.name for field in signature.inputs if DTYPES[field.dtype].kind == "f"]
    name = "class" if signature.output("class") is not None else "value"
    keys = _keys(answers)
    one, two = _pairs(keys)
    if not real or not one.size:
        return data.take(slice(0, 0))
    start, stop = data.take(one), data.take(two)
    low, high = np.zeros(len(one)), np.ones(len(one))

    def between(share: Array) -> Batch:
        columns = dict(start.items())
        with np.errstate(invalid="ignore"):
            for field in real:
                a, b = start[field], stop[field]
                columns[field] = (a + (b - a) * share).astype(a.dtype)
        return signature.assemble(columns)

    def same(share: Array) -> Array:
        same_answer: Array = _keys(predict(between(share))[name]) == keys[one]
        return same_answer

    changes = ~same(high)
    while float(np.max(high - low)) > nearness:
        middle = (low + high) / 2
        stays = same(middle)
        low, high = np.where(stays, middle, low), np.where(stays, high, middle)
    ends = Batch.stack([between(low), between(high)])
    return ends.take(np.flatnonzero(np.tile(changes, 2)))


def _keys(answers: Array) -> Array:
    """One text for each row, equal where the answers are."""
    return np.array([str(row.tolist()) for row in answers.reshape(len(answers), -1)], dtype=object)


def _pairs(keys: Array) -> tuple[Array, Array]:
    """Up to 64 pairs of rows with different labels, spread over the data, the same ones each time."""
    random = np.random.default_rng(0)
    one = random.integers(0, len(keys), _PAIRS * 4)
    two = random.integers(0, len(keys), _PAIRS * 4)
    differ = np.flatnonzero(keys[one] != keys[two])[:_PAIRS]
    return one[differ], two[differ]
