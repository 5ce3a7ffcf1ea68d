"""The cells that values fall into: bins for what has an order, levels for what has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from daytwo.batch import Array

Level = str | int | bool | float | tuple[str | int | bool | float, str | int | bool | float]

#: Rows binned at once: the comparison masks of a chunk stay in the processor's cache.
_CHUNK = 4096


@dataclass(frozen=True)
class Bins:
    """Cells along a line: below, one per edge, above, missing.

    edges:   strictly increasing; bin ``i`` is ``edges[i] <= x < edges[i + 1]``, the last one ``edges[-1] <= x <= maximum``
    maximum: the largest value seen when packed; None (and no edges) where there was none: all that comes is above

    >>> bins = Bins((0.0, 1.0, 5.0), 10.0)
    >>> bins.count(np.array([-3.0, 0.0, 0.5, 5.0, 10.0, 10.1, np.nan])).tolist()
    [1, 2, 0, 2, 1, 1]
    """

    edges: tuple[float, ...]
    maximum: float | None

    @property
    def size(self) -> int:
        """How many cells."""
        return len(self.edges) + 3

    @property
    def labels(self) -> tuple[str, ...]:
        """The cells in words, in the order of their counts."""
        ends = [f"{edge:g})" for edge in self.edges[1:]] + [f"{self.maximum:g}]" if self.maximum is not None else ""]
        spans = [f"[{edge:g}, {end}" for edge, end in zip(self.edges, ends, strict=False)]
        return ("below", *spans, "above", "missing")

    def count(self, values: Array) -> npt.NDArray[np.int64]:
        """How many of ``values`` (numbers, shape (rows,)) fall into each cell."""
        return Lines([self]).count(values.astype(np.float64).reshape(-1, 1))

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"edges": list(self.edges), "maximum": self.maximum}


@dataclass(frozen=True)
class Levels:
    """Cells by value: one per level, other, missing.

    >>> Levels(("basic", "pro")).count(np.array(["pro", "pro", "gold", None], dtype=object)).tolist()
    [0, 2, 1, 1]
    """

    values: tuple[Level, ...]

    @property
    def size(self) -> int:
        """How many cells."""
        return len(self.values) + 2

    @property
    def labels(self) -> tuple[str, ...]:
        """The cells in words, in the order of their counts."""
        return (*(str(value) for value in self.values), "other", "missing")

    @cached_property
    def _cell(self) -> Mapping[Hashable, int]:
        return {value: index for index, value in enumerate(self.values)}

    def count(self, values: Iterable[Any]) -> npt.NDArray[np.int64]:
        """How many of ``values`` fall into each cell. None and NaN are missing; ``True`` and 1 are one level."""
        out = np.zeros(self.size, dtype=np.int64)
        other, missing = self.size - 2, self.size - 1
        for value, count in Counter(values.tolist() if isinstance(values, np.ndarray) else values).items():
            absent = value is None or value != value
            out[missing if absent else self._cell.get(value, other)] += count
        return out

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {"levels": [list(value) if isinstance(value, tuple) else value for value in self.values]}


class Lines:
    """Several Bins, folded together: one comparison of the whole matrix per edge."""

    def __init__(self, bins: list[Bins]) -> None:
        self._last = np.array([item.size - 1 for item in bins], dtype=np.int32)
        ends = np.cumsum([0, *(item.size for item in bins)])
        self.starts, self._size = ends[:-1].tolist(), int(ends[-1])
        self._offsets = ends[:-1].astype(np.int32)
        depth = max((len(item.edges) for item in bins), default=0)
        self._small = np.dtype(np.uint8 if depth < 255 else np.int32)  # bytes are added faster
        # Shorter lists of edges are filled up with NaN: nothing is greater than or equal to it.
        self._edges = np.full((depth, len(bins)), np.nan)
        for column, item in enumerate(bins):
            self._edges[: len(item.edges), column] = item.edges
        self._maximum = np.array([-np.inf if item.maximum is None else item.maximum for item in bins])

    def count(self, matrix: Array) -> npt.NDArray[np.int64]:
        """Counts of ``matrix`` (rows, bins), all cells of the first Bins first."""
        out = np.zeros(self._size, dtype=np.int64)
        for start in range(0, len(matrix), _CHUNK):
            cells = self._cells(matrix[start : start + _CHUNK])
            out += np.bincount(cells.ravel(), minlength=self._size)
        return out

    def _cells(self, matrix: Array) -> npt.NDArray[np.int32]:
        passed = np.zeros(matrix.shape, dtype=self._small)
        for edges in self._edges:
            passed += matrix >= edges
        passed += matrix > self._maximum
        cells = passed.astype(np.int32)
        missing = np.isnan(matrix)
        if missing.any():
            cells = np.where(missing, self._last, cells)
        cells += self._offsets
        return cells
