"""Rows become bodies that the native dialect reads, wherever they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import bundles
from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput, OutsideFailure, UnknownReference
from daytwo.loadtest.bodies import Bodies, from_batch, from_file, from_parsed, records
from daytwo.signature import Field, Signature

MATRIX = Signature(
    inputs=(Field("a", "float64"), Field("b", "float64")), outputs=(Field("value", "float64"),), container="numpy"
)


@pytest.mark.parametrize("count", [1, 3, 64])
def test_examples_are_rows_that_the_dialect_reads(count: int):
    examples = bundles.examples()
    dialect = NativeDialect(bundles.SIGNATURE, model="churn", version="1")
    bodies = from_batch(bundles.SIGNATURE, examples.inputs).of(count)
    assert bodies
    for body in bodies:
        assert dialect.decode(body).batch.rows == count
    assert dialect.decode(bodies[0]).batch["age"][0] == 20


@pytest.mark.parametrize("count", [1, 5])
def test_rows_by_position_where_the_signature_is_a_matrix(count: int):
    rows = MATRIX.conform([[1.0, 2.0], [3.0, 4.0]])
    body = from_batch(MATRIX, rows).of(count)[0]
    assert b"feature_vector" in body
    batch = NativeDialect(MATRIX, model="m", version="1").decode(body).batch
    assert batch.rows == count
    assert batch["b"].tolist() == [2.0, 4.0, 2.0, 4.0, 2.0][:count]


@pytest.mark.parametrize(
    ("document", "rows", "opaque"),
    [
        ({"feature_vector": [1, 2]}, ([1, 2],), ()),
        ({"feature_vectors": [[1], [2]]}, ([1], [2]), ()),
        ({"records": [{"a": 1}]}, ({"a": 1},), ()),
        ({"columns": {"a": [1, 2], "b": [3, 4]}}, ({"a": 1, "b": 3}, {"a": 2, "b": 4}), ()),
        ([{"a": 1}, {"a": 2}], ({"a": 1}, {"a": 2}), ()),
        ({"instances": [[1]]}, (), (b'{"instances":[[1]]}',)),
        (5, (), (b"5",)),
    ],
)
def test_documents(document: Any, rows: Any, opaque: Any):
    assert from_parsed(document) == Bodies(rows, opaque)


def test_what_is_opaque_is_sent_as_it_is_and_is_not_divided():
    bodies = from_parsed({"instances": [[1]]})
    assert bodies.of(1) == [b'{"instances":[[1]]}']
    assert not bodies.divisible
    assert records(bodies).divisible
    assert from_parsed([{"a": 1}]).divisible


def test_rows_that_differ_in_their_names_stay_records():
    assert json.loads(Bodies(({"a": 1}, {"b": 2})).of(2)[0]) == [{"a": 1}, {"b": 2}]


CSV = "\ufeffage,plan,code,churned\n20,basic,007,true\n40.5,,1e3,false\n"


def test_a_table_has_the_types_of_the_signature_and_nothing_else(tmp_path: Path):
    (tmp_path / "rows.csv").write_text(CSV, encoding="utf-8")
    rows = from_file(tmp_path / "rows.csv", bundles.SIGNATURE).rows
    assert rows == ({"age": 20, "plan": "basic"}, {"age": 40.5, "plan": None})
    free = from_file(tmp_path / "rows.csv").rows
    assert free[1] == {"age": 40.5, "plan": None, "code": 1000.0, "churned": False}


def test_lines_are_a_body_each(tmp_path: Path):
    (tmp_path / "rows.jsonl").write_text('{"feature_vector": [1]}\n\n{"feature_vector": [2]}\n')
    assert from_file(tmp_path / "rows.jsonl").rows == ([1], [2])


@pytest.mark.parametrize(
    ("name", "content", "error", "words"),
    [
        ("rows.json", b"{", InvalidInput, "rows.json: expected JSON"),
        ("rows.jsonl", b'{"a": 1}\nx\n', InvalidInput, "rows.jsonl, line 2"),
        ("rows.csv", b"a,b\n", InvalidInput, "at least one row"),
        ("rows.csv", b"\xff\xfe\x00", InvalidInput, "UTF-8"),
        ("nothing.csv", None, UnknownReference, "no such file"),
        ("folder", b"", OutsideFailure, "cannot be read"),
    ],
)
def test_a_wrong_file_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, error: type[Exception], words: str
):
    if name == "folder":
        (tmp_path / name).mkdir()
    elif content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=words) as caught:
        from_file(tmp_path / name)
    assert bundles.is_sentence(str(caught.value))
