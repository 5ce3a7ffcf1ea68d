"""What goes into a model and what comes out: names, datatypes, shapes, categories, ranges, missing or not.

A Signature turns whatever a caller has (a DataFrame, an array, records, columns) into a Batch that fits, or says
field by field why it does not. It is the only place where that is decided, online and in batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np

from daytwo.batch import Array, Batch
from daytwo.errors import MAX_PROBLEMS, InvalidInput, Problem, brief
from daytwo.signature.field import Category, Field
from daytwo.tables import columns_of, is_frame

__all__ = ["Category", "Container", "Field", "Signature"]

Container = Literal["array", "pandas", "polars"]

#: A name longer than this is nobody's spelling mistake, and is cut where it is repeated.
_LONG_NAME = 100
#: So many misspelt names are compared with so many that are absent: each comparison takes some twenty microseconds.
_COMPARED = 5, 100
#: Columns become a matrix by so many rows at a time: as much as a processor's cache holds, twice as fast as all at once.
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Signature:
    """The inputs and outputs of a model.

    inputs, outputs: in the model's order
    container:       what the model was fitted on, and so what its own library must be fed: ``array`` means one
                     two-dimensional array of ``array_dtype`` (or one tensor where there is a single field with a shape)
    array_dtype:     numpy's name of that dtype; None for tables

    Raises ValueError where two inputs, or two outputs, have one name.
    """

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    container: Container = "array"
    array_dtype: str | None = None

    def __post_init__(self) -> None:
        for part in (self.inputs, self.outputs):
            if len({item.name for item in part}) != len(part):
                raise ValueError(f"field names must be unique: {[item.name for item in part]}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The inputs' names, in order."""
        return tuple(item.name for item in self.inputs)

    @cached_property
    def matrix_dtype(self) -> np.dtype[Any] | None:
        """The dtype that all inputs are stored as, where they are all scalar numbers of one; else None."""
        stored = {item.storage for item in self.inputs}
        if len(stored) == 1 and all(item.numeric and not item.shape for item in self.inputs):
            return stored.pop()
        return None

    def input(self, name: str) -> Field:
        """The input called ``name``; KeyError where there is none."""
        return self._by_name[name]

    def output(self, name: str) -> Field | None:
        """The output called ``name``, or None."""
        return next((item for item in self.outputs if item.name == name), None)

    def conform(self, raw: Any) -> Batch:
        """Anything tabular as a Batch that fits, or InvalidInput.

        ``raw`` is a Batch, a pandas or polars DataFrame, a mapping of columns, a list of records, or an array or list
        of rows of shape (rows, fields) whose columns are the inputs by position (a single tensor field:
        (rows, \\*shape)). Columns come in any order; a missing, extra or misspelt one is refused. Arrays of the right
        dtype are not copied.
        """
        if isinstance(raw, Batch):
            by_position = raw.matrix is not None and raw.names == self.names
            return self._conform_array(raw.matrix) if by_position else self._conform_columns(dict(raw.items()))
        if isinstance(raw, np.ndarray):
            return self._conform_array(raw)
        if isinstance(raw, Sequence) and not isinstance(raw, str | bytes) and not is_frame(raw):
            return self._conform_list(raw)
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
        for start in range(0, rows, _BLOCK_ROWS):
            block = matrix[start : start + _BLOCK_ROWS]
            for index, name in enumerate(self.names):
                block[:, index] = columns[name][start : start + _BLOCK_ROWS]
        return Batch.from_matrix(self.names, matrix)

    def name_problems(self, names: Sequence[str]) -> list[Problem]:
        """What is missing, extra or misspelt among ``names``, with the likely meaning of a misspelling.

        No more of each than one answer lists.
        """
        present = set(names)
        absent = [name for name in self.names if name not in present]
        unknown = [name for name in names if name not in self._by_name][:MAX_PROBLEMS]
        misspelt, candidates = _COMPARED
        problems = []
        for index, name in enumerate(unknown):
            meant = self._meant(name, absent[:candidates] if index < misspelt else ())
            problems.append(Problem(name[:_LONG_NAME] or '""', meant, "an unknown field"))
        return problems + [self._lacking(name) for name in absent[:MAX_PROBLEMS]]

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

    @cached_property
    def _by_name(self) -> Mapping[str, Field]:
        return {item.name: item for item in self.inputs}

    @cached_property
    def _is_plain(self) -> bool:
        """Whether nothing but NaN and infinity can be wrong with a matrix of ``matrix_dtype``."""
        return all(item.dtype == str(self.matrix_dtype) and not item.closed for item in self.inputs)

    @cached_property
    def _may_miss(self) -> bool:
        return all(item.missing for item in self.inputs)

    def _takes(self, matrix: Array) -> bool:
        """Whether ``matrix``, of ``matrix_dtype``, fits as it is; False where it takes a look at each column."""
        if not self._is_plain:
            return False
        return bool(np.isfinite(matrix).all()) or (self._may_miss and not np.isinf(matrix).any())

    def _conform_list(self, raw: Sequence[Any]) -> Batch:
        if not raw:
            raise InvalidInput.at("", "at least one row", "an empty list")
        if all(isinstance(row, Mapping) for row in raw):
            return self._conform_records(raw)
        if self._is_tensor:
            return self._conform_array(raw)
        for row, values in enumerate(raw):
            if not _is_row(values):
                raise InvalidInput.at(f"[{row}]", "records, or rows of values", brief(values))
            if len(values) != len(self.inputs):
                raise InvalidInput.at(f"[{row}]", f"{len(self.inputs)} values", f"{len(values)}")
        return self._conform_columns(dict(zip(self.names, map(list, zip(*raw, strict=True)), strict=True)))

    def _conform_records(self, records: Sequence[Mapping[Any, Any]]) -> Batch:
        known = self._by_name.keys()
        for row, record in enumerate(records):
            if record.keys() != known:
                problems = self.name_problems([str(name) for name in record])
                raise InvalidInput([replace(p, field=f"[{row}].{p.field}") for p in problems])
        columns = {name: [record[name] for record in records] for name in self.names}
        return self._conform_columns(columns, lambda name, row: f"[{row}].{name}")

    @property
    def _is_tensor(self) -> bool:
        return len(self.inputs) == 1 and bool(self.inputs[0].shape)

    def _conform_array(self, raw: Any) -> Batch:
        if self._is_tensor:
            return Batch.from_columns({self.names[0]: self.inputs[0].conform(raw)})
        width = len(self.inputs)
        if raw.ndim != 2 or raw.shape[1] != width:
            raise InvalidInput.at("", f"an array of shape (rows, {width})", f"shape {raw.shape}")
        plain = self.matrix_dtype is not None and type(raw) is np.ndarray  # numpy: None == float64 is True
        if plain and raw.dtype == self.matrix_dtype and self._takes(raw):
            return Batch.from_matrix(self.names, raw)
        return self._conform_columns({name: raw[:, index] for index, name in enumerate(self.names)})

    def _conform_columns(self, raw: Mapping[str, Any], place: Callable[[str, int], str] | None = None) -> Batch:
        """place: how the caller wrote a value, by the field's name and the row; default as the Field has it."""
        problems = self.name_problems(list(raw)) if raw.keys() != self._by_name.keys() else []
        columns: dict[str, Array] = {}
        for item in self.inputs:
            if item.name in raw:
                where = partial(place, item.shown) if place else None
                try:
                    columns[item.name] = item.conform(raw[item.name], where)
                except InvalidInput as error:
                    problems.extend(error.problems)
        if problems:
            raise InvalidInput(problems)
        if len({len(column) for column in columns.values()}) > 1:
            sizes = ", ".join(f"{name} has {len(column)}" for name, column in list(columns.items())[:6])
            raise InvalidInput.at("", "columns with the same number of rows", sizes)
        return self.assemble(columns)

    def _meant(self, name: str, absent: Sequence[str]) -> str:
        """What an unknown name was probably meant to be: one of those that are absent, or else what there is."""
        close = get_close_matches(name, absent, n=1) if len(name) <= _LONG_NAME else []
        more = ", …" if len(self.names) > 12 else ""
        return repr(close[0]) if close else f"one of {', '.join(item.shown for item in self.inputs[:12])}{more}"

    def _lacking(self, name: str) -> Problem:
        item = self._by_name[name]
        return Problem(item.shown, item.expected, "nothing: the field is missing")


def _is_row(values: Any) -> bool:
    if isinstance(values, np.ndarray):
        return values.ndim > 0
    return isinstance(values, Sequence) and not isinstance(values, str | bytes)
