"""Rows on both sides of every threshold: the last number that goes one way, and the first that goes the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from daytwo.batch import DTYPES, Array, Batch
from daytwo.packing.onnx.frame import Boundary, Origin
from daytwo.packing.parity_rows import closed
from daytwo.signature import Field, Signature


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
        values = _sides(boundary.origin, field, chosen, data[field.name])
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


def _sides(origin: Origin, field: Field, thresholds: Array, column: Array) -> Array | None:
    """The field's values around where ``origin`` passes each threshold; None where it passes none of them.

    ``origin`` need not be defined everywhere: it is where the data is.
    """
    kind = DTYPES[field.dtype]
    if kind.kind == "b":
        return np.array([0, 1]).astype(field.storage)
    if closed(field):
        return np.array(field.categories).astype(field.storage)
    numbers = _Floats(kind) if kind.kind == "f" else _Integers(kind)

    def passes(rank: Array, limits: Array) -> Array:
        with np.errstate(all="ignore"):
            return ~(origin(numbers.value(rank).astype(field.storage)) <= limits)

    present = column[~np.isnan(column)] if column.dtype.kind == "f" else column
    spans = [(numbers.first, numbers.last), *([numbers.ranks(present.min(), present.max())] if present.size else [])]
    for first, last in spans:
        low, high = np.full(thresholds.shape, first), np.full(thresholds.shape, last)
        inside = ~passes(low, thresholds) & passes(high, thresholds)
        if inside.any():
            break
    else:
        return None
    limits, low, high = thresholds[inside], low[inside], high[inside]
    while (low + 1 < high).any():
        middle = low // 2 + high // 2 + (low % 2 + high % 2) // 2  # their difference may not fit in an int64
        over = passes(middle, limits)
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    sides = [numbers.value(low), numbers.value(high)]
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            own = limits.astype(kind)
        sides += [own, np.nextafter(own, -np.inf), np.nextafter(own, np.inf)]
    values = np.unique(np.concatenate(sides)).astype(field.storage)
    finite: Array = values[np.isfinite(values)]
    return finite


class _Floats:
    """The finite floats of a dtype by rank: -k is the k-th below zero, k the k-th above."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype, self._bits = dtype, np.dtype(f"int{dtype.itemsize * 8}")
        self.last = int(np.array(np.finfo(dtype).max, dtype=dtype).view(self._bits))
        self.first = -self.last

    def ranks(self, *values: Any) -> tuple[int, ...]:
        """The inverse of :meth:`value`."""
        bits = [int(np.array(abs(value), dtype=self._dtype).view(self._bits)) for value in values]
        return tuple(-rank if value < 0 else rank for rank, value in zip(bits, values, strict=True))

    def value(self, rank: Array) -> Array:
        """The numbers of these ranks."""
        size = np.abs(rank).astype(self._bits).view(self._dtype)
        return np.where(rank < 0, -size, size)


class _Integers:
    """The integers of a dtype, as far as doubles tell them apart."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        limits = np.iinfo(dtype)
        self.first, self.last = max(int(limits.min), -(2**53)), min(int(limits.max), 2**53)

    def ranks(self, *values: Any) -> tuple[int, ...]:
        """The inverse of :meth:`value`."""
        return tuple(int(value) for value in values)

    def value(self, rank: Array) -> Array:
        """The numbers of these ranks."""
        return rank
