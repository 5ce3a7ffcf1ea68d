"""Pydantic types generated from a Signature: what the native dialect validates with and what OpenAPI shows."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic wants this one before Python 3.12
)

import numpy as np
from pydantic import ConfigDict, FailFast, StrictBool, TypeAdapter
from pydantic import Field as Info
from pydantic_core import SchemaValidator
from typing_extensions import TypedDict

from daytwo.batch import DTYPES
from daytwo.signature import Field, Signature

#: A caller's own prediction id: safe in headers, logs and file names.
PREDICTION_ID = r"^[A-Za-z0-9._:\-]{1,128}$"
PredictionId = Annotated[str, Info(pattern=PREDICTION_ID)]

# What is built at run time is beyond a type checker: it sees these as Any.
_Annotated: Any = Annotated
_List: Any = list
_Tuple: Any = tuple
_Literal: Any = Literal
_TypedDict: Any = TypedDict

_STRICT = ConfigDict(extra="forbid", strict=True)
_ENVELOPES = ("feature_vector", "feature_vectors", "records", "columns")


@dataclass(frozen=True)
class FormType:
    """One way to say a request: the name of the dialect's method for it, its top key, and its type."""

    name: str
    key: str | None
    adapter: TypeAdapter[Any]

    @property
    def validator(self) -> SchemaValidator:
        """The compiled core."""
        return self.adapter.validator  # type: ignore[return-value]  # never the lazy mock: built eagerly


class RequestTypes:
    """Every form of a request for one signature.

    owner: whose requests they are; goes before the types' names, which must be unique in an OpenAPI document
    ids:   whether ``prediction_id`` may stand in a body (not where the model has an input of that name)
    """

    def __init__(self, signature: Signature, max_rows: int, owner: str = "") -> None:
        self.signature = signature
        self._owner = "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", owner))
        self.max_rows = max_rows
        self.ids = "prediction_id" not in signature.names
        scalars = [_value_type(item) for item in signature.inputs]
        one = _row_type(signature, scalars)
        record = self._typed("Record", dict(zip(signature.names, scalars, strict=True)), PredictionId)
        column = {n: _many(t, max_rows) for n, t in zip(signature.names, scalars, strict=True)}
        many_ids: Any = PredictionId | list[PredictionId]
        self.vector = self._form("feature_vector", "feature_vector", {"feature_vector": one}, PredictionId)
        forms = [
            self.vector,
            self._form("feature_vectors", "feature_vectors", {"feature_vectors": _many(one, max_rows)}, many_ids),
            FormType("record", None, TypeAdapter(record)),
            FormType("list", None, TypeAdapter(_many(record, max_rows))),
            self._form("records", "records", {"records": _many(record, max_rows)}, many_ids),
            self._form("columns_form", "columns", {"columns": self._typed("Columns", column, None)}, many_ids),
        ]
        self.forms = {form.name: form for form in forms}
        # An input that is called like an envelope ("records") makes the record form own that key.
        self._by_key = {f.key: f for f in forms if f.key and f.key not in signature.names}

    def guess(self, body: bytes) -> FormType:
        """The form that ``body`` most likely has; the validation decides."""
        if body[:64].lstrip()[:1] == b"[":
            return self.forms["list"]
        for key, form in self._by_key.items():
            if b'"%b"' % key.encode() in body:
                return form
        return self.forms["record"]

    def by_keys(self, parsed: Any) -> FormType:
        """The form that a parsed body has by its top-level keys."""
        if isinstance(parsed, list):
            return self.forms["list"]
        keys = parsed if isinstance(parsed, dict) else ()
        return next((form for key, form in self._by_key.items() if key in keys), self.forms["record"])

    def _form(self, name: str, key: str, content: dict[str, Any], ids: Any) -> FormType:
        return FormType(name, key, TypeAdapter(self._typed(name.title().replace("_", ""), content, ids)))

    def _typed(self, name: str, content: dict[str, Any], ids: Any) -> Any:
        if ids is not None and self.ids:
            content = {**content, "prediction_id": NotRequired[ids]}
        typed = _TypedDict(self._owner + name, content)
        typed.__pydantic_config__ = _STRICT
        return typed


def _many(kind: Any, max_rows: int) -> Any:
    # FailFast: a body of a million wrong values must not become a million errors.
    return _Annotated[_List[kind], Info(min_length=1, max_length=max_rows), FailFast()]


def _row_type(signature: Signature, scalars: list[Any]) -> Any:
    """One row by position: a list where all fields are alike (fast), else a tuple."""
    if signature.matrix_dtype is not None:
        first = _value_type(signature.inputs[0], described=False)
        if all(item.missing == signature.inputs[0].missing for item in signature.inputs):
            return _Annotated[_List[first], Info(min_length=len(scalars), max_length=len(scalars))]
    return _Tuple[tuple(scalars)]


def _value_type(item: Field, *, described: bool = True) -> Any:
    """The type of one value of ``item``, with what a reader of the API wants to know about it."""
    kind = _bare_type(item)
    for size in reversed(item.shape):
        kind = _Annotated[_List[kind], Info(min_length=size, max_length=size)]
    if item.missing:
        kind = kind | None
    return _Annotated[kind, Info(description=describe(item))] if described else kind


def _bare_type(item: Field) -> Any:
    dtype = DTYPES[item.dtype]
    if item.categories and item.unseen == "refuse":
        return _Literal[item.categories]
    if dtype.kind == "f":
        if item.dtype == "float64":
            return _Annotated[float, Info(allow_inf_nan=False, strict=True)]
        limit = float(np.finfo(dtype).max)
        return _Annotated[float, Info(allow_inf_nan=False, strict=True, ge=-limit, le=limit)]
    if dtype.kind in "iu":
        low, high = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
        integer = _Annotated[int, Info(strict=True, ge=low, le=high)]
        # Many clients turn 34 into 34.0 on the way (a row of a DataFrame, say); whole numbers are integers.
        whole = _Annotated[float, Info(strict=True, multiple_of=1, ge=max(low, -(2**53)), le=min(high, 2**53))]
        return integer | whole
    return {"b": StrictBool, "O": _Annotated[str, Info(strict=True)], "M": dt.datetime | dt.date}[dtype.kind]


def describe(item: Field) -> str:
    """A field in one line, for people: what it must be and what it was when the model was packed."""
    words = item.expected
    if item.categories and item.unseen == "allow":
        words += "; seen when packed: " + ", ".join(str(c) for c in item.categories[:20])
    elif item.minimum is not None and item.maximum is not None and item.numeric and item.dtype != "bool":
        words += f"; seen when packed: {item.minimum:g} to {item.maximum:g}"
    return words
