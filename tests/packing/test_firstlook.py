from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import onnx
import pytest
from skl2onnx import to_onnx

import models
from daytwo.errors import PackingError
from daytwo.packing.firstlook import first_look, look_at
from daytwo.predictor import Predictor
from daytwo.signature import Field


@pytest.mark.parametrize("name", [name for name in models.ALL if not name.startswith("plain")])
def test_every_estimator_answers_as_it_does_unpacked(name: str):
    model, X, _ = models.ALL[name]()
    look = look_at(model)
    predictor = Predictor(look.model, look.signature, name=name, version="0", runtime=look.runtime)
    if name == "mixed":  # of a table, only what encoders know is told
        X = X.dropna().assign(age=X["age"].astype(float), active=X["active"].astype(float), plan=X["plan"].astype(str))
    answer = predictor.predict(X[:20])
    first = look.signature.outputs[0].name
    expected = model.predict(X[:20]) if hasattr(model, "predict") else model.transform(X[:20])
    assert answer[first].tolist() == np.asarray(expected).tolist()
    assert predictor.run(look.example).rows == look.example.rows
    assert len(look.notes) == 2


def test_names_and_classes_are_the_estimators_own():
    look = look_at(models.iris_named()[0])
    assert look.signature.names == ("sepal_length", "sepal_width", "petal_length", "petal_width")
    assert look.signature.container == "pandas"
    assert look.signature.outputs[0].categories == ("setosa", "versicolor", "virginica")
    assert look_at(models.iris()[0]).signature.names == ("x0", "x1", "x2", "x3")


def test_encoders_tell_their_categories():
    inputs = {field.name: field for field in look_at(models.mixed()[0]).signature.inputs}
    assert inputs["plan"] == Field("plan", "string", categories=("basic", "plus", "pro"))
    assert inputs["country"].categories == ("de", "fr", "it", "us")
    assert inputs["age"] == Field("age", "float64")


def test_from_a_file(tmp_path: Path):
    joblib.dump(models.iris()[0], tmp_path / "model.joblib")
    look = first_look(tmp_path / "model.joblib")
    assert look.runtime == "sklearn"
    assert "packing would add" in look.notes[-1]


def test_an_onnx_file(tmp_path: Path):
    model, X, _ = models.iris()
    onnx.save(to_onnx(model, X[:1].astype(np.float32), options={"zipmap": False}), tmp_path / "model.onnx")
    look = first_look(tmp_path / "model.onnx")
    assert look.runtime == "onnx"
    assert look.model.predict(look.signature.conform(X))["class"].tolist() == model.predict(X).tolist()


def unnamed_width() -> Any:
    """An ONNX model that does not tell how many columns it takes."""
    proto = to_onnx(models.iris()[0], models.iris()[1][:1].astype(np.float32))
    proto.graph.input[0].type.tensor_type.shape.dim[1].Clear()
    return proto


def test_models_that_do_not_tell_what_they_take(tmp_path: Path):
    with pytest.raises(PackingError, match="Threshold does not tell how many fields it takes: pack it with its data"):
        look_at(models.plain()[0])
    onnx.save(unnamed_width(), tmp_path / "model.onnx")
    with pytest.raises(PackingError, match="does not tell its shape: pack it with its data"):
        first_look(tmp_path / "model.onnx")
