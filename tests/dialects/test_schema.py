from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import TypeAdapter

from daytwo.dialects._schema import RequestTypes, describe, word
from daytwo.signature import Field, Signature
from drawn import OUTPUTS, matrices, signatures

PEOPLE = Signature(
    (
        Field("age", "int8", minimum=18, maximum=92),
        Field("plan", "string", categories=("basic", "pro"), unseen="refuse", missing=True),
        Field("since", "datetime"),
    ),
    OUTPUTS,
)


def types(*fields: Field, title: str = "") -> RequestTypes:
    return RequestTypes(Signature(fields, OUTPUTS), 100, title)


def schema_of(field: Field) -> dict[str, Any]:
    """What the documentation shows of one field."""
    schema: dict[str, Any] = types(field).forms["record"].adapter.json_schema()["properties"][field.name]
    return {key: value for key, value in schema.items() if key not in ("title", "description")}


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (Field("x", "float64"), {"type": "number"}),
        (Field("x", "float16"), {"type": "number", "minimum": -65504.0, "maximum": 65504.0}),
        (Field("x", "int8"), {"type": "integer", "minimum": -128, "maximum": 127}),
        (Field("x", "uint64"), {"type": "integer", "minimum": 0, "maximum": 2**64 - 1}),
        (Field("x", "int64", missing=True), {"anyOf": [{"type": "integer", "minimum": 1 - 2**53, "maximum": 2**53 - 1}, {"type": "null"}]}),
        (Field("x", "bool"), {"type": "boolean"}),
        (Field("x", "string", categories=("a", "b")), {"type": "string"}),
        (Field("x", "string", categories=("a", "b"), unseen="refuse"), {"type": "string", "enum": ["a", "b"]}),
        (Field("x", "int64", categories=(1, 5), unseen="refuse"), {"enum": [1, 5]}),
        (Field("x", "bool", categories=(True,), unseen="refuse"), {"enum": [True]}),
        (Field("x", "datetime"), {"type": "string", "format": "date-time"}),
        (Field("x", "bool", (2,)), {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2}),
    ],
    ids=lambda value: f"{value.dtype}{'?' if value.missing else ''}" if isinstance(value, Field) else "",
)  # fmt: skip
def test_what_is_shown_of_a_field(field: Field, shown: dict[str, Any]):
    assert schema_of(field) == shown


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field("x", "float64"), "a finite number"),
        (Field("x", "float64", minimum=0.5, maximum=1e9), "a finite number; seen when packed: 0.5 to 1e+09"),
        (Field("x", "int8", minimum=18, maximum=92, missing=True), "an integer from -128 to 127 or null; seen when packed: 18 to 92"),
        (Field("x", "bool", minimum=0, maximum=1), "true or false"),
        (Field("x", "datetime", minimum=0, maximum=1), "an ISO 8601 datetime"),
        (Field("x", "string", categories=("a", "b")), "a string; seen when packed: a, b"),
        (Field("x", "string", categories=("a", "b"), unseen="refuse"), "one of 'a', 'b'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_field_in_one_line(field: Field, words: str):
    assert describe(field) == words


def test_the_order_of_a_vector_is_shown():
    row = types(*PEOPLE.inputs).forms["feature_vector"].adapter.json_schema()["properties"]["feature_vector"]
    assert row["description"] == "in this order: age, plan, since"
    assert [item["description"] for item in row["prefixItems"]] == [describe(item) for item in PEOPLE.inputs]
    assert (row["minItems"], row["maxItems"]) == (3, 3)


@pytest.mark.parametrize("form", ["list", "records", "feature_vectors", "columns_form"])
def test_the_most_rows_are_shown(form: str):
    assert '"maxItems": 100' in json.dumps(RequestTypes(PEOPLE, 100).forms[form].adapter.json_schema())


def test_nothing_else_may_stand_there():
    for form in RequestTypes(PEOPLE, 100).forms.values():
        assert '"additionalProperties": false' in json.dumps(form.adapter.json_schema())


def test_the_types_of_several_models_do_not_collide():
    defined: list[str] = []
    for name in ("churn", "churn.eu", "churn_eu", "churn-eu", "eu"):
        adapters: Any = [
            (f.name, "validation", f.adapter) for f in RequestTypes(PEOPLE, 100, word(name)).forms.values()
        ]
        _, shared = TypeAdapter.json_schemas(adapters)
        defined += shared["$defs"]
    assert len(set(defined)) == len(defined)
    assert {"ChurnRecord", "ChurnDotEuRecord"} <= set(defined)


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b'{"feature_vector": []}', "feature_vector"),
        (b'{"feature_vectors": []}', "feature_vectors"),
        (b'{"records": []}', "records"),
        (b'{"columns": []}', "columns_form"),
        (b'{"age": 34}', "record"),
        (b"{}", "record"),
        (b" \n[{}]", "list"),
        (b"[]", "list"),
        (b"null", "record"),
        (b"7", "record"),
    ],
)
def test_which_form_a_body_has(body: bytes, form: str):
    made = RequestTypes(PEOPLE, 100)
    assert made.guess(body).name == made.by_keys(json.loads(body)).name == form


def test_where_the_names_of_fields_and_forms_meet_the_fields_win():
    made = types(Field("records", "int8"), Field("columns", "int8"), Field("prediction_id", "int8"))
    assert set(made.envelopes) == {"feature_vector", "feature_vectors"}
    assert made.guess(b'{"records": 1, "columns": 2}').name == "record"
    assert not made.ids


@given(signatures() | matrices())
def test_every_signature_has_its_types_and_they_can_be_shown(signature: Signature):
    for form in RequestTypes(signature, 10).forms.values():
        shown = form.adapter.json_schema()
        assert shown["title" if "title" in shown else "type"]
        assert json.dumps(shown)


def test_fields_of_one_rule_are_a_list_and_others_a_tuple():
    alike = types(Field("a", "float64"), Field("b", "float64"))
    assert "prefixItems" not in json.dumps(alike.forms["feature_vector"].adapter.json_schema())
    for other in (
        Field("b", "float64", missing=True),
        Field("b", "int8", missing=True),
        Field("b", "float64", categories=(1.5,), unseen="refuse"),
    ):
        made = types(Field("a", "float64"), other)
        assert "prefixItems" in json.dumps(made.forms["feature_vector"].adapter.json_schema())
