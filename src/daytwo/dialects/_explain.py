"""What is wrong with a body that fits no form: where, what was expected, what came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice
from typing import Any

from pydantic import ValidationError

from daytwo.dialects._schema import FormType, RequestTypes
from daytwo.errors import MAX_PROBLEMS, InvalidInput, Problem, TooManyRows, brief

_ID = "1 to 128 letters, digits, '.', '_', ':' or '-'"
_RECORD = "a JSON object with the model's fields"
#: What stands under the key of each form that has one.
_CONTENT = {"feature_vectors": "a list of rows", "records": "a list of records", "columns": "a JSON object of columns"}
#: The forms in which each row may have an id beside the rows.
_MANY = ("feature_vectors", "records", "columns_form")
#: Of an unknown key, as much as is repeated.
_LONG_NAME = 100

Location = tuple[int | str, ...]


@dataclass(frozen=True)
class Explainer:
    """Tells what is wrong with one body.

    parsed: the body, as plain Python values
    form:   the form that it has by its own keys
    """

    parsed: Any
    form: FormType
    types: RequestTypes

    def refuse_at_sight(self) -> None:
        """Raise for what the size of things gives away, before a validator would make an error of each.

        Raises TooManyRows; InvalidInput where an object has more keys than there are fields.
        """
        if self._rows() > self.types.max_rows:
            raise TooManyRows(self.types.max_rows, self._rows())
        if self.form.key and len(self.parsed) > 2:
            beside = (key for key in self.parsed if key not in (self.form.key, "prediction_id"))
            raise InvalidInput([self._beside(key) for key in islice(beside, MAX_PROBLEMS)])
        for path, record in self._records():
            if len(record) > len(self.types.signature.names) + 1:
                raise InvalidInput(self._wrong_names(path, record))

    def explain(self, error: ValidationError) -> InvalidInput:
        """``error`` in the caller's words: its problems in the order in which they were found, each place once."""
        found: dict[str, Problem] = {}
        named: set[Location] = set()
        for detail in error.errors(include_url=False, include_context=False):
            loc, head = detail["loc"], detail["loc"][: self.form.depth]
            if detail["type"] in ("missing", "extra_forbidden") and self._is_name(loc):
                problems = [] if head in named else self._wrong_names(_path(head), self._at(head))
                named.add(head)
            else:
                problems = self._wrong_values(loc, detail["input"])
            for problem in problems:
                found.setdefault(problem.field, problem)
        return InvalidInput(list(found.values()) or [Problem("body", _RECORD, brief(self.parsed))])

    def _is_name(self, loc: Location) -> bool:
        """Whether ``loc`` is that of a field's name, or of what stands in the place of one."""
        if self.form.by_position or len(loc) != self.form.depth + 1:
            return False
        return self.form.key is None or loc[0] == self.form.key

    def _wrong_values(self, loc: Location, value: Any) -> list[Problem]:
        if (end := self._end_of_id(loc)) is not None:
            return self._wrong_id(loc[:end], loc[end:], value)
        if self.form.key and loc and loc[0] != self.form.key:
            return [self._beside(str(loc[0]))]
        if len(loc) <= self.form.depth:
            return [self._wrong_structure(loc, value)]
        return [self._wrong_position(loc, value) if self.form.by_position else self._wrong_value(loc, value)]

    def _end_of_id(self, loc: Location) -> int | None:
        """How many steps lead to the prediction id that ``loc`` is about; None where it is about something else."""
        places = (0,) if self.form.by_position or self.form.name == "columns_form" else (0, self.form.depth)
        found = [place + 1 for place in places if loc[place : place + 1] == ("prediction_id",)]
        return found[0] if found and self.types.ids else None

    def _wrong_id(self, loc: Location, rest: Location, value: Any) -> list[Problem]:
        many = self.form.name in _MANY and len(loc) == 1 and not _indices(rest)
        if many and value and isinstance(value, list):
            return []  # what is wrong inside the list is told too, and says more than that it is no single id
        expected = f"{_ID}, or a list of them, one a row" if many else _ID
        return [Problem(_path(loc) + _indices(rest), expected, brief(value))]

    def _wrong_value(self, loc: Location, value: Any) -> Problem:
        """A value under the name of its field, or a column."""
        depth = self.form.depth
        item = self.types.signature.input(str(loc[depth]))
        path = _path((*loc[:depth], item.shown)) + _indices(loc[depth + 1 :])
        if self.form.name != "columns_form" or _indices(loc[depth + 1 :]):
            return Problem(path, item.expected, brief(value))
        if isinstance(value, list):
            return Problem(path, "at least 1 row", "none")
        return Problem(path, f"a list of values, each {item.expected}", brief(value))

    def _wrong_position(self, loc: Location, value: Any) -> Problem:
        """A value in a row without names, or the row itself where it is too short or too long."""
        head, index = loc[: self.form.depth], loc[self.form.depth]
        row = self._at(head)
        if len(row) != len(self.types.signature.inputs) or not isinstance(index, int):
            return self._wrong_structure(head, row)
        item = self.types.signature.inputs[index]
        return Problem(_path(head) + _indices(loc[len(head) :]), f"{item.expected} ({item.shown})", brief(value))

    def _wrong_structure(self, loc: Location, value: Any) -> Problem:
        """A row, or what holds the rows, is not what it must be."""
        path = _path(loc) or "body"
        if self.form.by_position and len(loc) == self.form.depth:
            return self._wrong_row(path, value)
        if value == [] and self.form.name != "columns_form":
            return Problem(path, "at least 1 row", "none")
        what = _CONTENT[str(self.form.key)] if len(loc) == 1 and self.form.key else _RECORD
        return Problem(path, what, brief(value))

    def _wrong_row(self, path: str, value: Any) -> Problem:
        names = self.types.signature.names
        what = f"{len(names)} values ({', '.join(names[:8])}{', …' if len(names) > 8 else ''})"
        if isinstance(value, list):
            return Problem(path, what, f"{len(value)}")
        return Problem(path, f"a list of {what}", brief(value))

    def _wrong_names(self, path: str, record: Mapping[str, Any]) -> list[Problem]:
        """What is missing, extra or misspelt in a record, or among columns."""
        own_id = self.types.ids and self.form.name != "columns_form"
        names = [name for name in record if not (own_id and name == "prediction_id")]
        problems = self.types.signature.name_problems(names)
        if self.form.name == "record" and len(names) == 1 and isinstance(record[names[0]], list | dict):
            meant = get_close_matches(problems[0].field, self.types.envelopes, n=1)
            problems = [replace(problems[0], expected=repr(meant[0]))] if meant else problems
        return [replace(p, field=f"{path}.{p.field}") for p in problems] if path else problems

    def _beside(self, key: str) -> Problem:
        """A key that may not stand beside the one that says the rows."""
        if key in self.types.envelopes:
            return Problem(key, "rows in one form, not in several", f"{key!r} beside {self.form.key!r}")
        if key in self.types.signature.names:
            said = f"a field beside {self.form.key!r}"
            return Problem(key, "values by position or by name, not both" if self.form.by_position else
                           f"every field in {self.form.key!r}", said)  # fmt: skip
        allowed = f"only {self.form.key!r}" + (" and 'prediction_id'" if self.types.ids else "")
        return Problem(key[:_LONG_NAME], allowed, "an unknown field")

    def _records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Everything that has the fields' names for keys, with the path to it."""
        said = self.parsed[self.form.key] if self.form.key else self.parsed
        if not self.form.by_position and isinstance(said, dict):
            yield self.form.key or "", said
        elif not self.form.by_position and isinstance(said, list):
            yield from ((f"{self.form.key or ''}[{row}]", r) for row, r in enumerate(said) if isinstance(r, dict))

    def _rows(self) -> int:
        """How many rows the body holds, as far as that can be said of a wrong one."""
        said = self.parsed[self.form.key] if self.form.key else self.parsed
        if self.form.name == "columns_form" and isinstance(said, dict):
            return max((len(values) for values in said.values() if isinstance(values, list)), default=0)
        return len(said) if isinstance(said, list) and self.form.name != "feature_vector" else 0

    def _at(self, loc: Location) -> Any:
        value = self.parsed
        for part in loc:
            value = value[part]
        return value


def _path(loc: Iterable[int | str]) -> str:
    """The way to a place as one writes it: ``records[3].plan``."""
    path = ""
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _indices(loc: Location) -> str:
    """The way on from a field. What is not a number there is pydantic's own name for a branch of a type."""
    return "".join(f"[{part}]" for part in loc if isinstance(part, int))
