from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import DBSCAN
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.svm import LinearSVC, OneClassSVM

import models
from daytwo.errors import PackingError
from daytwo.packing.outputs import check_model, describe, runtime_of
from daytwo.signature import Field

X = models.iris()[1]
Y = models.iris()[2]
PAIRS = np.column_stack([Y > 0, Y > 1])


class Answers:
    """A plain Python object that answers what it is told to."""

    def __init__(self, answer: Any, probabilities: Any = None) -> None:
        self.answer = answer
        if probabilities is not None:
            self.predict_proba = lambda data: np.asarray(probabilities)

    def predict(self, data: Any) -> Any:
        return self.answer


@pytest.mark.parametrize(
    ("name", "task", "outputs"),
    [
        ("iris", "classification",
         [Field("class", "int64", categories=(0, 1, 2)), Field("probabilities", "float64", (3,), categories=(0, 1, 2))]),
        ("mixed", "classification",
         [Field("class", "string", categories=("left", "stayed")),
          Field("probabilities", "float64", (2,), categories=("left", "stayed"))]),
        ("multilabel", "multilabel",
         [Field("class", "int64", (3,), categories=(0, 1)), Field("probabilities", "float64", (3,))]),
        ("regression", "regression", [Field("value", "float64")]),
        ("multi_output", "regression", [Field("value", "float64", (2,))]),
        ("outliers", "outlier", [Field("class", "int64", categories=(-1, 1)), Field("score", "float64")]),
        ("clusters", "cluster", [Field("class", "int64", categories=(0, 1, 2))]),
        ("transformer", "transform", [Field("value", "float64", (2,))]),
        ("plain", "classification", [Field("class", "string", categories=("high", "low"))]),
        ("plain_number", "regression", [Field("value", "float64")]),
    ],
)  # fmt: skip
def test_every_kind_of_model(name: str, task: str, outputs: list[Field]):
    model, data, _ = models.ALL[name]()
    found = describe(model, data)
    assert found.task == task
    assert list(found.outputs) == outputs
    for field in outputs:
        assert found.answers[field.name].dtype == field.storage
        assert found.answers[field.name].shape == (len(data), *field.shape)


@pytest.mark.parametrize(
    ("labels", "dtype", "classes"),
    [
        (Y.astype(np.int8), "int8", (0, 1, 2)),
        (Y.astype(float), "float64", (0.0, 1.0, 2.0)),
        (Y > 0, "bool", (False, True)),
        (np.array(["a", "b", "c"])[Y], "string", ("a", "b", "c")),
        (np.array(["a", "b", "c"], dtype=object)[Y], "string", ("a", "b", "c")),
    ],
)
def test_labels_are_answered_as_they_were_trained(labels: np.ndarray, dtype: str, classes: tuple):
    found = describe(GaussianNB().fit(X, labels), X)
    assert (found.outputs[0].dtype, found.outputs[0].categories) == (dtype, classes)
    assert found.answers["class"].tolist() == GaussianNB().fit(X, labels).predict(X).tolist()
    assert all(type(a) is type(b) for a, b in zip(found.outputs[0].categories or (), classes, strict=True))


@pytest.mark.parametrize(
    ("model", "task", "names"),
    [
        (LinearSVC().fit(X, Y), "classification", ["class"]),
        (OneClassSVM().fit(X), "outlier", ["class", "score"]),
        (GaussianMixture(2, random_state=0).fit(X), "cluster", ["class"]),
        (OneVsRestClassifier(GaussianNB()).fit(X, PAIRS.astype(int)), "multilabel", ["class", "probabilities"]),
        (RandomForestClassifier(3).fit(X, np.column_stack([Y, Y])), "multilabel", ["class"]),
        (LinearRegression().fit(X, Y[:, None]), "regression", ["value"]),
        (FunctionTransformer().fit(X), "transform", ["value"]),
        (OneHotEncoder(handle_unknown="ignore").fit(X), "transform", ["value"]),
    ],
)
def test_other_estimators(model: Any, task: str, names: list[str]):
    found = describe(model, X)
    assert found.task == task
    assert [field.name for field in found.outputs] == names


def test_one_column_of_values_is_one_value():
    assert describe(LinearRegression().fit(X, Y[:, None]), X).outputs == (Field("value", "float64"),)


def test_the_probability_of_a_label_that_was_never_seen_is_zero():
    labels = np.column_stack([Y > 0, np.zeros(150)]).astype(int)
    found = describe(RandomForestClassifier(3, random_state=0).fit(X, labels), X)
    assert found.answers["probabilities"].shape == (150, 2)
    assert not found.answers["probabilities"][:, 1].any()


@pytest.mark.parametrize(
    ("answer", "task", "output"),
    [
        ([1, 2], "classification", Field("class", "int64", categories=(1, 2))),
        ([True, False], "classification", Field("class", "bool", categories=(False, True))),
        (["a", "b"], "classification", Field("class", "string", categories=("a", "b"))),
        ([[1], [2]], "classification", Field("class", "int64", categories=(1, 2))),
        ([0.5, 1], "regression", Field("value", "float64")),
        ([[0.5, 1], [1, 2]], "regression", Field("value", "float64", (2,))),
        ([[0, 1], [1, 1]], "multilabel", Field("class", "int64", (2,), categories=(0, 1))),
    ],
)
def test_plain_objects_are_judged_by_their_answers(answer: list, task: str, output: Field):
    found = describe(Answers(answer), X[:2])
    assert (found.task, found.outputs[0]) == (task, output)


def test_classes_of_a_plain_object_with_probabilities_are_numbered_or_come_from_the_truth():
    numbered = describe(Answers([0, 0], [[0.9, 0.05, 0.05]] * 2), X[:2])
    assert numbered.outputs[1].categories == (0, 1, 2)
    named = describe(Answers(["no", "no"], [[0.9, 0.1]] * 2), X[:2], np.array(["no", "yes"], dtype=object))
    assert named.outputs[1].categories == ("no", "yes")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Answers([1, 2, 3]), "answers 3 rows for 2"),
        (Answers([None, "a"]), "labels must be all text, all numbers or all booleans"),
        (Answers(["no", "no"], [[0.9, 0.1]] * 2), r"predict_proba answers shape \[2, 2\] for 1 classes"),
        (Answers(np.zeros((2, 2, 2), int)), "one label, or one row of labels, per row is known"),
        (models.regression()[0], "LinearRegression.predict raises on the data given: ValueError"),
    ],
)
def test_answers_that_no_output_can_hold(model: Any, message: str):
    with pytest.raises(PackingError, match=message):
        describe(model, X[:2])


def test_a_transformer_must_answer_numbers():
    words = np.array([["a"], ["b"]], dtype=object)
    with pytest.raises(PackingError, match="which are not numbers"):
        describe(FunctionTransformer(validate=False).fit(words), words)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LogisticRegression, "LogisticRegression is a class: pack a fitted instance"),
        (LogisticRegression(), "LogisticRegression is not fitted: call fit"),
        (DBSCAN().fit(X), "neither predict nor transform: it can only label the data it was fitted on"),
        ({"model": 1}, "dict has neither predict nor transform: it is no model"),
        (None, "NoneType has neither"),
        ("model.pkl", "'model.pkl' is a path, not a model: load it first"),
    ],
)
def test_what_is_no_fitted_model(model: Any, message: str):
    with pytest.raises(PackingError, match=message):
        check_model(model)


def test_runtimes():
    assert [runtime_of(m) for m in (models.iris()[0], models.plain()[0])] == ["sklearn", "python"]
