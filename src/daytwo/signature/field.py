"""One named column of a model's inputs or outputs: what it must be, and whether values are that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from daytwo.batch import DTYPES, Array, is_missing
from daytwo.errors import InvalidInput, Problem, brief
from daytwo.signature.casts import Mask, cast, limits_of, storage_of
from daytwo.tables import exact_array_of

Category = str | int | bool | float

#: How many rows of one field are named; more of them would leave no room for the other fields.
_MAX_ROWS = 5


@dataclass(frozen=True, slots=True)
class Field:
    """One named column or tensor.

    dtype:      a key of :data:`daytwo.batch.DTYPES`
    shape:      of one row; ``()`` for a scalar
    categories: the values it takes, or None where it is not categorical; for the output ``class``, the labels
    unseen:     whether a value outside ``categories`` is allowed or refused
    minimum, maximum: the range seen when packed (datetimes: microseconds since 1970); information, not a limit
    missing:    whether null / NaN / NaT is allowed
    native:     the dtype that the model's own table library used (``category``, ``Int64``, …), or None

    Raises ValueError for an unknown dtype, and where unseen values are to be refused and no categories are given.

    >>> Field("age", "int8", missing=True).expected
    'an integer from -128 to 127 or null'
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()
    categories: tuple[Category, ...] | None = None
    unseen: Literal["allow", "refuse"] = "allow"
    minimum: float | None = None
    maximum: float | None = None
    missing: bool = False
    native: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ValueError(f"{self.name}: dtype must be one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.unseen == "refuse" and not self.categories:
            raise ValueError(f"{self.name}: unseen values cannot be refused where no categories are known")

    @property
    def kind(self) -> str:
        """The letter of the dtype in numpy: b, i, u, f, O (text) or M (instants)."""
        return DTYPES[self.dtype].kind

    @property
    def storage(self) -> np.dtype[Any]:
        """How a Batch holds it. Integers and booleans that may be missing are float64, NaN meaning missing."""
        return storage_of(self.dtype, nullable=self.missing)

    @property
    def numeric(self) -> bool:
        """Whether it is a number (booleans included)."""
        return self.kind in "biuf"

    @property
    def closed(self) -> bool:
        """Whether only its categories are allowed."""
        return self.unseen == "refuse"

    @property
    def expected(self) -> str:
        """What a value must be, in words that stand after 'expected'."""
        words = self._one_of() if self.closed else self._any_of_dtype()
        if self.shape:
            words = f"an array of shape {list(self.shape)}, each {words}"
        return words + (" or null" if self.missing else "")

    def _one_of(self) -> str:
        listed = ", ".join(brief(category, 30) for category in (self.categories or ())[:12])
        return f"one of {listed}" + (", …" if len(self.categories or ()) > 12 else "")

    def _any_of_dtype(self) -> str:
        if self.dtype == "int64":
            return "an integer of at most 53 bits" if self.missing else "a 64-bit integer"
        if self.kind in "iu":
            low, high = limits_of(self.dtype, nullable=self.missing)
            return f"an integer from {low} to {high}"
        if self.kind == "f":
            limit = f" within ±{np.finfo(self.storage).max:.6g}" if self.dtype != "float64" else ""
            return f"a finite number{limit}"
        return {"b": "true or false", "O": "a string", "M": "an ISO 8601 datetime"}[self.kind]

    def conform(self, values: Any, place: Callable[[int], str] | None = None) -> Array:
        """``values``, a column (rows, \\*shape) of any kind, as this field is stored.

        place: how the caller wrote a row's value, by its number; default ``name[3]``, or ``name`` for the only row

        Raises InvalidInput naming the rows that do not fit.
        """
        try:
            column = exact_array_of(values)
        except (TypeError, ValueError, OverflowError):
            raise InvalidInput.at(self.shown, f"a column of values, each {self.expected}", brief(values)) from None
        where = place or (lambda row: self.shown if len(column) == 1 else f"{self.shown}[{row}]")
        if len(column) == 0:
            return np.empty((0, *self.shape), dtype=self.storage)
        if self._fits_at_sight(column):
            return column
        if column.shape[1:] != self.shape:
            raise InvalidInput([self._misshapen(column, where)])
        stored, bad = cast(column, self.dtype, nullable=self.missing)
        bad = bad | self._not_allowed(stored)
        if bad.any():
            raise InvalidInput(list(self._problems(bad, column, values, where)))
        return stored

    def plain(self, column: Array) -> list[Any]:
        """A stored column as plain Python values, as JSON says them; :meth:`conform` makes the same column of them.

        Missing is None, integers and booleans are that also where they are stored as floats, instants are ISO 8601
        texts in UTC.

        >>> Field("active", "bool", missing=True).plain(np.array([1.0, np.nan]))
        [True, None]
        """
        flat = column.ravel()
        values: list[Any] = flat.tolist()
        if self.kind == "M":
            values = [f"{value}Z" for value in flat.astype("datetime64[us]")]
        elif self.kind in "biu" and flat.dtype.kind == "f":
            values = [value if value != value else _PYTHON[self.kind](value) for value in values]
        for index in np.flatnonzero(is_missing(flat)).tolist():
            values[index] = None
        if column.ndim == 1:
            return values
        nested: list[Any] = np.fromiter(values, dtype=object, count=len(values)).reshape(column.shape).tolist()
        return nested

    @property
    def shown(self) -> str:
        """The name as it stands in a message: a column may be called nothing at all."""
        return self.name or '""'

    def _fits_at_sight(self, column: Array) -> bool:
        """Whether these are simply numbers, as most columns are: one look is enough then."""
        simple = self.kind == "f" and column.dtype == self.storage and not self.closed
        return simple and column.shape[1:] == self.shape and bool(np.isfinite(column).all())

    def _not_allowed(self, stored: Array) -> Mask:
        """Which values are missing where none may be, or are no known category."""
        missing = is_missing(stored)
        bad = missing if not self.missing else np.zeros(stored.shape, dtype=np.bool_)
        if not self.closed:
            return bad
        if stored.dtype.kind == "O":
            known = set(self.categories or ())
            unknown = np.fromiter((value not in known for value in stored.flat), np.bool_, stored.size)
            return bad | (unknown.reshape(stored.shape) & ~missing)
        return bad | (~np.isin(stored, np.array(self.categories)) & ~missing)

    def _misshapen(self, column: Array, where: Callable[[int], str]) -> Problem:
        """The first row that has not the shape it must have."""
        rows = column.tolist() if column.ndim == 1 or column.dtype.kind == "O" else []
        row = next((row for row, value in enumerate(rows) if _shape(value) != self.shape), 0)
        got = brief(rows[row]) if rows else f"values of shape {list(column.shape[1:])}"
        return Problem(where(row), self.expected, got)

    def _problems(self, bad: Mask, column: Array, values: Any, where: Callable[[int], str]) -> Iterator[Problem]:
        for row, *inner in np.argwhere(bad)[:_MAX_ROWS].tolist():
            value = column[(row, *inner)] if inner else _said(values, column, row)
            yield Problem(where(row) + "".join(f"[{index}]" for index in inner), self.expected, brief(value))

    def to_json(self) -> dict[str, Any]:
        """A JSON object that leaves out what is default."""
        out: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if value != item.default:
                out[item.name] = list(value) if isinstance(value, tuple) else value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Field:
        """The inverse of :meth:`to_json`."""
        known = {item.name for item in fields(cls)}
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in data.items() if n in known}
        return cls(**values)


_PYTHON: Mapping[str, Callable[[float], Any]] = {"b": bool, "i": int, "u": int}


def _said(values: Any, column: Array, row: int) -> Any:
    """The value of a row as the caller said it, where that can be asked for by number."""
    if isinstance(values, list | tuple | np.ndarray):
        return values[row]
    return values.iloc[row] if hasattr(values, "iloc") else column[row]


def _shape(value: Any) -> tuple[int, ...] | None:
    try:
        return tuple(np.shape(value))
    except ValueError:
        return None
