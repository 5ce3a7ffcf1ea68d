"""What goes into a model and what comes out: names, datatypes, shapes, categories, ranges, missing or not.

A Signature turns whatever a caller has (a DataFrame, an array, records, columns) into a Batch that fits, or says
field by field why it does not. It is the only place where that is decided, online and in batch.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Literal

import numpy as np

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.errors import InvalidInput, Problem, brief
from daytwo.tables import array_of, columns_of, instant, is_frame

Container = Literal["array", "pandas", "polars"]
Category = str | int | bool | float

#: How many problems one answer lists; the rest is counted.
_MAX_PROBLEMS = 20
_EXACT_INTEGER = 2**53


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

    @property
    def storage(self) -> np.dtype[Any]:
        """How a Batch holds it. Integers and booleans that may be missing are float64, NaN meaning missing."""
        dtype = DTYPES[self.dtype]
        return DTYPES["float64"] if self.missing and dtype.kind in "biu" else dtype

    @property
    def numeric(self) -> bool:
        """Whether it is a number (booleans included)."""
        return DTYPES[self.dtype].kind in "biuf"

    @property
    def expected(self) -> str:
        """What a value must be, in words that stand after 'expected'."""
        kind = DTYPES[self.dtype].kind
        if self.categories is not None and self.unseen == "refuse":
            words = "one of " + ", ".join(brief(c, 30) for c in self.categories[:12])
            words += ", …" if len(self.categories) > 12 else ""
        elif kind in "iu":
            limits = np.iinfo(DTYPES[self.dtype])
            words = "an integer" if self.dtype == "int64" else f"an integer from {limits.min} to {limits.max}"
        else:
            words = {"b": "true or false", "f": "a finite number", "O": "a string", "M": "an ISO 8601 datetime"}[kind]
            if self.dtype in ("float32", "float16"):
                words += f" within ±{np.finfo(DTYPES[self.dtype]).max:.6g}"
        if self.shape:
            words = f"an array of shape {list(self.shape)}, each {words}"
        return words + (" or null" if self.missing else "")

    def conform(self, values: Any) -> Array:
        """``values`` (rows, \\*shape) as this field is stored. Raises InvalidInput naming the rows that do not fit."""
        array = self._cast(values)
        if array.shape[1:] != self.shape:
            raise InvalidInput.at(self.name, self.expected, f"shape {list(array.shape[1:])} per row")
        self._refuse(array, values, self._bad(array))
        return array

    def _bad(self, array: Array) -> Array:
        """Which rows hold a value that is not allowed."""
        missing = is_missing(array)
        bad = missing.copy() if not self.missing else np.zeros(array.shape, dtype=np.bool_)
        if array.dtype.kind == "f":
            bad |= np.isinf(array)
        if self.categories is not None and self.unseen == "refuse":
            if array.dtype.kind == "O":
                known = set(self.categories)
                bad |= np.fromiter((v is not None and v not in known for v in array), np.bool_, len(array))
            else:
                bad |= ~np.isin(array, np.array(self.categories)) & ~missing
        return bad

    def _refuse(self, array: Array, values: Any, bad: Array) -> None:
        """Raise InvalidInput for the rows of ``array`` in which any value is ``bad`` (same shape, or one a row)."""
        rows = np.unique(np.nonzero(bad)[0])
        if rows.size:
            raise InvalidInput([Problem(_at(self.name, row, len(array)), self.expected, _got(values, row))
                                for row in rows[:_MAX_PROBLEMS].tolist()])  # fmt: skip

    def _cast(self, values: Any) -> Array:
        try:
            array = values if isinstance(values, np.ndarray) else array_of(values)
        except (ValueError, TypeError, OverflowError):
            raise InvalidInput.at(self.name, self.expected, brief(values)) from None
        if array.ndim == 0:
            raise InvalidInput.at(self.name, f"a column of rows, each {self.expected}", brief(values))
        if DTYPES[self.dtype].kind == "O":
            return self._cast_text(array)
        if DTYPES[self.dtype].kind == "M":
            return self._cast_instants(array)
        return self._cast_number(array)

    def _cast_text(self, array: Array) -> Array:
        if array.dtype.kind == "U":
            array = array.astype(object)
        if array.size and is_missing(array).all():
            return np.full(array.shape, None, dtype=object)
        wrong = np.fromiter((not (v is None or isinstance(v, str)) for v in array.flat), np.bool_, array.size)
        self._refuse(array, array, wrong.reshape(array.shape))
        return array if array.dtype.kind == "O" else array.astype(object)

    def _cast_instants(self, array: Array) -> Array:
        if array.dtype.kind == "M":
            return array.astype(DTYPES["datetime"])
        out = np.empty(len(array), dtype=DTYPES["datetime"])
        for row, value in enumerate(array):
            try:
                if value is None or (isinstance(value, float) and math.isnan(value)):
                    out[row] = np.datetime64("NaT")
                elif isinstance(value, str | dt.date):
                    out[row] = instant(value)
                else:
                    raise ValueError
            except ValueError:
                raise InvalidInput.at(_at(self.name, row, len(array)), self.expected, brief(value)) from None
        return out

    def _cast_number(self, array: Array) -> Array:
        target = self.storage
        if array.dtype.kind == "O":
            array = self._unbox(array)
        if array.dtype == target and target.kind == DTYPES[self.dtype].kind:  # nullable integers are not yet judged
            return array
        alike = (array.dtype.kind == "b") == (self.dtype == "bool") or not array.size
        nullable = self.dtype == "bool" and array.dtype.kind == "f"  # nullable booleans come as 0.0, 1.0, NaN
        if array.dtype.kind not in "biuf" or not (alike or nullable):
            raise InvalidInput.at(self.name, self.expected, f"{array.dtype.name} values such as {_got(array, 0)}")
        if DTYPES[self.dtype].kind in "biu":
            self._refuse(array, array, _not_integral(array, DTYPES[self.dtype]))
            if target.kind != "f" and is_missing(array).any():
                self._refuse(array, array, is_missing(array))
        with np.errstate(over="ignore", invalid="ignore"):
            cast = array.astype(target)
        if target.kind == "f":
            lost = np.isinf(cast) & np.isfinite(array)
            self._refuse(array, array, lost)
        return cast

    def _unbox(self, array: Array) -> Array:
        """An object array as numbers; None becomes NaN."""
        plain = (bool, int, float, np.number, np.bool_)
        bad = np.fromiter((not (v is None or isinstance(v, plain)) for v in array.flat), np.bool_, array.size)
        self._refuse(array, array, bad.reshape(array.shape))
        try:
            return np.array([np.nan if v is None else v for v in array.flat]).reshape(array.shape)
        except (ValueError, OverflowError):
            raise InvalidInput.at(self.name, self.expected, brief(array.tolist())) from None

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


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    inputs, outputs: in the model's order
    container:       what the model was fitted on, and so what its own library must be fed: ``array`` means one
                     two-dimensional array of ``array_dtype`` (or one tensor where there is a single field with a shape)
    array_dtype:     numpy's name of that dtype; None for tables
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    container: Container = "array"
    array_dtype: str | None = None
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(item.name for item in self.inputs))
        for part in (self.inputs, self.outputs):
            if len({item.name for item in part}) != len(part):
                raise ValueError(f"field names must be unique: {[item.name for item in part]}")

    @cached_property
    def matrix_dtype(self) -> np.dtype[Any] | None:
        """The dtype that all inputs are stored as, where they are all scalar numbers of one; else None."""
        stored = {item.storage for item in self.inputs}
        if len(stored) == 1 and all(item.numeric and not item.shape for item in self.inputs):
            return stored.pop()
        return None

    def input(self, name: str) -> Field:
        """The input called ``name``; KeyError where there is none."""
        return next((item for item in self.inputs if item.name == name), None) or _missing_key(name)

    def output(self, name: str) -> Field | None:
        """The output called ``name``, or None."""
        return next((item for item in self.outputs if item.name == name), None)

    def conform(self, raw: Any) -> Batch:
        """Anything tabular as a Batch that fits, or InvalidInput.

        ``raw`` is a Batch, a pandas or polars DataFrame, a mapping of columns, a list of records, or an array of
        shape (rows, fields) whose columns are the inputs by position (a single tensor field: (rows, \\*shape)).
        Columns come in any order; a missing, extra or misspelt one is refused.
        """
        if isinstance(raw, Batch):
            raw = dict(raw.items()) if raw.matrix is None or raw.names != self.names else raw.matrix
        if isinstance(raw, np.ndarray) or (_is_nested(raw) and not is_frame(raw)):
            return self._conform_array(raw if isinstance(raw, np.ndarray) else array_of(raw))
        try:
            columns = columns_of(raw)
        except TypeError as error:
            raise InvalidInput.at("", str(error), type(raw).__name__) from None
        return self._conform_columns(columns)

    def assemble(self, columns: Mapping[str, Array]) -> Batch:
        """A Batch of columns that already fit, as a matrix where the signature is one."""
        if self.matrix_dtype is None:
            return Batch.from_columns({name: columns[name] for name in self.names})
        rows = len(columns[self.names[0]])
        matrix = np.empty((rows, len(self.names)), dtype=self.matrix_dtype)
        for index, name in enumerate(self.names):
            matrix[:, index] = columns[name]
        return Batch.from_matrix(self.names, matrix)

    def _conform_array(self, array: Array) -> Batch:
        if len(self.inputs) == 1 and self.inputs[0].shape:
            return Batch.from_columns({self.names[0]: self.inputs[0].conform(array)})
        width = len(self.inputs)
        if array.ndim != 2 or array.shape[1] != width:
            raise InvalidInput.at("", f"an array of shape (rows, {width})", f"shape {tuple(array.shape)}")
        if array.dtype == self.matrix_dtype and array.dtype.kind == "f" and np.isfinite(array).all():
            return Batch.from_matrix(self.names, array)
        return self._conform_columns({name: array[:, index] for index, name in enumerate(self.names)})

    def _conform_columns(self, raw: Mapping[str, Any]) -> Batch:
        problems = self.name_problems(list(raw))
        columns: dict[str, Array] = {}
        for item in self.inputs:
            if item.name in raw:
                try:
                    columns[item.name] = item.conform(array_of(raw[item.name]))
                except InvalidInput as error:
                    problems.extend(error.problems)
                except (TypeError, ValueError, OverflowError):
                    problems.append(Problem(item.name, item.expected, brief(raw[item.name])))
        if problems:
            raise InvalidInput(problems[:_MAX_PROBLEMS])
        if len({len(column) for column in columns.values()}) > 1:
            sizes = ", ".join(f"{name} has {len(column)}" for name, column in list(columns.items())[:6])
            raise InvalidInput.at("", "columns with the same number of rows", sizes)
        return self.assemble(columns)

    def name_problems(self, names: Sequence[str]) -> list[Problem]:
        """What is missing, extra or misspelt among ``names``, with the likely meaning of a misspelling."""
        present, wanted = set(names), set(self.names)
        absent = [name for name in self.names if name not in present]
        problems = []
        for name in names:
            if name not in wanted:
                problems.append(Problem(name, _no_such_field(name, absent or self.names), "an unknown field"))
        problems += [Problem(name, self.input(name).expected, "nothing: the field is missing") for name in absent]
        return problems

    def with_outputs(self, outputs: Sequence[Field]) -> Signature:
        """The same inputs with other outputs."""
        return replace(self, outputs=tuple(outputs))

    def to_json(self) -> dict[str, Any]:
        """A JSON object; the inverse is :meth:`from_json`."""
        out: dict[str, Any] = {
            "inputs": [item.to_json() for item in self.inputs],
            "outputs": [item.to_json() for item in self.outputs],
            "container": self.container,
        }
        return out | ({"array_dtype": self.array_dtype} if self.array_dtype else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Signature:
        """The inverse of :meth:`to_json`."""
        return cls(
            inputs=tuple(Field.from_json(item) for item in data["inputs"]),
            outputs=tuple(Field.from_json(item) for item in data["outputs"]),
            container=data.get("container", "array"),
            array_dtype=data.get("array_dtype"),
        )


def _no_such_field(name: str, candidates: Sequence[str]) -> str:
    close = get_close_matches(name, candidates, n=1)
    return f"{close[0]!r} perhaps" if close else f"one of {', '.join(candidates[:12])}"


def _at(name: str, row: int, rows: int) -> str:
    return name if rows == 1 else f"{name}[{row}]"


def _got(values: Any, row: int) -> str:
    try:
        value = values[row]
    except (KeyError, IndexError, TypeError):
        return "something else"
    if isinstance(value, np.ndarray):
        return brief(value.tolist())
    return brief(value.item() if isinstance(value, np.generic) else value)


def _not_integral(array: Array, target: np.dtype[Any]) -> Array:
    """Which values are not integers that ``target`` can hold; missing ones are not judged."""
    missing = is_missing(array)
    low, high = (0, 1) if target.kind == "b" else (int(np.iinfo(target).min), int(np.iinfo(target).max))
    if array.dtype.kind == "b":
        return np.zeros(array.shape, dtype=np.bool_)
    if array.dtype.kind == "f":
        whole = np.where(missing, 0.0, array)
        inexact = (np.abs(whole) > _EXACT_INTEGER) if target.kind != "b" else False
        return (whole != np.floor(whole)) | (whole < low) | (whole > high) | inexact
    return (array < low) | (array > high)


def _is_nested(raw: Any) -> bool:
    return isinstance(raw, Sequence) and len(raw) > 0 and isinstance(raw[0], Sequence | np.ndarray)


def _missing_key(name: str) -> Field:
    raise KeyError(name)
