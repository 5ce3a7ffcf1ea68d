"""Pydantic types generated from a Signature: what the native dialect validates with and what OpenAPI shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic wants this one before Python 3.12
)

import numpy as np
from pydantic import AfterValidator, ConfigDict, GetJsonSchemaHandler, Strict, StrictBool, TypeAdapter, WithJsonSchema
from pydantic import Field as Info
from pydantic_core import CoreSchema, SchemaValidator
from typing_extensions import TypedDict

from daytwo.batch import DTYPES
from daytwo.signature import Field, Signature
from daytwo.signature.casts import SAFE_INTEGER, limits_of
from daytwo.tables import instant

#: A caller's own prediction id: safe in headers, logs and file names.
PREDICTION_ID = r"^[A-Za-z0-9._:\-]{1,128}$"
PredictionId = Annotated[str, Info(pattern=PREDICTION_ID)]

# What is built at run time is beyond a type checker: it sees these as Any.
_Annotated: Any = Annotated
_List: Any = list
_Tuple: Any = tuple
_Literal: Any = Literal
_TypedDict: Any = TypedDict

_MARKS = {".": "Dot", "_": "Underscore", "-": "Dash"}
_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True)
class FormType:
    """One way to say a request: the name of the dialect's method for it, its top key, and its type.

    depth: how many steps lead from the whole body to a value by the name (or position) of its field
    """

    name: str
    key: str | None
    depth: int
    adapter: TypeAdapter[Any]

    @property
    def by_position(self) -> bool:
        """Whether rows are lists of values."""
        return self.name in ("feature_vector", "feature_vectors")

    @property
    def validator(self) -> SchemaValidator:
        """The compiled core."""
        return self.adapter.validator  # type: ignore[return-value]  # never the lazy mock: built eagerly


@dataclass(frozen=True)
class _Shown:
    """What the documentation says of a type, wherever it stands (pydantic's own description gives way to a schema)."""

    title: str
    description: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "title": self.title, "description": self.description}


class RequestTypes:
    """Every form of a request for one signature.

    ids:   whether ``prediction_id`` may stand in a body (not where the model has an input of that name)
    title: letters and digits that begin the names of the types, so that those of several models stand side by side in
           one document; :func:`word` makes some of a model's name
    """

    def __init__(self, signature: Signature, max_rows: int, title: str = "") -> None:
        self.signature = signature
        self.max_rows = max_rows
        self.ids = "prediction_id" not in signature.names
        self._title = title
        scalars = [_value_type(item) for item in signature.inputs]
        row = _row_type(signature, scalars)
        record = self._typed("Record", dict(zip(signature.names, scalars, strict=True)), PredictionId)
        columns = {name: _many(kind, max_rows) for name, kind in zip(signature.names, scalars, strict=True)}
        ids: Any = PredictionId | _many(PredictionId, max_rows)
        forms = [
            self._form("feature_vector", "feature_vector", 1, row, PredictionId),
            self._form("feature_vectors", "feature_vectors", 2, _many(row, max_rows), ids),
            FormType("record", None, 0, TypeAdapter(record)),
            FormType("list", None, 1, TypeAdapter(_many(record, max_rows))),
            self._form("records", "records", 2, _many(record, max_rows), ids),
            self._form("columns_form", "columns", 1, self._typed("Columns", columns, None), ids),
        ]
        self.forms = {form.name: form for form in forms}
        #: An input that is called like an envelope ("records") makes the record form own that key.
        self.envelopes = {form.key: form for form in forms if form.key and form.key not in signature.names}

    def guess(self, body: bytes | bytearray) -> FormType:
        """The form that ``body`` most likely has; the validation decides."""
        if body[:64].lstrip()[:1] == b"[":
            return self.forms["list"]
        for key, form in self.envelopes.items():
            if b'"%b"' % key.encode() in body:
                return form
        return self.forms["record"]

    def by_keys(self, parsed: Any) -> FormType:
        """The form that a parsed body has by its top-level keys."""
        if isinstance(parsed, list):
            return self.forms["list"]
        keys = parsed if isinstance(parsed, dict) else ()
        return next((form for key, form in self.envelopes.items() if key in keys), self.forms["record"])

    def _form(self, name: str, key: str, depth: int, content: Any, ids: Any) -> FormType:
        return FormType(name, key, depth, TypeAdapter(self._typed(name.title().replace("_", ""), {key: content}, ids)))

    def _typed(self, name: str, content: dict[str, Any], ids: Any) -> Any:
        if ids is not None and self.ids:
            content = {**content, "prediction_id": NotRequired[ids]}
        typed = _TypedDict(self._title + name, content)
        typed.__pydantic_config__ = _STRICT
        return typed


def word(name: str) -> str:
    """A model's name or version as part of a longer name, in letters and digits; different ones stay different.

    >>> word("churn.eu"), word("churn_eu")
    ('ChurnDotEu', 'ChurnUnderscoreEu')
    """
    return "".join(_MARKS.get(part, part.capitalize()) for part in re.split(r"([._-])", name))


def _many(kind: Any, most: int, least: int = 1) -> Any:
    # fail_fast: a body of a million wrong values must not become a million errors.
    return _Annotated[_List[kind], Info(min_length=least, max_length=most, fail_fast=True)]


def _row_type(signature: Signature, scalars: list[Any]) -> Any:
    """One row by position: a list where one rule holds for all fields (fast), else a tuple."""
    order = Info(description="in this order: " + ", ".join(signature.names))
    rules = {(f.dtype, f.missing, f.categories if f.closed else None) for f in signature.inputs}
    if signature.matrix_dtype is not None and len(rules) == 1:
        one, width = _value_type(signature.inputs[0], described=False), len(scalars)
        return _Annotated[_List[one], Info(min_length=width, max_length=width), order]
    return _Annotated[_Tuple[tuple(scalars)], Strict(strict=False), order]  # a parsed list is a list, and no tuple


def _value_type(item: Field, *, described: bool = True) -> Any:
    """The type of one value of ``item``, with what a reader of the API wants to know about it."""
    kind = _known(item) if item.closed else _bare_type(item)
    if item.missing:
        kind = kind | None
    for size in reversed(item.shape):
        kind = _many(kind, size, size)
    return _Annotated[kind, _Shown(item.name, describe(item))] if described else kind


def _bare_type(item: Field) -> Any:
    if item.kind == "f":
        return _float_type(item)
    if item.kind in "iu":
        return _integer_type(item)
    if item.kind == "M":
        moment = WithJsonSchema({"type": "string", "format": "date-time"})
        return _Annotated[str, Info(strict=True), AfterValidator(instant), moment]
    return {"b": StrictBool, "O": _Annotated[str, Info(strict=True)]}[item.kind]


def _float_type(item: Field) -> Any:
    if item.dtype == "float64":
        return _Annotated[float, Info(allow_inf_nan=False, strict=True)]
    limit = float(np.finfo(DTYPES[item.dtype]).max)
    return _Annotated[float, Info(allow_inf_nan=False, strict=True, ge=-limit, le=limit)]


def _integer_type(item: Field) -> Any:
    low, high = limits_of(item.dtype, nullable=item.missing)
    integer = _Annotated[int, Info(strict=True, ge=low, le=high)]
    # Many clients turn 34 into 34.0 on the way (a row of a DataFrame, say); whole numbers are integers.
    limits = Info(strict=True, ge=max(low, -SAFE_INTEGER), le=min(high, SAFE_INTEGER))
    whole = _Annotated[float, limits, AfterValidator(_whole)]
    return _Annotated[integer | whole, WithJsonSchema({"type": "integer", "minimum": low, "maximum": high})]


def _known(item: Field) -> Any:
    """Only the categories of ``item``."""
    if item.kind == "O":
        return _Literal[item.categories]
    # Literal compares as Python does, for which True is 1: the type is checked first.
    is_known = AfterValidator(partial(_among, frozenset(item.categories or ())))
    return _Annotated[_bare_type(item), is_known, WithJsonSchema({"enum": list(item.categories or ())})]


def _whole(value: float) -> int:
    if not value.is_integer():  # pydantic's multiple_of lets through what is within a billionth
        raise ValueError("not a whole number")
    return int(value)


def _among(known: frozenset[Any], value: Any) -> Any:
    if value not in known:
        raise ValueError("not a known category")
    return value


def describe(item: Field) -> str:
    """A field in one line, for people: what it must be and what it was when the model was packed."""
    words = item.expected
    if item.categories and not item.closed:
        words += "; seen when packed: " + ", ".join(str(c) for c in item.categories[:20])
    elif item.minimum is not None and item.maximum is not None and item.kind in "iuf":
        words += f"; seen when packed: {item.minimum:g} to {item.maximum:g}"
    return words
