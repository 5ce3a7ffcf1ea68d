from __future__ import annotations

import numpy as np
import pytest

from daytwo.batch import Batch
from daytwo.packing.parity_rows import STRANGE_TEXTS, border_rows, edge_rows, far_rows, sample
from daytwo.signature import Field, Signature

FIELDS = (
    Field("size", "float64", missing=True),
    Field("count", "int32"),
    Field("rare", "int16", missing=True),
    Field("flag", "bool"),
    Field("plan", "string", categories=("a", "b"), unseen="refuse"),
    Field("note", "string", missing=True),
    Field("level", "float64", categories=(1.0, 2.0), unseen="refuse"),
)
SIGNATURE = Signature(FIELDS, (), "pandas")
DATA = SIGNATURE.conform(
    {
        "size": [1.0, None, 5.0], "count": [1, 2, 30], "rare": [None, 7, 8], "flag": [True, False, True],
        "plan": ["a", "b", "a"], "note": ["x", None, "y"], "level": [1.0, 2.0, 1.0],
    }
)  # fmt: skip


def test_edge_rows_fit_the_signature():
    rows = edge_rows(SIGNATURE, DATA)
    again = SIGNATURE.conform(dict(rows.items()))
    assert again.rows == rows.rows


def test_every_edge_is_there():
    rows = edge_rows(SIGNATURE, DATA)
    assert {"a", "b"} == set(rows["plan"])
    assert set(STRANGE_TEXTS) | {None} <= set(rows["note"])
    assert np.isnan(rows["size"]).any()
    assert {1.0, 5.0, 0.0, 7.5} <= set(rows["size"])
    assert {1, 30, 0, -1} <= set(rows["count"])
    assert {True, False} == set(rows["flag"])
    assert {1.0, 2.0} == set(rows["level"])
    all_missing = np.isnan(rows["size"]) & np.isnan(rows["rare"]) & np.equal(rows["note"], None)
    assert all_missing.any()


@pytest.mark.parametrize("limit", [1e6, np.finfo(np.float64).max])
def test_far_rows_go_as_far_as_limit_and_dtype_let_them(limit: float):
    rows = far_rows(SIGNATURE, DATA, limit)
    assert rows["size"].max() == limit
    assert rows["size"].min() == -limit
    assert rows["count"].max() == min(limit, 2**31 - 1)
    assert rows["count"].min() == max(-limit, -(2**31))
    assert np.nanmax(rows["rare"]) == 2**15 - 1
    assert set(rows["level"]) <= {1.0, 2.0}
    SIGNATURE.conform(dict(rows.items()))


def test_a_sample_is_in_order_and_the_same_each_time():
    data = Batch.from_matrix(("x",), np.arange(100.0)[:, None])
    one, two = sample(data, 10)["x"], sample(data, 10)["x"]
    assert np.array_equal(one, two)
    assert np.array_equal(one, np.sort(one))
    assert sample(data, 100) is data


def test_border_rows_stand_on_both_sides():
    signature = Signature((Field("x", "float64"), Field("y", "float64")), (Field("class", "int64"),))

    def predict(batch: Batch) -> Batch:
        return Batch.from_columns({"class": (batch["x"] + batch["y"] > 1.0).astype(np.int64)})

    data = Batch.from_matrix(("x", "y"), np.random.default_rng(0).random((100, 2)))
    answers = predict(data)["class"]
    rows = border_rows(signature, data, predict, answers, nearness=1e-9)
    assert rows.rows == 128
    assert np.abs(rows["x"] + rows["y"] - 1.0).max() < 1e-8
    labels = predict(rows)["class"]
    assert (labels[:64] != labels[64:]).all()


def test_where_all_rows_are_answered_alike_there_is_no_border():
    signature = Signature((Field("x", "float64"),), (Field("class", "int64"),))
    data = Batch.from_matrix(("x",), np.arange(4.0)[:, None])
    rows = border_rows(signature, data, lambda batch: batch, np.zeros(4, dtype=np.int64), nearness=1e-9)
    assert rows.rows == 0
