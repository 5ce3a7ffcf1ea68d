from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from daytwo.batch import Batch
from daytwo.dialects import Answer, RowIds
from daytwo.dialects.arrow import ArrowDialect
from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput, MalformedBody, TooManyRows
from daytwo.signature import Field, Signature
from drawn import OUTPUTS, assert_same, said, said_in
from streams import arrow_table, read_stream, stream

PEOPLE = Signature(
    inputs=(
        Field("age", "int8"),
        Field("plan", "string", categories=("basic", "pro"), unseen="refuse", missing=True),
        Field("income", "float64", missing=True),
        Field("since", "datetime", missing=True),
        Field("active", "bool", missing=True),
    ),
    outputs=(
        Field("class", "string", categories=("left", "stayed")),
        Field("probabilities", "float64", (2,), categories=("left", "stayed")),
    ),
    container="pandas",
)
GOOD: dict[str, Any] = {
    "age": pa.array([34, 51], pa.int64()),
    "plan": pa.array(["pro", None]),
    "income": pa.array([1.5, None]),
    "since": pa.array([dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
    "active": pa.array([True, None]),
}


def dialect(signature: Signature, **options: Any) -> ArrowDialect:
    return ArrowDialect(signature, model="churn", version="3", **options)


people = dialect(PEOPLE)


def one(item: Field) -> ArrowDialect:
    return dialect(Signature((item,), OUTPUTS))


def people_with(**columns: Any) -> bytes:
    return stream(pa.table(GOOD | columns))


def told(arrow: ArrowDialect, body: bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as caught:
        arrow.decode(body)
    return [(p.field, p.expected, p.got) for p in caught.value.problems]


# -- in: what fits -------------------------------------------------------------------------------------------------


def test_columns_come_by_name_in_any_order():
    backwards = stream(pa.table(dict(reversed(GOOD.items()))))
    request = people.decode(backwards)
    assert_same(request.batch, people.decode(people_with()).batch)
    assert (request.form, request.prediction_ids) == ("columns", None)
    assert request.batch["plan"].tolist() == ["pro", None]
    assert request.batch["age"].dtype == np.int8


@given(said())
def test_the_same_rows_are_the_same_in_json_and_in_arrow(drawn):
    signature, rows = drawn
    native = NativeDialect(signature, model="m", version="1")
    batch = native.decode(said_in([dict(zip(signature.names, row, strict=True)) for row in rows])).batch
    assert_same(dialect(signature).decode(stream(arrow_table(signature, batch))).batch, batch)


@pytest.mark.parametrize(
    ("item", "column", "values"),
    [
        (Field("x", "string"), pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (Field("x", "string", missing=True), pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (Field("x", "string", missing=True), pa.DictionaryArray.from_arrays([0, 1], pa.array(["a", None])), ["a", None]),
        (Field("x", "string"), pa.array(["a", "b"], pa.large_string()), ["a", "b"]),
        (Field("x", "string"), pa.array(["a", "longer than twelve bytes"], pa.string_view()), ["a", "longer than twelve bytes"]),
        (Field("x", "string", missing=True), pa.nulls(2), [None, None]),
        (Field("x", "int64"), pa.array([1.0, 2.0]), [1, 2]),
        (Field("x", "int64"), pa.array([2**62 + 1]), [2**62 + 1]),
        (Field("x", "int64"), pa.array([7, 8]).dictionary_encode(), [7, 8]),
        (Field("x", "int64", missing=True), pa.array([7, None]).dictionary_encode(), [7.0, np.nan]),
        (Field("x", "float64"), pa.array([1, 2], pa.int16()), [1.0, 2.0]),
        (Field("x", "float64", missing=True), pa.array([1.5, None]).dictionary_encode(), [1.5, np.nan]),
        (Field("x", "float32"), pa.array([1.5], pa.float64()), [1.5]),
        (Field("x", "bool"), pa.array([True, False]), [True, False]),
        (Field("x", "datetime"), pa.array([1_500], pa.timestamp("ms", "Asia/Tokyo")), [np.datetime64("1970-01-01T00:00:01.5")]),
        (Field("x", "datetime"), pa.array([1_500], pa.timestamp("ns")), [np.datetime64(1, "us")]),
        (Field("x", "datetime"), pa.array([1], pa.date32()), [np.datetime64("1970-01-02")]),
        (Field("x", "float64", (2,)), pa.array([[1, 2], [3, 4]], pa.list_(pa.float64(), 2)), [[1, 2], [3, 4]]),
        (Field("x", "float64", (2,)), pa.array([[1, 2], [3, 4]], pa.list_(pa.float32())), [[1, 2], [3, 4]]),
        (Field("x", "int64", (1, 2)), pa.array([[[1, 2]]], pa.large_list(pa.list_(pa.int8(), 2))), [[[1, 2]]]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)  # fmt: skip
def test_a_column_comes_in_any_type_that_holds_its_values(item: Field, column: pa.Array, values: list[Any]):
    got = one(item).decode(stream(pa.table({"x": column}))).batch["x"]
    assert got.dtype == item.storage
    np.testing.assert_array_equal(got, np.array(values, item.storage))


def test_many_batches_are_one_request():
    whole = pa.table({name: pa.concat_arrays([column] * 3) for name, column in GOOD.items()})
    in_parts = pa.concat_tables([pa.table(GOOD)] * 3)
    assert_same(people.decode(stream(in_parts)).batch, people.decode(stream(whole)).batch)


def test_batches_may_bring_dictionaries_of_their_own():
    parts = [pa.table({"x": pa.array(values).dictionary_encode()}) for values in (["a", "b"], ["c", "a"])]
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, parts[0].schema) as writer:
        for part in parts:
            writer.write_table(part)
    assert one(Field("x", "string")).decode(sink.getvalue().to_pybytes()).batch["x"].tolist() == ["a", "b", "c", "a"]


def test_numbers_are_read_where_they_lie():
    numbers = np.arange(10_000.0)
    arrow = dialect(Signature((Field("x", "float64"), Field("s", "string")), OUTPUTS))
    body = stream(pa.table({"x": numbers, "s": ["a"] * 10_000}))
    column = arrow.decode(body).batch["x"]
    assert np.shares_memory(column, np.frombuffer(body, np.uint8))


@pytest.mark.parametrize("length", [1, 3, 8])
def test_a_body_may_lie_anywhere_in_memory(length: int):
    shifted = memoryview(b"x" * length + people_with())[length:]
    assert_same(people.decode(shifted).batch, people.decode(people_with()).batch)  # type: ignore[arg-type]


# -- in: ids -------------------------------------------------------------------------------------------------------


def test_the_callers_own_ids_are_a_column():
    request = people.decode(people_with(prediction_id=pa.array(["a", None])))
    assert request.prediction_ids == ["a", None]


@pytest.mark.parametrize("bad", ["", "two words", "x" * 129, "a\n", "naïve"])
def test_an_id_that_could_do_harm_is_refused(bad: str):
    [(field, expected, _)] = told(people, people_with(prediction_id=pa.array(["a", bad])))
    assert (field, expected.split(",")[0]) == ("prediction_id[1]", "1 to 128 letters")


def test_ids_are_texts():
    assert told(people, people_with(prediction_id=pa.array([1, 2]))) == [
        ("prediction_id", "a column of texts", "int64")
    ]


def test_a_field_that_is_called_prediction_id_is_a_field():
    request = one(Field("prediction_id", "int64")).decode(stream(pa.table({"prediction_id": [1]})))
    assert request.prediction_ids is None
    assert request.batch["prediction_id"].tolist() == [1]


# -- in: what does not fit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "problems"),
    [
        ({"age": pa.array([1, 300])}, [("age[1]", "an integer from -128 to 127", "300")]),
        ({"age": pa.array([1, None])}, [("age[1]", "an integer from -128 to 127", "NaN")]),
        ({"age": pa.array([1.5, 2.0])}, [("age[0]", "an integer from -128 to 127", "1.5")]),
        ({"age": pa.array(["1", "2"])}, [("age[0]", "an integer from -128 to 127", "'1'"),
                                         ("age[1]", "an integer from -128 to 127", "'2'")]),
        ({"plan": pa.array(["pro", "gold"])}, [("plan[1]", "one of 'basic', 'pro' or null", "'gold'")]),
        ({"plan": pa.array(["pro", "gold"]).dictionary_encode()}, [("plan[1]", "one of 'basic', 'pro' or null", "'gold'")]),
        ({"income": pa.array([1.0, float("inf")])}, [("income[1]", "a finite number or null", "Infinity")]),
        ({"income": pa.array([True, False])}, [("income[0]", "a finite number or null", "true"),
                                               ("income[1]", "a finite number or null", "false")]),
        ({"since": pa.array([1, 2])}, [("since[0]", "an ISO 8601 datetime or null", "1"),
                                       ("since[1]", "an ISO 8601 datetime or null", "2")]),
    ],
)  # fmt: skip
def test_values_are_judged_as_those_of_json_are(columns: dict[str, Any], problems: list[tuple[str, str, str]]):
    assert told(people, people_with(**columns)) == problems


@pytest.mark.parametrize(
    "column",
    [pa.array([[1], [2]]), pa.array([{"a": 1}] * 2), pa.array([b"x", b"y"]), pa.array([1, 2], pa.duration("s")),
     pa.array([1, 2], pa.decimal128(5)), pa.array([1, 2], pa.time64("us")),
     pa.RunEndEncodedArray.from_arrays([1, 2], [1.0, 2.0])],
    ids=lambda column: str(column.type),
)  # fmt: skip
def test_types_that_hold_no_value_of_the_field_are_refused(column: pa.Array):
    [(field, expected, got)] = told(people, people_with(income=column))
    assert (field, expected, got[:12]) == ("income", "a finite number or null", "a column of ")


@pytest.mark.parametrize(
    "column", [pa.array([[1.0], None]), pa.array([[1.0, 2.0], [1.0]]), pa.array([[1.0, 2.0], None])]
)
def test_a_tensor_of_another_shape_is_refused(column: pa.Array):
    [(field, expected, _)] = told(one(Field("x", "float64", (2,))), stream(pa.table({"x": column})))
    assert (field[:2], expected) == ("x[", "an array of shape [2], each a finite number")


def test_names_are_judged_as_those_of_json_are():
    renamed = stream(pa.table(GOOD).rename_columns(["age", "plan", "incom", "since", "active"]))
    assert told(people, renamed) == [
        ("incom", "'income'", "an unknown field"),
        ("income", "a finite number or null", "nothing: the field is missing"),
    ]


def test_two_columns_of_one_name_are_refused():
    twice = pa.table([pa.array([1.0]), pa.array([2.0])], names=["x", "x"])
    assert told(one(Field("x", "float64")), stream(twice)) == [("x", "one column of this name", "2")]


def test_an_integer_that_a_float_cannot_hold_is_not_rounded():
    assert told(one(Field("x", "int64", missing=True)), stream(pa.table({"x": pa.array([2**53 + 1, None])}))) == [
        ("x[0]", "an integer of at most 53 bits or null", "9007199254740993")
    ]


@pytest.mark.parametrize("rows", [0, 4])
def test_rows_are_counted(rows: int):
    body = stream(pa.table({"x": np.ones(rows)}))
    with pytest.raises(TooManyRows if rows else InvalidInput, match="at most 3 rows" if rows else "at least 1 row"):
        dialect(Signature((Field("x", "float64"),), OUTPUTS), max_rows=3).decode(body)


def test_a_row_that_costs_no_bytes_is_a_row():
    without_bytes = pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])
    with pytest.raises(TooManyRows):
        one(Field("x", "float64", missing=True)).decode(stream(pa.table({"x": without_bytes})))


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("column", [pa.array(np.zeros(1000)), pa.array(["a" * 500] * 9).dictionary_encode()])
def test_buffers_that_unpack_to_anything_are_refused(compression: str, column: pa.Array):
    [(field, expected, got)] = told(people, stream(pa.table({"x": column}), compression=compression))
    assert (field, expected[:14], got) == ("body", "record batches", "compressed buffers")


def test_views_of_the_same_bytes_are_not_written_out_without_end():
    text = b"x" * 1_000_000
    views = np.zeros((2000, 4), np.int32)
    views[:, 0] = len(text)
    views[:, 1] = np.frombuffer(b"xxxx", np.int32)
    shared = pa.Array.from_buffers(pa.string_view(), 2000, [None, pa.py_buffer(views.tobytes()), pa.py_buffer(text)])
    [(field, expected, got)] = told(one(Field("x", "string")), stream(pa.table({"x": shared})))
    assert (field, expected[:13], got) == ("body", "texts of at m", "2,000,000,000")


# -- in: what is no stream -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [b"", b"x", b"{}", b"ARROW1\0\0", b"\xff" * 64, b"\xff\xff\xff\xff\xff\xff\xff\x7f", people_with()[:-300]]
)
def test_what_is_no_stream_is_malformed(body: bytes):
    with pytest.raises(MalformedBody, match="body: expected an Arrow IPC stream"):
        people.decode(body)


@pytest.mark.parametrize("said_", [b"income", b"UTC", b"age"])
def test_names_that_are_no_text_are_malformed(said_: bytes):
    with pytest.raises(InvalidInput):
        people.decode(people_with().replace(said_, b"\xff" * len(said_)))


def test_offsets_that_lie_are_found():
    body = bytearray(stream(pa.table({"x": ["abc", "defg"]})))
    place = body.index(np.array([0, 3, 7], np.int32).tobytes())
    body[place + 8 : place + 12] = np.int32(2**31 - 1).tobytes()
    with pytest.raises(MalformedBody):
        one(Field("x", "string")).decode(body)


SAMPLES = [
    people_with(prediction_id=pa.array(["a", "b"])),
    people_with(plan=pa.array(["pro", None]).dictionary_encode()),
    stream(pa.table({"x": pa.array([[1.0, 2.0]], pa.list_(pa.float64()))})),
    stream(pa.table({"x": pa.array(["short", "longer than twelve bytes"], pa.string_view())})),
]
READERS = [people, people, one(Field("x", "float64", (2,))), one(Field("x", "string"))]


@given(which=st.integers(0, len(SAMPLES) - 1), seed=st.integers(0, 2**32), changes=st.integers(1, 8))
def test_no_damage_does_more_than_be_refused(which: int, seed: int, changes: int):
    body, chance = bytearray(SAMPLES[which]), random.Random(seed)
    for _ in range(changes):
        body[chance.randrange(len(body))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    if chance.random() < 0.2:
        del body[chance.randrange(len(body)) :]
    try:
        request = READERS[which].decode(bytes(body))
    except InvalidInput:
        return
    assert all(len(column.tolist()) == request.batch.rows for _, column in request.batch.items())


# -- out -----------------------------------------------------------------------------------------------------------

OUT = {"class": np.array(["left", "stayed"], object), "probabilities": np.array([[0.75, 0.25], [0.5, 0.5]])}


def test_an_answer_carries_outputs_ids_model_and_version():
    payload = people.encode(Answer(Batch.from_columns(OUT), "columns", ["a", "b"]))
    table = read_stream(payload.body)
    assert payload.headers == ((b"content-type", b"application/vnd.apache.arrow.stream"),)
    assert table.to_pydict() == {"class": ["left", "stayed"], "prediction_id": ["a", "b"]}
    assert table.schema.metadata == {b"model": b"churn", b"version": b"3"}


def test_probabilities_come_with_their_classes_when_asked_for():
    payload = people.encode(Answer(Batch.from_columns(OUT), "columns", RowIds("k", 2), probabilities=True))
    table = read_stream(payload.body)
    assert table["probabilities"].to_pylist() == OUT["probabilities"].tolist()
    assert json.loads(table.schema.field("probabilities").metadata[b"classes"]) == ["left", "stayed"]
    assert table["prediction_id"].to_pylist() == ["k-0", "k-1"]


@pytest.mark.parametrize(
    ("item", "column", "values", "kind"),
    [
        (Field("value", "int64", missing=True), np.array([1.0, np.nan]), [1, None], pa.int64()),
        (Field("value", "bool", missing=True), np.array([1.0, np.nan]), [True, None], pa.bool_()),
        (Field("value", "float64"), np.array([1.5, np.inf]), [1.5, np.inf], pa.float64()),
        (Field("value", "float32", (2, 1)), np.ones((2, 2, 1), np.float32), [[[1], [1]]] * 2, None),
        (Field("value", "string", missing=True), np.array(["a", None], object), ["a", None], pa.string()),
        (Field("value", "datetime", missing=True), np.array(["2026-01-01", "NaT"], "datetime64[us]"),
         [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
    ],
)  # fmt: skip
def test_outputs_have_the_types_of_their_fields(item: Field, column: Any, values: list[Any], kind: pa.DataType | None):
    arrow = dialect(Signature((Field("x", "float64"),), (item,)))
    table = read_stream(arrow.encode(Answer(Batch.from_columns({"value": column}), "columns", RowIds("k", 2))).body)
    assert table["value"].to_pylist() == values
    assert kind is None or table.schema.field("value").type == kind
