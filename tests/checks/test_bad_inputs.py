"""Bad inputs made from a signature are bad indeed, of every sort, and are refused by the field's name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.batch import DTYPES, Batch
from daytwo.checks.bad_inputs import bad_inputs, refusal
from daytwo.errors import InvalidInput
from daytwo.signature import Field, Signature

GOOD: dict[str, Any] = {"b": True, "i": 1, "u": 1, "f": 1.0, "O": "a", "M": "2026-01-02T03:04:05"}


def one_row(signature: Signature) -> Batch:
    """A row that fits."""
    row = {}
    for field in signature.inputs:
        value = field.categories[0] if field.categories else GOOD[DTYPES[field.dtype].kind]
        row[field.name] = [np.full(field.shape, value).tolist() if field.shape else value]
    return signature.conform(row)


def tried(*fields: Field) -> dict[str, list[str]]:
    signature = Signature(tuple(fields), ())
    out: dict[str, list[str]] = {}
    for bad in bad_inputs(signature, one_row(signature)):
        assert refusal(signature.conform, bad) is None
        out.setdefault(bad.field, []).append(bad.what)
    return out


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (Field("x", "float64"), {"null", "a text for a number", "Infinity", "NaN"}),
        (Field("x", "float64", missing=True), {"a text for a number", "Infinity"}),
        (Field("x", "float32"), {"null", "a text for a number", "Infinity", "NaN", "a number beyond float32"}),
        (Field("x", "int8"), {"null", "a text for a number", "a fraction for an integer", "a number above int8",
                              "a number below int8"}),
        (Field("x", "bool"), {"null", "a text for a boolean", "a number for a boolean"}),
        (Field("x", "string"), {"null", "a number for a text"}),
        (Field("x", "datetime"), {"null", "a text that is no datetime"}),
        (Field("x", "string", categories=("a",), unseen="refuse"), {"null", "a number for a text", "an unseen category"}),
        (Field("x", "string", categories=("a",)), {"null", "a number for a text"}),
    ],
    ids=lambda value: f"{value.dtype}{'?' if value.missing else ''}" if isinstance(value, Field) else "",
)  # fmt: skip
def test_every_sort_of_wrong_value_is_tried(field: Field, expected: set[str]):
    assert set(tried(field)["x"]) == expected | {"a missing field"}


def test_names_are_spoilt_too():
    found = tried(Field("age", "int64"), Field("plan", "string"))
    assert found["a_field_unheard_of"] == ["an unknown field"]
    assert found["age_"] == ["a misspelt field"]
    assert found[""] == ["columns of different lengths"]


def test_the_twentieth_field_of_a_kind_is_not_tried():
    found = tried(*(Field(f"x{index}", "float64") for index in range(20)))
    assert {name for name in found if name.startswith("x") and "_" not in name} == {"x0", "x1", "x2", "x3"}


fields = st.builds(
    Field,
    name=st.sampled_from("abcdef"),
    dtype=st.sampled_from(sorted(DTYPES)),
    shape=st.sampled_from([(), (2,), (2, 3)]),
    missing=st.booleans(),
)


@given(st.lists(fields, min_size=1, max_size=4, unique_by=lambda field: field.name))
def test_whatever_the_signature_each_is_refused_by_name(inputs: list[Field]):
    inputs = [f for f in inputs if f.numeric or not f.shape]
    if inputs:
        tried(*inputs)


def accepts(raw: Any) -> None:
    """A conform that lets everything through."""


def confuses(raw: Any) -> None:
    raise InvalidInput.at("other", "something", "else")


def crashes(raw: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("conform", "words"),
    [(accepts, "was accepted"), (confuses, "without naming the field"), (crashes, "raised ZeroDivisionError")],
)
def test_what_is_not_refused_as_it_must_is_told(conform, words: str):
    signature = Signature((Field("x", "float64"),), ())
    bad = list(bad_inputs(signature, one_row(signature)))[-1]
    assert words in str(refusal(conform, bad))
