from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import models
from daytwo.packing.onnx.frame import Column, Untranslatable
from daytwo.packing.onnx.prepare import read_tables
from daytwo.packing.onnx.translate import translate
from daytwo.packing.study import study
from daytwo.runtimes.onnx import OnnxModel, open_session
from daytwo.signature import Field, Signature


def kinds(model: Any) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_an_array_is_one_input_and_the_graph_no_longer_than_it_must_be():
    found = study(*models.iris())
    translation = translate(found.model, found.signature)
    assert translation.wiring.inputs == (("float64s", found.signature.names),)
    assert sorted(kinds(translation.model)) == ["ArgMax", "Div", "Gemm", "Softmax", "Sub"]
    assert translation.wiring.indexed == {"class"}


def test_text_never_becomes_an_answer():
    found = study(*models.iris_named())
    translation = translate(found.model, found.signature)
    assert "class" in translation.wiring.indexed
    assert kinds(translation.model).count("Cast") == 0


def test_a_table_has_one_input_for_each_kind_of_column():
    found = study(*models.mixed())
    wired = dict(translate(found.model, found.signature).wiring.inputs)
    assert wired == {
        "int64s": ("age",), "float64s": ("balance", "active"), "text:plan": ("plan",), "text:country": ("country",)
    }  # fmt: skip


def test_columns_are_found_by_name_whatever_their_order():
    X, y = models.customers()
    X = X[["age", "balance", "active"]].fillna(0.0)
    columns = ColumnTransformer([("scale", StandardScaler(), ["balance"])], remainder="passthrough")
    model = make_pipeline(columns, LogisticRegression(max_iter=500)).fit(X, y)
    found = study(model, X, y)
    turned = replace(found.signature, inputs=found.signature.inputs[::-1])
    translation = translate(model, turned)
    form = OnnxModel(open_session(translation.model.SerializeToString()), turned, translation.wiring)
    assert np.array_equal(form.predict(turned.conform(X))["class"], model.predict(X))


def test_what_is_not_understood_is_said():
    when = Field("when", "datetime")
    signature = Signature((when,), (Field("class", "int64"),), "pandas")
    with pytest.raises(Untranslatable, match="the datetime 'when'"):
        translate(LogisticRegression(), signature)
    with pytest.raises(Untranslatable, match="an input that is a tensor"):
        translate(LogisticRegression(), Signature((Field("x", "float64", (2,)),), ()))


def test_text_without_an_encoder_is_not_a_number():
    X = pd.DataFrame({"a": ["1", "2"] * 5})
    model = RandomForestClassifier(2).fit(X.astype(float), [0, 1] * 5)
    signature = Signature((Field("a", "string"),), (Field("class", "int64", categories=(0, 1)),), "pandas")
    with pytest.raises(Untranslatable, match="text in a where numbers are expected"):
        translate(model, signature)


def test_an_output_that_the_model_has_not_is_missed():
    found = study(*models.iris())
    more = found.signature.with_outputs([*found.signature.outputs, Field("score", "float64")])
    with pytest.raises(Untranslatable, match="no score from Pipeline"):
        translate(found.model, more)


def test_an_encoder_is_asked_for_its_own_table():
    X = pd.DataFrame({"a": ["x", "y", "z", None], "b": ["p", "p", "q", "q"]}, dtype=object)
    encoder = OneHotEncoder(handle_unknown="ignore", drop="first").fit(X)
    frame = tuple(_text(name) for name in X.columns)
    (first, rows, unknown), (second, other, _) = read_tables(encoder, frame)
    assert first[:3] == ["x", "y", "z"]
    assert rows[:3].tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert unknown is not None
    assert unknown.tolist() == [0, 0, 0]
    assert second[:2] == ["p", "q"]
    assert other[:2].tolist() == [[0], [1]]


def _text(name: str) -> Column:
    return Column(name, 0, 1, np.dtype(object), np.dtype(object), name)
