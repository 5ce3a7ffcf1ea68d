from __future__ import annotations

import io
import pickle
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daytwo.batch import Batch
from daytwo.dialects import Answer, RowIds
from daytwo.dialects.native import NativeDialect
from daytwo.dialects.npy import NpyDialect
from daytwo.errors import InvalidInput, MalformedBody, TooManyRows
from daytwo.signature import Field, Signature
from drawn import OUTPUTS, assert_same, matrices, said, said_in, signatures
from streams import npy

PAIR = Signature((Field("a", "float64"), Field("b", "float64")), OUTPUTS, array_dtype="float64")
ROWS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])


def dialect(signature: Signature, **options: Any) -> NpyDialect:
    return NpyDialect(signature, model="churn", version="3", **options)


pair = dialect(PAIR)


def one(item: Field) -> NpyDialect:
    return dialect(Signature((item,), OUTPUTS))


def told(reader: NpyDialect, body: bytes) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidInput) as caught:
        reader.decode(body)
    return [(p.field, p.expected, p.got) for p in caught.value.problems]


def with_header(text: str, data: bytes = b"", version: int = 1) -> bytes:
    """A body with a header of one's own."""
    said_ = text.encode()
    length = len(said_).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + said_ + data


# -- in: what fits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "array",
    [
        ROWS,
        np.asfortranarray(ROWS),
        ROWS.astype(">f8"),
        ROWS.astype(np.float32),
        ROWS.astype(np.int8),
        ROWS.astype(">i2"),
    ],
    ids=["plain", "fortran", "big-endian", "float32", "int8", "big-endian int16"],
)
def test_a_matrix_is_rows_by_position(array: Any):
    request = pair.decode(npy(array))
    assert request.form == "rows"
    assert request.prediction_ids is None
    assert request.batch.matrix is not None
    np.testing.assert_array_equal(request.batch.matrix, ROWS)
    assert request.batch.matrix.dtype == np.float64


def test_a_vector_is_one_row():
    request = pair.decode(npy(ROWS[0]))
    assert (request.form, request.batch.rows) == ("row", 1)


def test_records_are_rows_by_name():
    records = np.array([(2, 1, 0.5), (4, 3, 0.5)], [("b", ">i4"), ("a", "f4"), ("größe", "f8")])
    signature = Signature((*PAIR.inputs, Field("größe", "float64")), OUTPUTS)
    assert dialect(signature).decode(npy(records)).batch.matrix.tolist() == [[1, 2, 0.5], [3, 4, 0.5]]


def test_a_tensor_is_what_it_is():
    image = one(Field("pixels", "uint8", (2, 3)))
    many, single = image.decode(npy(np.ones((4, 2, 3), np.uint8))), image.decode(npy(np.ones((2, 3), np.uint8)))
    assert (many.form, many.batch["pixels"].shape) == ("rows", (4, 2, 3))
    assert (single.form, single.batch["pixels"].shape) == ("row", (1, 2, 3))


def test_texts_and_instants_have_arrays_too():
    texts = dialect(Signature((Field("a", "string"), Field("b", "string")), OUTPUTS))
    assert texts.decode(npy(np.array([["x", "größe"]]))).batch["b"].tolist() == ["größe"]
    when = one(Field("t", "datetime")).decode(npy(np.array([["2026-01-02T03:04:05"]], "datetime64[s]")))
    assert when.batch["t"].astype(str).tolist() == ["2026-01-02T03:04:05.000000"]


def test_numbers_are_read_where_they_lie():
    body = bytearray(npy(ROWS))
    matrix = pair.decode(body).batch.matrix
    assert np.shares_memory(matrix, np.frombuffer(body, np.uint8))


@pytest.mark.parametrize("kind", [bytes, bytearray])
@pytest.mark.parametrize("array", [ROWS, np.array([(1.0, 2.0)], [("a", "f8"), ("b", "f8")])], ids=["matrix", "records"])
def test_a_model_may_write_into_what_it_is_given(kind: Any, array: Any):
    batch = pair.decode(kind(npy(array))).batch
    batch["a"][0] = 9.0
    assert batch["a"][0] == 9.0


@given(said(matrices()))
def test_the_same_rows_are_the_same_in_json_and_in_a_matrix(drawn):
    signature, rows = drawn
    batch = NativeDialect(signature, model="m", version="1").decode(said_in({"feature_vectors": rows})).batch
    assert batch.matrix is not None
    assert_same(dialect(signature).decode(npy(batch.matrix)).batch, batch)


@given(said(signatures()))
def test_the_same_rows_are_the_same_in_json_and_in_records(drawn):
    signature, rows = drawn
    assume(all(item.name and "\x00" not in item.name for item in signature.inputs))
    records = [dict(zip(signature.names, row, strict=True)) for row in rows]
    batch = NativeDialect(signature, model="m", version="1").decode(said_in(records)).batch
    columns = {item.name: batch[item.name] for item in signature.inputs}
    texts = [values for values in columns.values() if values.dtype.kind == "O"]
    assume(not any(v is None or v.endswith("\x00") for values in texts for v in values.flat))
    made = {n: v.astype(np.str_) if v.dtype.kind == "O" else v for n, v in columns.items()}
    assume(all(v.dtype.itemsize for v in made.values()))
    kind = [(name, values.dtype, values.shape[1:]) for name, values in made.items()]
    array = np.zeros(batch.rows, kind)
    for name, values in made.items():
        array[name] = values
    assert_same(dialect(signature).decode(npy(array)).batch, batch)


# -- in: what does not fit -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "problems"),
    [
        (np.ones((2, 3)), [("body", "an array of shape (rows, 2)", "shape (2, 3)")]),
        (np.ones(3), [("body", "an array of shape (rows, 2)", "shape (1, 3)")]),
        (np.ones((1, 2, 1)), [("body", "an array of shape (rows, 2)", "shape (1, 2, 1)")]),
        (np.float64(1), [("body", "at least 1 row", "none")]),
        (np.ones((0, 2)), [("body", "at least 1 row", "none")]),
        (np.array([[1, np.nan], [np.inf, 2]]), [("a[1]", "a finite number", "Infinity"), ("b[0]", "a finite number", "NaN")]),
        (np.array([["1", "2"]]), [("a", "a finite number", "'1'"), ("b", "a finite number", "'2'")]),
        (np.array([[True, False]]), [("a", "a finite number", "true"), ("b", "a finite number", "false")]),
        (np.array([(1.0, 2.0)], [("a", "f8"), ("c", "f8")]),
         [("c", "one of a, b", "an unknown field"), ("b", "a finite number", "nothing: the field is missing")]),
        (np.ones((2, 2), [("a", "f8"), ("b", "f8")]), [("body", "an array of records of shape (rows,)", "shape (2, 2)")]),
    ],
)  # fmt: skip
def test_values_are_judged_as_those_of_json_are(array: Any, problems: list[tuple[str, str, str]]):
    assert told(pair, npy(array)) == problems


@pytest.mark.parametrize(
    "array",
    [np.ones((1, 2), np.complex128), np.array([[b"a", b"b"]]), np.ones((1, 2), "m8[s]"), np.ones((1, 2), np.longdouble),
     np.zeros(1, [("a", [("x", "f8")]), ("b", "f8")]), np.zeros(1, [("a", "V3"), ("b", "f8")])],
    ids=lambda array: str(array.dtype),
)  # fmt: skip
def test_what_is_no_value_of_a_model_is_refused(array: Any):
    [(field, expected, _)] = told(pair, npy(array))
    assert (field in ("body", "a"), expected) == (True, "numbers, booleans, texts or instants")


class Bomb:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('it ran')",)


def test_nothing_is_ever_unpickled():
    file = io.BytesIO()
    np.save(file, np.array([[Bomb(), 1]], dtype=object), allow_pickle=True)
    assert told(pair, file.getvalue()) == [("body", "numbers, booleans, texts or instants", "an array of object")]
    with pytest.raises(MalformedBody):
        pair.decode(pickle.dumps(ROWS))


def test_too_many_rows_are_refused():
    with pytest.raises(TooManyRows, match="at most 2 rows"):
        dialect(PAIR, max_rows=2).decode(npy(ROWS))


F8 = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"\x93NUMPY", b"\x93NUMPY\x01\x00\xff\xff", b"PK\x03\x04" + b"\0" * 40, b"\x93NUMPY\x09\x00\x00\x00\x00\x00",
        npy(ROWS)[:-1], npy(ROWS) + b"x", npy(ROWS)[:40],
        with_header(F8 % "(1000000000000, 2)"), with_header(F8 % "(0, 10**30)"), with_header(F8 % f"(0, {10**30})"),
        with_header(F8 % "(-1, 2)", bytes(16)), with_header(F8 % "(True, 2)", bytes(16)), with_header(F8 % "[1, 2]", bytes(16)),
        with_header(F8 % ("(" + "1," * 70 + ")"), bytes(8)), with_header("{}"), with_header("[]"), with_header("(" * 3000),
        with_header("{'descr': '<f8', 'fortran_order': 1, 'shape': (1, 2)}", bytes(16)),
        with_header("{'descr': 'no', 'fortran_order': False, 'shape': (1, 2)}", bytes(16)),
        with_header("{'descr': [('a',)], 'fortran_order': False, 'shape': (1,)}", bytes(16)),
        with_header("__import__('os').abort()"), with_header("\xff\xfe", version=3), with_header("-" * 5000 + "1"),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"[" * 1000, with_header(" " * (64 << 10) + F8 % "(1, 2)", bytes(16), 2),
    ],
)  # fmt: skip
def test_what_is_no_array_is_malformed(body: bytes):
    with pytest.raises(MalformedBody):
        pair.decode(body)


def test_a_boolean_is_one_of_two_bytes():
    body = npy(np.array([[True, False]]))
    with pytest.raises(MalformedBody, match="booleans of 0 or 1"):
        pair.decode(body[:-1] + b"\x02")


SAMPLES = [
    npy(ROWS),
    npy(np.array([(1.0, "größe")], [("a", "f8"), ("b", "U6")])),
    npy(np.array([["2026", "NaT"]], "M8[s]")),
]
READERS = [
    pair,
    dialect(Signature((Field("a", "float64"), Field("b", "string")), OUTPUTS)),
    dialect(Signature((Field("a", "datetime", missing=True), Field("b", "datetime", missing=True)), OUTPUTS)),
]


@given(which=st.integers(0, len(SAMPLES) - 1), seed=st.integers(0, 2**32), changes=st.integers(1, 6))
def test_no_damage_does_more_than_be_refused(which: int, seed: int, changes: int):
    body, chance = bytearray(SAMPLES[which]), random.Random(seed)
    for _ in range(changes):
        body[chance.randrange(len(body))] = chance.choice((0, 1, 0x39, 0x80, 0xFF, chance.randrange(256)))
    try:
        request = READERS[which].decode(bytes(body))
    except InvalidInput:
        return
    assert all(len(column.tolist()) == request.batch.rows for _, column in request.batch.items())


# -- out -----------------------------------------------------------------------------------------------------------


def test_an_answer_is_the_main_output():
    outputs = Batch.from_columns({"class": np.array([1, 0])})
    payload = pair.encode(Answer(outputs, "rows", RowIds("k", 2)))
    assert np.load(io.BytesIO(payload.body)).tolist() == [1, 0]
    assert dict(payload.headers) == {
        b"content-type": b"application/x-npy",
        b"x-model": b"churn",
        b"x-model-version": b"3",
        b"x-prediction-id": b"k",
    }


@pytest.mark.parametrize(("ids", "header"), [(["mine"], b"mine"), (("a", "b"), None)])
def test_an_id_that_stands_for_all_rows_is_a_header(ids: Any, header: bytes | None):
    outputs = Batch.from_columns({"class": np.zeros(len(ids), np.int64)})
    assert dict(pair.encode(Answer(outputs, "rows", ids)).headers).get(b"x-prediction-id") == header


@pytest.mark.parametrize(
    ("item", "column"),
    [
        (Field("value", "float32"), np.array([1.5, 2.5], np.float32)),
        (Field("value", "float64", (2,)), np.array([[1.0, 2.0], [3.0, 4.0]])[:, ::-1]),
        (Field("value", "string"), np.array(["a", "größe"], object)),
        (Field("value", "datetime"), np.array(["2026-01-01", "NaT"], "datetime64[us]")),
        (Field("value", "bool"), np.array([True, False])),
    ],
)
def test_every_output_can_be_read_back_without_pickle(item: Field, column: Any):
    answers = dialect(Signature(PAIR.inputs, (item,)))
    said_ = np.load(
        io.BytesIO(answers.encode(Answer(Batch.from_columns({"value": column}), "rows", RowIds("k", 2))).body)
    )
    np.testing.assert_array_equal(said_, column.astype(said_.dtype))


def test_probabilities_when_asked_for():
    outputs = (Field("class", "int64"), Field("probabilities", "float64", (2,), categories=(0, 1)))
    batch = Batch.from_columns({"class": np.array([1]), "probabilities": np.array([[0.25, 0.75]])})
    payload = dialect(Signature(PAIR.inputs, outputs)).encode(Answer(batch, "row", ["k"], probabilities=True))
    assert np.load(io.BytesIO(payload.body)).tolist() == [[0.25, 0.75]]
