"""The data as the model takes it: its columns in its order, its container, its rows; and the target that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from daytwo.batch import Array, is_missing
from daytwo.errors import PackingError, brief
from daytwo.tables import array_of, columns_of, is_frame

#: A sparse matrix up to this size is turned into a dense one.
_DENSE_BYTES = 256 * 1024 * 1024


def align(model: Any, X: Any) -> tuple[Any, tuple[str, ...] | None]:
    """``X`` as ``model`` takes it, and the names of its columns where it is an array that came with some.

    - A model that knows names (``feature_names_in_``) gets a table of exactly those columns, in its order; columns
      that it was not fitted on are left out.
    - A model that only knows their number (``n_features_in_``) was fitted on an array and gets one, by position.
    - A model that knows neither gets what came.

    Raises PackingError where that cannot be.
    """
    X = as_data(X)
    known, width = _names_of(model), getattr(model, "n_features_in_", None)
    if is_frame(X):
        refuse_duplicates([str(name) for name in X.columns])
        if known is not None:
            return select(X, known), None
        if width is None:
            return X, None
        return align_positions(X, int(width))
    if width is not None and X.ndim == 2:
        _check_width(X.shape[1], int(width), ())
    if known is not None and X.ndim == 2:
        return pd.DataFrame(X, columns=list(known)), None
    return X, None


def align_positions(X: Any, width: int | None) -> tuple[Array, tuple[str, ...] | None]:
    """``X`` as an array of ``width`` columns (None: any), and the names of its columns where it is a table.

    Raises PackingError where it has more or fewer.
    """
    names = tuple(str(name) for name in X.columns) if is_frame(X) else None
    if width is not None and (names is not None or X.ndim == 2):
        _check_width(X.shape[1], width, names or ())
    return (X if names is None else array_from_table(X)), names


def array_from_table(table: Any) -> Array:
    """All columns of a table side by side: float64 where they are numbers (bool where all are), else objects."""
    columns = [array_of(column) for column in columns_of(table).values()]
    kinds = {column.dtype.kind for column in columns}
    if kinds <= set("biuf"):
        dtypes = {column.dtype for column in columns}
        # A model fitted on an array saw one dtype, which the table does not tell; all numbers fit into float64.
        dtype = dtypes.pop() if len(dtypes) == 1 and kinds <= set("bf") else np.dtype(np.float64)
        return np.stack([column.astype(dtype) for column in columns], axis=1)
    out = np.empty((len(columns[0]), len(columns)), dtype=object)
    for index, column in enumerate(columns):
        out[:, index] = column
        out[is_missing(column), index] = np.nan
    return out


def target(y: Any, rows: int) -> Array | None:
    """The target as an array of shape (rows,) or (rows, k); None where there is none.

    Raises PackingError where it is empty of values, has other rows than X, or holds something that is no target.
    """
    if y is None:
        return None
    array = _target_array(y)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2) or array.dtype.kind not in "biufO":
        raise PackingError(f"y must be one label or number per row, got shape {list(array.shape)} of {array.dtype}")
    if len(array) != rows:
        raise PackingError(f"X has {rows:,} rows, y has {len(array):,}: they must belong together row by row")
    if is_missing(array).all():
        raise PackingError("every value of y is missing")
    if array.dtype.kind == "f" and np.isinf(array).any():
        raise PackingError(f"y holds infinite values, first in row {int(np.argwhere(np.isinf(array))[0][0])}")
    return array


def _target_array(y: Any) -> Array:
    if is_frame(y):
        columns = [array_of(column) for column in columns_of(y).values()]
        return np.stack(columns, axis=1) if columns else np.empty((0, 0))
    if hasattr(y, "toarray"):
        return np.asarray(y.toarray())
    try:
        array = array_of(y)
        return array_of(np.array(array.tolist())) if array.dtype.kind == "O" and array.ndim == 2 else array
    except (TypeError, ValueError):
        raise PackingError(f"y must be one label or number per row, got {brief(y)}") from None


def closest(name: str, candidates: Sequence[str]) -> str:
    """The likely meaning of a misspelt name, as the end of a sentence; otherwise what there is."""
    near = get_close_matches(name, candidates, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    more = ", …" if len(candidates) > 12 else ""
    return f"there is: {', '.join(candidates[:12])}{more}"


def as_data(X: Any) -> Any:
    """A table or a dense array of two or more dimensions; lists and small sparse matrices are turned into one.

    Raises PackingError for everything else, and where there are no rows or no columns.
    """
    if type(X).__name__ == "LazyFrame":  # asked before anything else: even its columns cost a plan
        raise PackingError("X is a polars LazyFrame: call .collect() first")
    if hasattr(X, "toarray") and hasattr(X, "nnz"):
        return _dense(X)
    if not is_frame(X) and not isinstance(X, np.ndarray):
        X = _from_lists(X)
    rows = len(X)
    if isinstance(X, np.ndarray) and X.ndim < 2:
        raise PackingError(
            f"X must have rows and fields, got shape {list(X.shape)}: for one field use X.reshape(-1, 1), "
            "for texts a table of one column and a ColumnTransformer that names it"
        )
    if rows == 0 or (not is_frame(X) and X.size == 0) or (is_frame(X) and not len(X.columns)):
        raise PackingError("X is empty: packing needs rows to learn the signature and to test the model with")
    return X


def _dense(X: Any) -> Array:
    size = int(np.prod(X.shape)) * X.dtype.itemsize
    if size > _DENSE_BYTES:
        raise PackingError(
            f"X is sparse, and dense it would take {size / 2**20:,.0f} MiB: pack with a sample of at most "
            f"{_DENSE_BYTES // 2**20} MiB, for example X[:1000]"
        )
    return np.asarray(X.toarray())


def _from_lists(X: Any) -> Array:
    if not isinstance(X, Sequence) or isinstance(X, str | bytes):
        raise PackingError(f"X must be an array, a table of pandas or polars, or a list of rows; got {brief(X)}")
    if any(isinstance(row, dict) for row in X):
        raise PackingError("X is a list of records: make it a table first, for example pandas.DataFrame(X)")
    try:
        array = np.array(X)
        return np.array(X, dtype=object) if array.dtype.kind in "US" else array
    except ValueError:
        raise PackingError("the rows of X differ in length") from None


def _names_of(model: Any) -> tuple[str, ...] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else tuple(str(name) for name in names)


def refuse_duplicates(names: Sequence[str]) -> None:
    """Raises PackingError where two columns have one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PackingError(f"X has more than one column called {', '.join(map(repr, twice))}")


def select(table: Any, known: Sequence[str]) -> Any:
    """The columns ``known`` of a table, in that order. Raises PackingError where one is absent."""
    present = [str(name) for name in table.columns]
    for name in known:
        if name not in present:
            raise PackingError(
                f"the model was fitted on a column {name!r} that X does not have: {closest(name, present)}"
            )
    if present == list(known):
        return table
    return table[list(known)]


def _check_width(got: int, wanted: int, names: Sequence[str]) -> None:
    if got == wanted:
        return
    listed = f" ({', '.join(names[:8])}{', …' if len(names) > 8 else ''})" if names else ""
    hint = ": is one of them the target?" if got == wanted + 1 else ""
    raise PackingError(f"the model was fitted on {wanted} columns, X has {got}{listed}{hint}")
