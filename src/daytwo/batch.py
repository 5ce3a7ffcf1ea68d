"""The one shape that data has inside daytwo: named columns whose axis 0 is rows.

A Batch whose columns are all plain numbers of one dtype is backed by a single matrix, so that stacking 32 requests of
30 fields is one copy and not 960; its columns are views into that matrix.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: The datatypes of daytwo and how numpy holds them. Strings are ``object`` arrays of ``str`` (or None when missing).
DTYPES: Mapping[str, np.dtype[Any]] = {
    "bool": np.dtype(np.bool_),
    **{f"int{bits}": np.dtype(f"int{bits}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": np.dtype(f"uint{bits}") for bits in (8, 16, 32, 64)},
    "float16": np.dtype(np.float16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
    "string": np.dtype(object),
    "datetime": np.dtype("datetime64[us]"),
}


class Batch:
    """Named columns (or tensors), all with the same number of rows on axis 0. Treat it as frozen.

    >>> batch = Batch.from_matrix(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> batch.rows, batch["b"].tolist()
    (2, [2.0, 4.0])
    """

    __slots__ = ("_columns", "_matrix", "names", "rows")

    names: tuple[str, ...]
    rows: int

    def __init__(
        self, names: tuple[str, ...], rows: int, columns: Mapping[str, Array] | None, matrix: Array | None
    ) -> None:
        self.names = names
        self.rows = rows
        self._columns = columns
        self._matrix = matrix

    @classmethod
    def from_matrix(cls, names: tuple[str, ...], matrix: Array) -> Batch:
        """A Batch over ``matrix`` of shape (rows, len(names)); nothing is copied."""
        return cls(names, matrix.shape[0], None, matrix)

    @classmethod
    def from_columns(cls, columns: Mapping[str, Array]) -> Batch:
        """A Batch of columns, each of shape (rows, …). Raises ValueError where their rows differ."""
        sizes = {len(column) for column in columns.values()}
        if len(sizes) > 1:
            raise ValueError(f"columns differ in rows: { ({name: len(c) for name, c in columns.items()}) }")
        return cls(tuple(columns), sizes.pop() if sizes else 0, dict(columns), None)

    @property
    def matrix(self) -> Array | None:
        """The matrix behind this Batch, shape (rows, fields), or None where it has none."""
        return self._matrix

    @property
    def nbytes(self) -> int:
        """Bytes held by the arrays (for strings: by the pointers alone)."""
        if self._matrix is not None:
            return int(self._matrix.nbytes)
        return sum(int(column.nbytes) for _, column in self.items())

    def __getitem__(self, name: str) -> Array:
        if self._matrix is not None:
            try:
                return self._matrix[:, self.names.index(name)]
            except ValueError:
                raise KeyError(name) from None
        assert self._columns is not None
        return self._columns[name]

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __len__(self) -> int:  # a Batch without rows is falsy
        return self.rows

    def items(self) -> Iterator[tuple[str, Array]]:
        """(name, column) in order."""
        for name in self.names:
            yield name, self[name]

    def take(self, index: slice | Array | Sequence[int]) -> Batch:
        """The rows that ``index`` selects: a view for a slice, a copy otherwise."""
        if self._matrix is not None:
            return Batch.from_matrix(self.names, self._matrix[index])
        return Batch.from_columns({name: column[index] for name, column in self.items()})

    def split(self, sizes: Sequence[int]) -> list[Batch]:
        """The Batch cut into consecutive parts of ``sizes`` rows, which must add up to ``rows``."""
        if sum(sizes) != self.rows:
            raise ValueError(f"sizes add up to {sum(sizes)}, the batch has {self.rows} rows")
        parts, start = [], 0
        for size in sizes:
            end = start + size
            if self._matrix is not None:
                part = Batch(self.names, size, None, self._matrix[start:end])
            else:
                part = Batch(self.names, size, {name: column[start:end] for name, column in self.items()}, None)
            parts.append(part)
            start = end
        return parts

    @staticmethod
    def stack(batches: Sequence[Batch]) -> Batch:
        """All rows of ``batches``, in order. Raises ValueError where their columns differ, or where there is none."""
        if not batches:
            raise ValueError("there is nothing to stack")
        first = batches[0]
        if len(batches) == 1:
            return first
        if any(other.names != first.names for other in batches):
            raise ValueError("batches with different columns cannot be stacked")
        matrices = [batch._matrix for batch in batches if batch._matrix is not None]
        if len(matrices) == len(batches):
            return Batch.from_matrix(first.names, np.concatenate(matrices))
        return Batch.from_columns({name: np.concatenate([b[name] for b in batches]) for name in first.names})

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}: {column.dtype}{list(column.shape[1:]) or ''}" for name, column in self.items())
        return f"Batch({self.rows} rows; {fields})"


def is_missing(column: Array) -> npt.NDArray[np.bool_]:
    """Which values of a column are missing: NaN, NaT, or None in an object column. Shape as ``column``.

    >>> is_missing(np.array([1.0, np.nan])).tolist()
    [False, True]
    """
    if column.dtype.kind == "f":
        return np.isnan(column)
    if column.dtype.kind in "mM":
        return np.isnat(column)
    if column.dtype.kind == "O":
        return np.fromiter((value is None for value in column.flat), np.bool_, column.size).reshape(column.shape)
    return np.zeros(column.shape, dtype=np.bool_)
