from __future__ import annotations

import gc
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from daytwo.batch import Batch
from daytwo.dialects import Answer, Form, Request
from daytwo.dialects._explain import Explainer
from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput, MalformedBody, TooManyRows
from daytwo.signature import Field, Signature
from drawn import OUTPUTS, assert_same, columns_of, documents, matrices, said, said_in, signatures, wrong

IRIS = Signature(
    tuple(Field(name, "float64") for name in ("sepal length", "sepal width", "petal length", "petal width")),
    (Field("class", "int64", categories=(0, 1, 2)), Field("probabilities", "float64", (3,), categories=(0, 1, 2))),
)
PEOPLE = Signature(
    inputs=(
        Field("age", "int8"),
        Field("plan", "string", categories=("basic", "pro"), unseen="refuse", missing=True),
        Field("income", "float64", missing=True),
        Field("since", "datetime"),
    ),
    outputs=(Field("class", "string", categories=("left", "stayed")),),
    container="pandas",
)
PERSON = {"age": 34, "plan": "pro", "income": 1.5, "since": "2026-01-02T03:04:05+01:00"}
#: More than a body that is validated as it is read may have.
PADDING = b" " * 70_000
ID = "018f3d2e-0000-7000-8000-000000000000"


def dialect(signature: Signature, **options: Any) -> NativeDialect:
    return NativeDialect(signature, model="churn", version="3", **options)


iris, people = dialect(IRIS), dialect(PEOPLE)


def decode(native: NativeDialect, document: Any) -> Request:
    return native.decode(document if isinstance(document, bytes) else said_in(document))


def one(*fields: Field) -> NativeDialect:
    return dialect(Signature(fields, OUTPUTS))


# -- in: what fits -------------------------------------------------------------------------------------------------


def test_the_first_request_that_anybody_makes():
    request = decode(iris, {"feature_vector": [5.1, 3.5, 1.4, 0.2]})
    assert request.batch.matrix is not None
    assert request.batch.matrix.tolist() == [[5.1, 3.5, 1.4, 0.2]]
    assert (request.batch.names, request.form, request.prediction_ids) == (IRIS.names, "row", None)


@pytest.mark.parametrize(
    ("document", "form"),
    [
        ({"feature_vector": list(PERSON.values())}, "row"),
        ({"feature_vectors": [list(PERSON.values())]}, "rows"),
        (PERSON, "row"),
        ([PERSON], "rows"),
        ({"records": [PERSON]}, "rows"),
        ({"columns": {name: [value] for name, value in PERSON.items()}}, "columns"),
    ],
)
def test_every_form_says_the_same(document: Any, form: Form):
    request = decode(people, document)
    assert request.form == form
    assert request.prediction_ids is None
    assert {name: column.tolist() for name, column in request.batch.items()} == {
        "age": [34],
        "plan": ["pro"],
        "income": [1.5],
        "since": [np.datetime64("2026-01-02T02:04:05", "us").item()],
    }


@given(said(), st.booleans(), st.booleans())
def test_every_form_is_what_conform_makes_of_it(case: tuple[Signature, list[list[Any]]], ascii_only: bool, long: bool):
    signature, rows = case
    native = dialect(signature)
    expected = signature.conform(columns_of(signature, rows))
    for document in documents(signature, rows).values():
        body = json.dumps(document, ensure_ascii=ascii_only).encode() + (PADDING if long else b"")
        assert_same(native.decode(body).batch, expected)


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        (Field("x", "float64"), 1, 1.0),
        (Field("x", "float64"), 2**64, 2.0**64),
        (Field("x", "float64"), 10**300, 1e300),
        (Field("x", "float64", missing=True), None, None),
        (Field("x", "float32"), 3.4028234663852886e38, 3.4028234663852886e38),
        (Field("x", "float16"), 65504, 65504.0),
        (Field("x", "int64"), 2**63 - 1, 2**63 - 1),
        (Field("x", "int64"), -(2**63), -(2**63)),
        (Field("x", "int64"), 34.0, 34),
        (Field("x", "int64"), -(2.0**53 - 1), -(2**53 - 1)),
        (Field("x", "uint64"), 2**64 - 1, 2**64 - 1),
        (Field("x", "int64", missing=True), 2**53 - 1, 2**53 - 1),
        (Field("x", "int64", missing=True), None, None),
        (Field("x", "bool"), True, True),
        (Field("x", "bool", missing=True), False, False),
        (Field("x", "bool", missing=True), None, None),
        (Field("x", "string"), "", ""),
        (Field("x", "string"), "\x00 名前 🌷", "\x00 名前 🌷"),
        (Field("x", "string", categories=("a",)), "b", "b"),
        (Field("x", "string", categories=("a",), unseen="refuse", missing=True), None, None),
        (Field("x", "int64", categories=(1, 5), unseen="refuse"), 5.0, 5),
        (Field("x", "float64", categories=(0.5, 1.0), unseen="refuse"), 1, 1.0),
        (Field("x", "bool", categories=(True,), unseen="refuse"), True, True),
        (Field("x", "datetime"), "2026-01-02", "2026-01-02T00:00:00.000000Z"),
        (Field("x", "datetime"), "2026-01-02 03:04", "2026-01-02T03:04:00.000000Z"),
        (Field("x", "datetime"), "2026-01-02T03:04:05.123456789-05:30", "2026-01-02T08:34:05.123456Z"),
        (Field("x", "datetime", missing=True), None, None),
        (Field("x", "float32", (2, 2)), [[1, 2], [3, 4.5]], [[1.0, 2.0], [3.0, 4.5]]),
        (Field("x", "float64", (2,), missing=True), [1, None], [1.0, None]),
        (Field("x", "string", (2,)), ["a", "b"], ["a", "b"]),
        (Field("x", "datetime", (1,)), ["2026-01-02"], ["2026-01-02T00:00:00.000000Z"]),
    ],
    ids=lambda value: f"{value.dtype}{'?' if value.missing else ''}" if isinstance(value, Field) else None,
)
def test_values_at_the_edge_of_what_fits(field: Field, value: Any, stored: Any):
    for padding in (b"", PADDING):
        column = one(field).decode(said_in({"x": value}) + padding).batch["x"]
        assert column.dtype == field.storage
        assert field.plain(column) == [stored]


def test_in_a_matrix_each_position_has_its_own_rule():
    mixed = one(Field("n", "int64", missing=True), Field("f", "float64", missing=True), Field("g", "float64"))
    request = decode(mixed, {"feature_vectors": [[1, 1.5, 2.5], [None, None, 3]]})
    assert request.batch.matrix is not None
    np.testing.assert_array_equal(request.batch.matrix, [[1, 1.5, 2.5], [np.nan, np.nan, 3]])
    for row, place in (([1.5, 1.5, 2.5], 0), ([1, "x", 2.5], 1), ([1, 1.5, None], 2)):
        for document, path in (
            ({"feature_vector": row}, "feature_vector"),
            ({"feature_vectors": [row]}, "feature_vectors[0]"),
        ):
            assert told(mixed, document)[0][0] == f"{path}[{place}]"


@pytest.mark.parametrize(
    "value", ["feature_vector", "feature_vectors", "records", "columns", 'a "records" b', "[", "{"]
)
def test_a_value_that_looks_like_a_form_is_a_value(value: str):
    assert decode(one(Field("plan", "string"), Field("n", "int64")), {"plan": value, "n": 1}).batch[
        "plan"
    ].tolist() == [value]


def test_a_key_may_be_escaped():
    assert decode(iris, rb'{"feature\u005fvector": [1, 2, 3, 4]}').form == "row"
    assert decode(people, said_in(PERSON).replace(b"plan", rb"pl\u0061n")).batch["plan"].tolist() == ["pro"]


@pytest.mark.parametrize("body", [b" \n\t[%b]", b"[%b]\n", b"\r\n [ %b ]"])
def test_white_space_does_not_matter(body: bytes):
    assert people.decode(body % said_in(PERSON)).form == "rows"


@pytest.mark.parametrize("name", ["feature_vector", "feature_vectors", "records", "columns"])
def test_a_field_that_is_called_like_a_form_owns_the_name(name: str):
    scalar = one(Field(name, "float64"))
    assert (decode(scalar, {name: 1}).form, decode(scalar, [{name: 1}]).form) == ("row", "rows")
    tensor = one(Field(name, "float64", (1,)))
    assert (decode(tensor, {name: [1]}).form, decode(tensor, [{name: [1]}]).form) == ("row", "rows")
    assert told(scalar, {name: [1]}) == [(name, "a finite number", "[1]")]


def test_a_wide_record():
    names = [f"x{n}" for n in range(1000)]
    wide = one(*(Field(name, "float64") for name in names))
    record = dict.fromkeys(names, 1.5)
    assert decode(wide, record).batch.matrix is not None
    del record["x7"]
    assert told(wide, record) == [("x7", "a finite number", "nothing: the field is missing")]


# -- in: ids -------------------------------------------------------------------------------------------------------

ROW = [1, 2, 3, 4]
RECORD = dict(zip(IRIS.names, ROW, strict=True))


@pytest.mark.parametrize(
    ("document", "ids"),
    [
        ({"feature_vector": ROW, "prediction_id": "a"}, ["a"]),
        ({"feature_vectors": [ROW], "prediction_id": "a"}, ["a"]),
        ({"feature_vectors": [ROW, ROW], "prediction_id": "a"}, ["a-0", "a-1"]),
        ({"feature_vectors": [ROW, ROW], "prediction_id": ["b", "a"]}, ["b", "a"]),
        ({**RECORD, "prediction_id": "a"}, ["a"]),
        ([{**RECORD, "prediction_id": "a"}, RECORD], ["a", None]),
        ([RECORD, RECORD], None),
        ({"records": [{**RECORD, "prediction_id": "a"}, RECORD]}, ["a", None]),
        ({"records": [RECORD, RECORD], "prediction_id": "a"}, ["a-0", "a-1"]),
        ({"columns": {name: [1, 2] for name in IRIS.names}, "prediction_id": ["a", "b"]}, ["a", "b"]),
        ({"feature_vector": ROW, "prediction_id": "x" * 128}, ["x" * 128]),
        ({"feature_vector": ROW, "prediction_id": "A-z_0.9:"}, ["A-z_0.9:"]),
    ],
)
def test_the_callers_own_ids_are_kept(document: Any, ids: list[str | None] | None):
    for padding in (b"", PADDING):
        given_ids = iris.decode(said_in(document) + padding).prediction_ids
        assert (given_ids if given_ids is None else list(given_ids)) == ids


@pytest.mark.parametrize("bad", ["", "two words", "x" * 129, 'x","class":1', "a\n", "naïve", 7, None, True, {}])
def test_an_id_that_could_do_harm_is_refused(bad: Any):
    documents_ = [
        ({"feature_vector": ROW, "prediction_id": bad}, "prediction_id"),
        ({"feature_vectors": [ROW], "prediction_id": bad}, "prediction_id"),
        ({"feature_vectors": [ROW, ROW], "prediction_id": ["a", bad]}, "prediction_id[1]"),
        ({**RECORD, "prediction_id": bad}, "prediction_id"),
        ([RECORD, {**RECORD, "prediction_id": bad}], "[1].prediction_id"),
        ({"records": [{**RECORD, "prediction_id": bad}]}, "records[0].prediction_id"),
    ]
    for document, place in documents_:
        [(field, expected, _)] = told(iris, document)
        assert (field, expected.split(",")[0]) == (place, "1 to 128 letters")


def test_as_many_ids_as_rows():
    document = {"feature_vectors": [ROW, ROW], "prediction_id": ["a"]}
    assert told(iris, document) == [("prediction_id", "one id, or 2 of them, one a row", "1 ids")]


def test_a_field_that_is_called_prediction_id_is_a_field():
    native = one(Field("prediction_id", "string"), Field("n", "int64"))
    for document in documents(native.signature, [["two words", 1]]).values():
        request = decode(native, document)
        assert request.batch["prediction_id"].tolist() == ["two words"]
        assert request.prediction_ids is None


# -- in: what does not fit -----------------------------------------------------------------------------------------


def told(native: NativeDialect, document: Any) -> list[tuple[str, str, str]]:
    """The problems with a document; the same ones where it is long."""
    body = document if isinstance(document, bytes) else said_in(document)
    with pytest.raises(InvalidInput) as caught:
        native.decode(body)
    with pytest.raises(type(caught.value)) as again:
        native.decode(body + PADDING)
    assert again.value.problems == caught.value.problems
    return [(p.field, p.expected, p.got) for p in caught.value.problems]


@given(said(), st.data())
def test_one_wrong_value_is_refused_at_its_place(case: tuple[Signature, list[list[Any]]], data: st.DataObject):
    signature, rows = case
    index = data.draw(st.integers(0, len(signature.inputs) - 1))
    row = data.draw(st.integers(0, len(rows) - 1))
    item = signature.inputs[index]
    rows[row][index] = data.draw(wrong(item))
    places = {
        "feature_vector": f"feature_vector[{index}]",
        "feature_vectors": f"feature_vectors[{row}][{index}]",
        "record": item.shown,
        "list": f"[{row}].{item.shown}",
        "records": f"records[{row}].{item.shown}",
        "columns": f"columns.{item.shown}[{row}]",
    }
    native = dialect(signature)
    for form, document in documents(signature, rows).items():
        [(field, expected, got), *_] = told(native, document)
        assert field.startswith(places[form])
        assert expected.startswith(item.expected)
        assert got


@given(said(), st.data())
def test_a_field_too_few_too_many_or_misspelt_is_named(case: tuple[Signature, list[list[Any]]], data: st.DataObject):
    signature, rows = case
    native = dialect(signature)
    name = data.draw(st.sampled_from(signature.names))
    other = data.draw(st.text(max_size=6).filter(lambda text: text not in (*signature.names, *native.types.envelopes,
                                                                           "prediction_id")))  # fmt: skip
    shown = signature.input(name).shown
    for form, said_so in documents(signature, rows).items():
        document = json.loads(said_in(said_so))  # a copy of its own
        held, path = {
            "record": lambda d: (d, ""),
            "list": lambda d: (d[0], "[0]."),
            "records": lambda d: (d["records"][0], "records[0]."),
            "columns": lambda d: (d["columns"], "columns."),
        }.get(form, lambda d: (None, ""))(document)
        if held is None:
            continue
        held[other] = held.pop(name)
        found = {field: (expected, got) for field, expected, got in told(native, document)}
        assert found[path + (other or '""')][1] == "an unknown field"
        assert found[path + shown] == (signature.input(name).expected, "nothing: the field is missing")


@given(said(), st.data())
def test_a_row_too_short_or_too_long_is_named(case: tuple[Signature, list[list[Any]]], data: st.DataObject):
    signature, rows = case
    row = data.draw(st.integers(0, len(rows) - 1))
    rows[row] = data.draw(st.sampled_from([[], rows[row][:-1], rows[row] * 2, rows[row] + [None]]))
    native = dialect(signature)
    if "feature_vectors" in native.types.envelopes:
        [(field, expected, got)] = told(native, {"feature_vectors": rows})
        assert (field, got) == (f"feature_vectors[{row}]", str(len(rows[row])))
        assert expected.startswith(f"{len(signature.names)} values (")


@pytest.mark.parametrize(
    "tokens", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999"], ids=lambda tokens: tokens.decode()
)
@pytest.mark.parametrize("missing", [False, True])
def test_what_is_no_number_in_json_is_none_here(tokens: bytes, missing: bool):
    for dtype in ("float64", "float32", "int64", "uint8"):
        assert told(one(Field("x", dtype, missing=missing)), b'{"x": %b}' % tokens)[0][0] == "x"


MALFORMED = [
    (b"", "nothing"),
    (b" \n", "nothing"),
    (b"{", "EOF while parsing an object"),
    (b'{"feature_vector": [5.1, 3.5', "EOF while parsing a list"),
    (b"feature_vector=5.1", "expected ident"),
    (b'{"feature_vector": [1,2,3,4]} {}', "trailing characters"),
    (b'{"feature_vector": ["\xff\xfe"]}', "invalid unicode code point"),
    (b'\xef\xbb\xbf{"x": 1}', "expected value"),
    (b'{"x": "\\ud800"}', "unexpected end of hex escape"),
    (b"[" * 60_000, "recursion limit exceeded"),
    (b"[" * 600_000, "recursion limit exceeded"),
    (b"{'x': 1}", "key must be a string"),
    (b'{"x": 0x10}', "expected `,` or `}`"),
    (b'{"x": 1' + b"0" * 10_000 + b"}", "number out of range"),
]


@pytest.mark.parametrize(("body", "got"), MALFORMED, ids=[str(body[:12]) for body, _ in MALFORMED])
def test_what_is_no_json(body: bytes, got: str):
    with pytest.raises(MalformedBody) as caught:
        people.decode(body)
    [problem] = caught.value.problems
    assert (problem.field, problem.expected) == ("body", "JSON")
    assert problem.got.partition(" at line ")[0] == got


@given(signatures() | matrices(), st.data())
def test_whatever_bytes_come_they_are_a_request_or_a_refusal(signature: Signature, data: st.DataObject):
    native = dialect(signature, max_rows=3)
    keys = st.sampled_from([*signature.names, *native.types.envelopes, "prediction_id"]) | st.text(max_size=3)
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    documents_ = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
    )
    body = data.draw(st.binary(max_size=40) | documents_.map(said_in))
    cut = data.draw(st.integers(0, len(body)))
    for sent in (body, body[:cut], body[:cut] + b"\x00" + body[cut:], body + PADDING):
        try:
            request = native.decode(sent)
        except InvalidInput:
            continue
        assert_same(signature.conform(request.batch), request.batch)


@given(st.binary(max_size=200))
def test_noise_is_refused(body: bytes):
    with pytest.raises(InvalidInput):
        iris.decode(body)


# -- in: limits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"feature_vectors": [ROW] * 4},
        [RECORD] * 4,
        {"records": [RECORD] * 4},
        {"columns": {name: [1] * 4 for name in IRIS.names}},
        {"feature_vectors": ["nonsense"] * 4},
    ],
    ids=["feature_vectors", "list", "records", "columns", "nonsense"],
)
def test_more_rows_than_are_allowed(document: Any):
    three = dialect(IRIS, max_rows=3)
    for padding in (b"", PADDING):
        with pytest.raises(TooManyRows, match=r"^body: expected at most 3 rows in one request, got 4 rows$"):
            three.decode(said_in(document) + padding)


def test_as_many_rows_as_are_allowed():
    assert decode(dialect(IRIS, max_rows=3), {"feature_vectors": [ROW] * 3}).batch.rows == 3


MANY = 200_000
WRONG: dict[str, Any] = {
    "values": {"feature_vector": ["x"] * MANY},
    "rows": {"feature_vectors": [["x"] * 4] * (MANY // 4)},
    "empty rows": {"feature_vectors": [[]] * MANY},
    "records": [dict.fromkeys(IRIS.names, "x")] * (MANY // 4),
    "no records": [[]] * MANY,
    "columns": {"columns": dict.fromkeys(IRIS.names, ["x"] * (MANY // 4))},
    "keys": {f"k{n}": 1 for n in range(MANY)},
    "keys of a record": [{f"k{n}": 1 for n in range(MANY)}],
    "keys of columns": {"columns": {f"k{n}": [1] for n in range(MANY)}},
    "keys beside": {"feature_vector": ROW, **{f"k{n}": 1 for n in range(MANY)}},
    "ids": {"feature_vectors": [ROW] * 2, "prediction_id": ["x y"] * MANY},
    "a tensor": {"feature_vector": [[["x"] * 400] * 400] * 4},
}


@pytest.mark.parametrize("document", WRONG.values(), ids=WRONG.keys())
def test_a_heap_of_wrong_values_makes_few_errors_and_little_garbage(document: Any, monkeypatch: pytest.MonkeyPatch):
    errors: list[int] = []
    explain = Explainer.explain

    def counted(self: Explainer, error: ValidationError) -> InvalidInput:
        errors.append(error.error_count())
        return explain(self, error)

    monkeypatch.setattr(Explainer, "explain", counted)
    body = said_in(document)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput) as caught:
            iris.decode(body)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(caught.value.problems) <= 20
    assert len(str(caught.value)) < 400
    assert sum(errors) <= 20
    assert peak < 30 * len(body)


def test_a_tensor_of_wrong_values_makes_one_error():
    native = one(Field("image", "float32", (100, 100)))
    [(field, _, got)] = told(native, {"image": [["x"] * 100] * 100})
    assert (field, got) == ("image[0][0]", "'x'")


def test_the_collector_of_garbage_goes_on():
    assert gc.isenabled()
    decode(iris, said_in([RECORD]) + PADDING)
    with pytest.raises(MalformedBody):
        decode(iris, b"{" + PADDING)
    assert gc.isenabled()
    gc.disable()
    try:
        decode(iris, said_in([RECORD]) + PADDING)
        assert not gc.isenabled()
    finally:
        gc.enable()


# -- out -----------------------------------------------------------------------------------------------------------


def answer(native: NativeDialect, form: Form, outputs: dict[str, Any], *, probabilities: bool = False) -> Any:
    fields = {item.name: np.array(outputs[item.name], dtype=item.storage) for item in native.signature.outputs}
    rows = len(next(iter(fields.values())))
    ids = [f"id-{row}" for row in range(rows)]
    return json.loads(native.encode(Answer(Batch.from_columns(fields), form, ids, probabilities)).body)


TAIL = {"model": "churn", "version": "3"}
SETOSA = {"class": [0], "probabilities": [[0.75, 0.25, 0.0]]}


def test_an_answer_to_one_row():
    assert answer(iris, "row", SETOSA) == {"class": 0, "prediction_id": "id-0", **TAIL}


def test_an_answer_with_probabilities():
    said_ = answer(iris, "row", SETOSA, probabilities=True)
    assert said_ == {"class": 0, "probabilities": {"0": 0.75, "1": 0.25, "2": 0.0}, "prediction_id": "id-0", **TAIL}


def test_an_answer_to_rows():
    outputs = {"class": [2, 0], "probabilities": np.zeros((2, 3))}
    expected = [{"class": 2, "prediction_id": "id-0"}, {"class": 0, "prediction_id": "id-1"}]
    assert answer(iris, "rows", outputs) == {"predictions": expected, **TAIL}


def test_an_answer_to_columns():
    outputs = {"class": [2, 0], "probabilities": [[0, 0, 1], [1, 0, 0]]}
    assert answer(iris, "columns", outputs, probabilities=True) == {
        "columns": {
            "class": [2, 0],
            "probabilities": [{"0": 0.0, "1": 0.0, "2": 1.0}, {"0": 1.0, "1": 0.0, "2": 0.0}],
            "prediction_id": ["id-0", "id-1"],
        },
        **TAIL,
    }


OUT: list[tuple[Field, Any, Any]] = [
    (Field("class", "int64", categories=(0, 1)), 1, 1),
    (Field("class", "int64", categories=(0, 1)), 7, 7),
    (Field("class", "int8"), -1, -1),
    (Field("class", "uint64"), 2**64 - 1, 2**64 - 1),
    (Field("class", "bool", categories=(False, True)), True, True),
    (Field("class", "float64", categories=(0.5, 1.0)), 1.0, 1.0),
    (Field("class", "string", categories=("left", 'a "quoted" label')), 'a "quoted" label', 'a "quoted" label'),
    (Field("class", "string"), "名前", "名前"),
    (Field("class", "string", missing=True), None, None),
    (Field("class", "int64", missing=True), np.nan, None),
    (Field("class", "int64", missing=True), 3, 3),
    (Field("class", "bool", missing=True), 1.0, True),
    (Field("value", "float64"), 0.1, 0.1),
    (Field("value", "float64"), 1e-7, 1e-7),
    (Field("value", "float64"), -1.7976931348623157e308, -1.7976931348623157e308),
    (Field("value", "float64"), np.nan, None),
    (Field("value", "float64"), -np.inf, None),
    (Field("value", "float32"), 0.5, 0.5),
    (Field("value", "datetime"), "2026-01-02T03:04:05", "2026-01-02T03:04:05.000000Z"),
    (Field("value", "datetime"), "NaT", None),
    (Field("value", "float64", (2,)), [0.5, np.nan], [0.5, None]),
    (Field("value", "float64", (1, 2)), [[0.5, 1.5]], [[0.5, 1.5]]),
    (Field("class", "string", (2,)), ["a", "b"], ["a", "b"]),
    (Field('odd "name"', "int64"), 1, 1),
]


@pytest.mark.parametrize(
    ("field", "value", "shown"), OUT, ids=lambda value: value.dtype if isinstance(value, Field) else None
)
def test_values_as_they_are_answered(field: Field, value: Any, shown: Any):
    native = dialect(Signature(IRIS.inputs, (field,)))
    for form, read in (
        ("row", lambda said_: said_[field.name]),
        ("rows", lambda said_: said_["predictions"][0][field.name]),
        ("columns", lambda said_: said_["columns"][field.name][0]),
    ):
        got = read(answer(native, form, {field.name: [value]}))  # type: ignore[arg-type]
        assert (got, type(got)) == (shown, type(shown))


@pytest.mark.parametrize(
    ("categories", "keys"),
    [(("a", "b"), ["a", "b"]), ((False, True), ["false", "true"]), ((1, 2), ["1", "2"]), ((0.5, 1.0), ["0.5", "1.0"])],
)
def test_probabilities_are_called_as_their_classes(categories: tuple[Any, ...], keys: list[str]):
    native = dialect(IRIS.with_outputs([Field("probabilities", "float64", (2,), categories=categories)]))
    assert list(answer(native, "row", {"probabilities": [[0.5, 0.5]]})["probabilities"]) == keys


def test_probabilities_of_several_labels_are_a_list():
    outputs = [
        Field("class", "int64", (3,), categories=(0, 1)),
        Field("probabilities", "float64", (3,), categories=(0, 1)),
    ]
    native = dialect(IRIS.with_outputs(outputs))
    said_ = answer(native, "row", {"class": [[0, 1, 1]], "probabilities": [[0.1, 0.9, 0.8]]}, probabilities=True)
    assert (said_["class"], said_["probabilities"]) == ([0, 1, 1], [0.1, 0.9, 0.8])


def test_several_outputs_stand_side_by_side():
    native = dialect(IRIS.with_outputs([Field("class", "int64"), Field("score", "float64")]))
    assert answer(native, "row", {"class": [-1], "score": [0.25]}) == {
        "class": -1,
        "score": 0.25,
        "prediction_id": "id-0",
        **TAIL,
    }


@given(
    st.lists(st.tuples(st.sampled_from(["left", "stayed"]), st.floats(width=32)), min_size=1, max_size=5), st.booleans()
)
def test_every_form_answers_the_same(rows: list[tuple[str, float]], probabilities: bool):
    fields = [
        Field("class", "string", categories=("left", "stayed")),
        Field("probabilities", "float64", (2,), categories=("left", "stayed")),
    ]
    native = dialect(PEOPLE.with_outputs(fields))
    labels, scores = [label for label, _ in rows], [[score, 1.0] for _, score in rows]
    both = {"class": labels, "probabilities": scores}
    by_rows = answer(native, "rows", both, probabilities=probabilities)["predictions"]
    by_columns = answer(native, "columns", both, probabilities=probabilities)["columns"]
    assert by_rows == [dict(zip(by_columns, values, strict=True)) for values in zip(*by_columns.values(), strict=True)]
    first = answer(native, "row", {name: values[:1] for name, values in both.items()}, probabilities=probabilities)
    assert first == {**by_rows[0], **TAIL}


def test_names_of_models_are_escaped():
    native = NativeDialect(IRIS, model='a "b"', version="1")
    batch = Batch.from_columns({"class": np.array([1]), "probabilities": np.zeros((1, 3))})
    assert json.loads(native.encode(Answer(batch, "row", ["x"])).body)["model"] == 'a "b"'
    assert ID.encode() in native.encode(Answer(batch, "row", [ID])).body
