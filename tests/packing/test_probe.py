from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import models
from daytwo.batch import Batch
from daytwo.errors import PackingError
from daytwo.packing.infer import infer_inputs
from daytwo.packing.probe import probe, unseen_value
from daytwo.runtimes.feed import feeder
from daytwo.signature import Field, Signature


def settled(field: Field, column: list[Any], *, accepts: Any, observed: bool = False) -> Field:
    """The field after asking a model that accepts what ``accepts`` says."""
    values = np.empty(len(column), dtype=field.storage)
    values[:] = column

    def ask(batch: Batch) -> None:
        if not all(accepts(value) for value in batch[field.name].tolist()):
            raise ValueError("not that")

    data = Batch.from_columns({field.name: values})
    return probe(Signature((field,), ()), data, ask, observed=[observed]).inputs[0]


def test_an_unseen_category_is_refused_where_the_model_raises():
    field = Field("f", "string", categories=("a", "b"))
    assert settled(field, ["a", "b"], accepts={"a", "b"}.__contains__).unseen == "refuse"
    assert settled(field, ["a", "b"], accepts=lambda value: True) == field


def test_text_with_many_values_becomes_categorical_where_the_model_raises():
    words = [f"w{i}" for i in range(80)]
    found = settled(Field("f", "string"), words, accepts=set(words).__contains__)
    assert found.categories == tuple(sorted(words))
    assert found.unseen == "refuse"


def test_integers_that_the_model_takes_as_categories_become_categorical():
    found = settled(Field("f", "int64"), [1, 2, 5, 1, 2, 5], accepts={1, 2, 5}.__contains__)
    assert (found.categories, found.unseen) == ((1, 2, 5), "refuse")
    assert settled(Field("f", "int64"), [1, 2, 1, 2], accepts=lambda value: True).categories is None


def test_integers_that_are_not_repeated_are_no_categories():
    field = Field("f", "int64")
    assert settled(field, [1, 2, 3], accepts={1, 2, 3}.__contains__) == field


def test_missing_values_that_were_asked_for_must_be_taken():
    field = Field("f", "float64", missing=True)
    with pytest.raises(PackingError, match="allowed in f, but the model raises for one: ValueError: not that"):
        settled(field, [1.0, 2.0], accepts=lambda value: value == value)
    assert settled(field, [1.0, 2.0], accepts=lambda value: True) == field


@pytest.mark.parametrize("dtype", ["string", "datetime", "int64", "bool", "float32"])
def test_a_missing_value_of_every_dtype_can_be_asked_about(dtype: str):
    field = Field("f", dtype, missing=True)
    column = [np.datetime64(0, "us")] * 2 if dtype == "datetime" else ["a"] * 2 if dtype == "string" else [0, 0]
    assert settled(field, column, accepts=lambda value: True).missing


def test_a_real_pipeline_is_asked_field_by_field():
    model, X, _ = models.mixed()
    fields, container, dtype = infer_inputs(X)
    signature = Signature(fields, (), container, dtype)
    feed = feeder(signature)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = probe(
            signature,
            signature.conform(X),
            lambda batch: model.predict(feed(batch)),
            observed=[f.missing for f in fields],
        )
    assert {f.name: f.unseen for f in found.inputs if f.categories} == {"plan": "refuse", "country": "allow"}


def test_a_matrix_is_asked_with_one_column_changed():
    signature = Signature((Field("a", "int64"), Field("b", "int64")), (), "array", "int64")
    data = signature.conform(np.array([[1, 1], [2, 2], [1, 1], [2, 2]]))

    def ask(batch: Batch) -> None:
        assert batch["a"].tolist() == [1]
        if batch["b"][0] not in (1, 2):
            raise KeyError("b")

    def strict(batch: Batch) -> None:
        if batch["b"][0] not in (1, 2):
            raise KeyError("b")

    assert [f.unseen for f in probe(signature, data, strict, observed=[False, False]).inputs] == ["allow", "refuse"]
    with pytest.raises(AssertionError):
        ask(Batch.from_matrix(("a", "b"), np.array([[3, 1]])))


@given(st.sets(st.integers(-128, 127), min_size=1))
def test_an_unseen_integer_fits_its_dtype(known: set[int]):
    value = unseen_value("int8", tuple(known))
    assert (value is None) == (len(known) == 256)
    assert value not in known
    assert value is None or -128 <= int(value) <= 127


@given(st.sets(st.text()))
def test_an_unseen_text_is_unseen(known: set[str]):
    assert unseen_value("string", (*known, "daytwo-unseen")) not in {*known, "daytwo-unseen"}
