from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import models
from daytwo.batch import Batch
from daytwo.packing.study import study
from daytwo.runtimes.python import PythonModel, PythonRuntime
from daytwo.signature import Field, Signature


@pytest.mark.parametrize("name", ["plain", "plain_number"])
def test_what_is_saved_answers_as_before(name: str, tmp_path: Path):
    model, X, y = models.ALL[name]()
    found = study(model, X, y)
    runtime = PythonRuntime()
    runtime.save(model, tmp_path)
    assert runtime.executes(tmp_path) == "a pickle"
    answer = runtime.load(tmp_path, found.signature).predict(found.inputs)
    for field in found.signature.outputs:
        assert np.array_equal(answer[field.name], found.answers[field.name])
        assert answer[field.name].dtype == field.storage


def test_a_class_of_a_notebook_travels_by_value(tmp_path: Path):
    class Local:
        def predict(self, X: Any) -> Any:
            return np.asarray(X)[:, 0] * 2.0

    signature = Signature((Field("x", "float64"),), (Field("value", "float64"),), "array", "float64")
    PythonRuntime().save(Local(), tmp_path)
    loaded = PythonRuntime().load(tmp_path, signature)
    assert not loaded.releases_gil
    assert loaded.predict(Batch.from_matrix(("x",), np.array([[1.5]])))["value"].tolist() == [3.0]


def test_an_answer_of_the_wrong_shape_is_not_an_answer():
    class Short:
        def predict(self, X: Any) -> Any:
            return np.zeros(1)

    signature = Signature((Field("x", "float64"),), (Field("value", "float64"),), "array", "float64")
    with pytest.raises(ValueError, match=r"value has shape \[1\], expected \[2\]"):
        PythonModel(Short(), signature).predict(Batch.from_matrix(("x",), np.zeros((2, 1))))


def test_probabilities_come_from_predict_proba():
    class Sure:
        def predict(self, X: Any) -> Any:
            return ["yes"] * len(X)

        def predict_proba(self, X: Any) -> Any:
            return [[0.0, 1.0]] * len(X)

    labels = ("no", "yes")
    outputs = (Field("class", "string", categories=labels), Field("probabilities", "float64", (2,), categories=labels))
    signature = Signature((Field("x", "float64"),), outputs, "array", "float64")
    answer = PythonModel(Sure(), signature).predict(Batch.from_matrix(("x",), np.zeros((3, 1))))
    assert answer["class"].tolist() == ["yes"] * 3
    assert answer["probabilities"].shape == (3, 2)
