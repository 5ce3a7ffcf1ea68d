from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import models
from daytwo.batch import Batch
from daytwo.packing.examples import MAX_EXAMPLES, MIN_EXAMPLES, choose
from daytwo.packing.study import study
from daytwo.signature import Field, Signature


def one_field(field: Field, column: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """The rows chosen for a single field and labels."""
    labels = np.zeros(len(column), dtype=np.int64) if labels is None else labels
    signature = Signature((field,), (Field("class", "int64"),))
    return choose(signature, Batch.from_columns({field.name: column}), Batch.from_columns({"class": labels}))


def test_a_mixed_table_is_covered():
    found = study(*models.mixed())
    rows = choose(found.signature, found.inputs, found.answers, found.truth)
    inputs, answers = found.inputs.take(rows), found.answers.take(rows)
    assert set(answers["class"]) == {"left", "stayed"}
    assert set(inputs["plan"]) == {"basic", "plus", "pro"}
    assert set(inputs["country"]) == {"de", "fr", "it", "us", None}
    assert set(inputs["active"].tolist()) == {True, False}
    for name in ("age", "balance"):
        every = found.inputs[name]
        assert {np.nanmin(every), np.nanmax(every)} <= set(inputs[name].tolist())
    assert np.isnan(inputs["balance"]).any()
    assert MIN_EXAMPLES <= len(rows) <= MAX_EXAMPLES


def test_the_true_classes_are_covered_as_well_as_the_predicted():
    signature = Signature((Field("f", "float64"),), (Field("class", "int64"),))
    inputs = Batch.from_columns({"f": np.zeros(1000)})
    truth = np.zeros(1000, dtype=np.int64)
    truth[777] = 1
    predicted = np.zeros(1000, dtype=np.int64)
    predicted[333] = 2
    assert {333, 777} <= set(choose(signature, inputs, Batch.from_columns({"class": predicted}), truth).tolist())


def test_every_label_of_several_is_covered():
    found = study(*models.multilabel())
    labels = found.answers["class"][choose(found.signature, found.inputs, found.answers)]
    assert all(set(labels[:, index].tolist()) == {0, 1} for index in range(3))


def test_texts_are_covered_by_the_shortest_and_the_longest():
    column = np.array(["ab"] * 500 + ["", "x" * 99] + ["ab"] * 500, dtype=object)
    assert {500, 501} <= set(one_field(Field("f", "string"), column).tolist())


def test_datetimes_by_the_first_and_the_last():
    column = np.full(1000, np.datetime64("2024-01-01", "us"))
    column[[400, 600]] = np.datetime64("2020-01-01"), np.datetime64("2030-01-01")
    assert {400, 600} <= set(one_field(Field("f", "datetime"), column).tolist())


def test_there_are_never_more_than_the_limit():
    categories = np.array([f"c{i}" for i in range(300)] * 3, dtype=object)
    rows = one_field(Field("f", "string", categories=tuple(sorted(set(categories)))), categories)
    assert len(rows) == MAX_EXAMPLES


def test_a_limit_leaves_out_a_little_of_each_field():
    names = [f"f{i}" for i in range(200)]
    signature = Signature(tuple(Field(name, "float64") for name in names), (Field("class", "int64"),))
    matrix = np.zeros((1000, 200))
    matrix[np.arange(200), np.arange(200)] = -1.0  # row i holds the minimum of field i
    answers = Batch.from_columns({"class": np.zeros(1000, dtype=np.int64)})
    chosen = choose(signature, Batch.from_matrix(tuple(names), matrix), answers)
    assert len(chosen) == MAX_EXAMPLES


@given(st.integers(1, 120), st.integers(0, 3))
def test_rows_are_distinct_in_order_and_the_same_each_time(rows: int, seed: int):
    rng = np.random.default_rng(seed)
    column = np.where(rng.random(rows) < 0.3, np.nan, rng.normal(size=rows))
    labels = rng.integers(0, 3, rows)
    chosen = one_field(Field("f", "float64", missing=True), column, labels)
    assert chosen.tolist() == one_field(Field("f", "float64", missing=True), column, labels).tolist()
    assert (np.diff(chosen) > 0).all()
    assert len(chosen) >= min(rows, MIN_EXAMPLES)
    assert set(labels[chosen]) == set(labels)
    assert np.isnan(column[chosen]).any() == np.isnan(column).any()


def test_tensors_and_columns_that_are_all_missing():
    signature = Signature(
        (Field("t", "float64", (2,)), Field("m", "float64", missing=True)), (Field("value", "float64"),)
    )
    inputs = Batch.from_columns({"t": np.ones((5, 2)), "m": np.full(5, np.nan)})
    assert choose(signature, inputs, Batch.from_columns({"value": np.zeros(5)})).tolist() == [0, 1, 2, 3, 4]
