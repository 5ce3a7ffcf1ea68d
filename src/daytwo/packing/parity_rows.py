"""Rows that make two models show where they differ: edges of each field, and both sides of every decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Array, Batch
from daytwo.packing.onnx_graph import Boundary, Origin
from daytwo.signature import Field, Signature

#: Texts that are not in any list of categories, and those that libraries confuse with a missing value.
STRANGE_TEXTS = ("", "nan", "None", "NaN", "null", " ", "Ünseen ☂", "a category nobody has seen")
_MAX_CATEGORIES = 64
_BASES = 3
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
    bases = np.unique(np.linspace(0, data.rows - 1, _BASES).astype(int))
    changes = [
        ({field.name: value}, int(base))
        for field in signature.inputs
        for value in _edges(field, data[field.name])
        for base in bases
    ]
    missing = {field.name: _absent(field) for field in signature.inputs if field.missing}
    if missing:
        changes += [(missing, int(base)) for base in bases]
    return _changed(signature, data, changes)


def far_rows(signature: Signature, data: Batch, limit: float) -> Batch:
    """Rows with one number, or all numbers, as far out as ``limit`` and their dtypes let them be."""
    fields = [f for f in signature.inputs if DTYPES[f.dtype].kind in "iuf" and not _closed(f)]
    ends = {field.name: _ends(field, limit) for field in fields}
    changes: list[tuple[dict[str, Any], int]] = [({name: end}, 0) for name, pair in ends.items() for end in pair]
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


def _closed(field: Field) -> bool:
    return field.categories is not None and field.unseen == "refuse"


def _edges(field: Field, column: Array) -> list[Any]:
    values: list[Any] = [_absent(field)] if field.missing else []
    kind = DTYPES[field.dtype].kind
    if field.categories is not None:
        values += list(field.categories[:_MAX_CATEGORIES])
    if kind == "O" and not _closed(field):
        values += list(STRANGE_TEXTS)
    elif kind == "b":
        values += [False, True]
    elif kind in "iuf" and not _closed(field):
        values += _number_edges(field, column)
    return values


def _number_edges(field: Field, column: Array) -> list[Any]:
    present = column[np.isfinite(column)] if column.dtype.kind == "f" else column
    span = [present.min(), present.max()] if present.size else []
    if DTYPES[field.dtype].kind in "iu":
        return [*span, 0, 1, *([-1] if DTYPES[field.dtype].kind == "i" else [])]
    tiny = float(np.finfo(field.storage).smallest_subnormal)
    return [*span, 0.0, -0.0, 1.0, -1.0, 0.5, tiny, *([s * 1.5 for s in span]), *([-s for s in span])]


def _absent(field: Field) -> Any:
    return None if DTYPES[field.dtype].kind == "O" else np.datetime64("NaT") if field.dtype == "datetime" else np.nan


def _changed(signature: Signature, data: Batch, changes: Sequence[tuple[dict[str, Any], int]]) -> Batch:
    """One row for each change: the row of ``data`` it names, with other values in some fields."""
    rows = data.take(np.array([base for _, base in changes], dtype=np.int64))
    columns = {name: column.copy() for name, column in rows.items()}
    for row, (values, _) in enumerate(changes):
        for name, value in values.items():
            columns[name][row] = value
    return signature.assemble(columns)


def threshold_rows(signature: Signature, data: Batch, boundaries: Sequence[Boundary], limit: int) -> tuple[Batch, int]:
    """Rows on either side of thresholds, and how many thresholds they cover; at most ``limit`` rows.

    For each threshold that a field can be pushed to: the last number that goes one way and the first that goes the
    other, found by bisection through whatever scales or rounds the field on its way; and the threshold itself with its
    neighbours. The other fields come from the row of ``data`` that is nearest.
    """
    per_threshold = 5
    pushable = [b for b in boundaries if b.origin is not None and b.thresholds.size]
    total = sum(b.thresholds.size for b in pushable)
    stride = max(1, -(-total * per_threshold // limit))
    bases: list[Array] = []
    order: list[tuple[str, Array]] = []
    covered = 0
    for boundary in pushable:
        assert boundary.origin is not None
        chosen = boundary.thresholds[::stride]
        field = signature.input(boundary.origin.field)
        values = _sides(boundary.origin, field, chosen)
        if values is None:
            continue
        covered += chosen.size
        order.append((field.name, values))
        bases.append(_nearest(data[field.name], values))
    return _pushed(signature, data, order, bases), covered


def _pushed(signature: Signature, data: Batch, order: list[tuple[str, Array]], bases: list[Array]) -> Batch:
    rows = data.take(np.concatenate(bases) if bases else np.zeros(0, dtype=np.int64))
    columns = {name: column.copy() for name, column in rows.items()}
    start = 0
    for name, values in order:
        columns[name][start : start + len(values)] = values
        start += len(values)
    return signature.assemble(columns)


def _nearest(column: Array, values: Array) -> Array:
    known = np.flatnonzero(~np.isnan(column)) if column.dtype.kind == "f" else np.arange(len(column))
    if not known.size:
        return np.zeros(len(values), dtype=np.int64)
    ranked = known[np.argsort(column[known], kind="stable")]
    place = np.searchsorted(column[ranked], values)
    nearest: Array = ranked[np.minimum(place, len(ranked) - 1)]
    return nearest


def _sides(origin: Origin, field: Field, thresholds: Array) -> Array | None:
    """The field's values around where ``origin`` passes each threshold; None where it does not rise with the field."""
    kind = DTYPES[field.dtype]
    if kind.kind == "b":
        return np.array([0, 1]).astype(field.storage)
    if _closed(field):
        return np.array(field.categories).astype(field.storage)
    numbers = _Floats(kind) if kind.kind == "f" else _Integers(kind)
    low = np.full(thresholds.shape, numbers.first)
    high = np.full(thresholds.shape, numbers.last)

    def passes(rank: Array) -> Array:
        with np.errstate(all="ignore"):
            return ~(origin(numbers.value(rank).astype(field.storage)) <= thresholds)

    if passes(low).any() or not passes(high).all():
        inside = ~passes(low) & passes(high)
        if not inside.any():
            return None
        thresholds, low, high = thresholds[inside], low[inside], high[inside]
    while (low + 1 < high).any():
        middle = low // 2 + high // 2 + (low % 2 + high % 2) // 2  # their difference may not fit in an int64
        over = passes(middle)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    sides = [numbers.value(low), numbers.value(high)]
    if kind.kind == "f":
        own = thresholds.astype(kind)
        sides += [own, np.nextafter(own, -np.inf), np.nextafter(own, np.inf)]
    values = np.unique(np.concatenate(sides))
    return values[np.isfinite(values)].astype(field.storage) if kind.kind == "f" else values.astype(field.storage)


class _Floats:
    """The finite floats of a dtype by rank: -k is the k-th below zero, k the k-th above."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._bits = dtype, np.dtype(f"int{dtype.itemsize * 8}")
        self.last = int(np.array(np.finfo(dtype).max, dtype=dtype).view(self._bits))
        self.first = -self.last

    def value(self, rank: Array) -> Array:
        size = np.abs(rank).astype(self._bits).view(self._dtype)
        return np.where(rank < 0, -size, size)


class _Integers:
    """The integers of a dtype, as far as doubles tell them apart."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        limits = np.iinfo(dtype)
        self.first, self.last = max(int(limits.min), -(2**53)), min(int(limits.max), 2**53)

    def value(self, rank: Array) -> Array:
        return rank


def border_rows(
    signature: Signature, data: Batch, predict: Callable[[Batch], Batch], labels: Array, *, nearness: float
) -> Batch:
    """Rows close to where ``predict`` changes its mind, on both sides; ``labels`` are its answers to ``data``.

    Between two rows with different labels, real numbers are moved half-way again and again until the two are within
    ``nearness`` (a share of their distance). A model that computes with less width than another differs from it here.
    """
    real = [field.name for field in signature.inputs if DTYPES[field.dtype].kind == "f"]
    keys = np.array([str(row.tolist()) for row in labels.reshape(len(labels), -1)], dtype=object)
    one, two = _pairs(keys)
    if not real or not one.size:
        return data.take(slice(0, 0))
    start, stop = data.take(one), data.take(two)
    low, high = np.zeros(len(one)), np.ones(len(one))

    def between(share: Array) -> Batch:
        columns = dict(start.items())
        with np.errstate(invalid="ignore"):
            for name in real:
                a, b = start[name], stop[name]
                columns[name] = (a + (b - a) * share).astype(a.dtype)
        return signature.assemble(columns)

    def same(share: Array) -> Array:
        answer = predict(between(share))["class"]
        return np.array([str(row.tolist()) for row in answer.reshape(len(answer), -1)], dtype=object) == keys[one]

    changes = ~same(high)
    while (high - low).max() > nearness:
        middle = (low + high) / 2
        stays = same(middle)
        low, high = np.where(stays, middle, low), np.where(stays, high, middle)
    ends = Batch.stack([between(low), between(high)])
    return ends.take(np.flatnonzero(np.tile(changes, 2)))


def _pairs(keys: Array) -> tuple[Array, Array]:
    """Up to 64 pairs of rows with different labels, spread over the data, the same ones each time."""
    random = np.random.default_rng(0)
    one = random.integers(0, len(keys), _PAIRS * 4)
    two = random.integers(0, len(keys), _PAIRS * 4)
    differ = np.flatnonzero(keys[one] != keys[two])[:_PAIRS]
    return one[differ], two[differ]
