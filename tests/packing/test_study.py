from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skl2onnx import to_onnx
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

import models
from daytwo.errors import PackingError
from daytwo.packing import study as module
from daytwo.packing.study import study, truth_batch


@pytest.mark.parametrize("name", models.ALL)
def test_every_kind_of_model_is_understood(name: str):
    model, X, y = models.ALL[name]()
    found = study(model, X, y)
    assert found.rows == found.inputs.rows == found.answers.rows == len(X)
    assert found.signature.names == found.inputs.names
    assert [f.name for f in found.signature.outputs] == list(found.answers.names)
    assert (found.truth is None) == (y is None)


def test_unseen_categories_are_settled_by_the_model():
    fields = {f.name: f for f in study(*models.mixed()).signature.inputs}
    assert fields["plan"].unseen == "refuse"
    assert fields["country"].unseen == "allow"


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_integers_behind_a_strict_encoder_are_categories(container: str):
    X = pd.DataFrame({"store": [1, 2, 3] * 20, "size": np.arange(60)})
    data: Any = X if container == "pandas" else pl.from_pandas(X)
    strict = ColumnTransformer([("store", OneHotEncoder(), ["store"])], remainder="passthrough")
    model = make_pipeline(strict, LinearRegression()).fit(data, X["size"])
    store, size = study(model, data).signature.inputs
    assert (store.categories, store.unseen, size.categories) == ((1, 2, 3), "refuse", None)


class ByName(BaseEstimator, TransformerMixin):
    """A step that takes a table by its names, and remembers only how many there were."""

    def fit(self, X: Any, y: Any = None) -> ByName:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X[["b"]].to_numpy()


def test_a_table_stays_one_where_an_array_is_not_taken():
    X = pd.DataFrame({"a": ["x"] * 30, "b": np.arange(30.0)})
    found = study(make_pipeline(ByName(), LinearRegression()).fit(X, X["b"]), X, X["b"])
    assert found.signature.container == "pandas"


def test_text_goes_through_a_vectoriser():
    X = pd.DataFrame({"note": [f"good day {i}" if i % 2 else f"bad night {i}" for i in range(40)]})
    words = ColumnTransformer([("note", TfidfVectorizer(), "note")])
    found = study(make_pipeline(words, LogisticRegression()).fit(X, np.arange(40) % 2), X)
    assert (found.signature.inputs[0].dtype, found.signature.inputs[0].categories) == ("string", None)


def test_instants_reach_the_model_in_their_own_zone():
    X = pd.DataFrame({"when": pd.date_range("2024-01-01", periods=48, freq="h", tz="Europe/Berlin")})
    hours = make_pipeline(
        FunctionTransformer(lambda table: table[["when"]].assign(when=table["when"].dt.hour)), LinearRegression()
    )
    found = study(hours.fit(X, X["when"].dt.hour), X, X["when"].dt.hour)
    assert found.signature.inputs[0].native == "datetime64[us, Europe/Berlin]"


def test_missing_values_must_be_taken_by_the_model_where_they_are_asked_for():
    model, X, y = models.iris()
    with pytest.raises(PackingError, match="allowed in x0, but the model raises for one"):
        study(model, X, y, allow_missing=["x0"])
    forest, X, y = models.cancer()
    assert all(field.missing for field in study(forest, X, y, allow_missing=True).signature.inputs)


def test_missing_values_that_the_model_does_not_take_are_the_data_s_fault():
    model, X, _ = models.iris()
    holed = X.copy()
    holed[3, 1] = np.nan
    with pytest.raises(PackingError, match=r"Pipeline\.predict raises on the data given: ValueError: Input X contains"):
        study(model, holed)


def test_many_rows_are_sampled_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "MAX_ROWS", 50)
    for name in ("iris", "mixed"):
        model, X, y = models.ALL[name]()
        first, second = study(model, X, y), study(model, X, y)
        assert (first.rows, first.inputs.rows, len(first.truth)) == (len(X), 50, 50)
        column = first.signature.names[0]
        assert first.inputs[column].tolist() == second.inputs[column].tolist()
        assert first.answers["class"].tolist() == second.answers["class"].tolist()
    ranges = [(f.minimum, f.maximum) for f in study(*models.iris()).signature.inputs]
    X = models.iris()[1]
    assert ranges == list(zip(X.min(axis=0), X.max(axis=0), strict=True))


def test_onnx_models():
    model, X, y = models.iris()
    found = study(to_onnx(model, X[:1].astype(np.float32), options={"zipmap": False}), X, y)
    assert (found.runtime, found.task, found.what) == ("onnx", "classification", "skl2onnx")
    with pytest.raises(PackingError, match="none of the labels in y"):
        study(to_onnx(model, X[:1].astype(np.float32)), X, ["a"] * 150)


def test_the_truth_is_of_the_output_it_is_the_truth_of():
    batches = {name: truth_batch(study(*models.ALL[name]())) for name in ("iris", "regression", "clusters", "outliers")}
    assert {name: batch and batch.names for name, batch in batches.items()} == {
        "iris": ("class",), "regression": ("value",), "clusters": None, "outliers": None
    }  # fmt: skip
    model, X, _ = models.outliers()
    assert truth_batch(study(model, X, np.where(np.arange(150) < 9, -1, 1))) is not None
    assert truth_batch(study(model, X, np.arange(150))) is None


columns = {
    "n": st.floats(-1e6, 1e6, width=32),
    "i": st.integers(-1000, 1000),
    "b": st.booleans(),
    "s": st.sampled_from(["u", "v", "w"]),
}


@settings(max_examples=25)
@given(st.lists(st.fixed_dictionaries(columns), min_size=4, max_size=20), st.sampled_from(["pandas", "polars"]))
def test_what_is_learnt_from_any_table_fits_that_table(rows: list[dict[str, Any]], container: str):
    X: Any = pd.DataFrame(rows) if container == "pandas" else pl.DataFrame(rows)
    encode = ColumnTransformer([("s", OneHotEncoder(handle_unknown="ignore"), ["s"])], remainder="passthrough")
    model = make_pipeline(encode, DecisionTreeRegressor(max_depth=2)).fit(X, np.arange(len(rows)))
    found = study(model, X, np.arange(len(rows)))
    assert found.answers["value"].tolist() == model.predict(X).tolist()
    assert found.inputs["n"].tolist() == [row["n"] for row in rows]
    assert found.inputs["s"].tolist() == [row["s"] for row in rows]
