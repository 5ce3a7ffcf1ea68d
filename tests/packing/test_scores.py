from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn import metrics

import models
from daytwo.batch import Batch
from daytwo.errors import PackingError
from daytwo.packing import scores
from daytwo.packing.outputs import describe
from daytwo.packing.scores import check_truth, score
from daytwo.signature import Field


def scored(name: str) -> dict[str, float]:
    """The metrics of one of the models."""
    model, X, y = models.ALL[name]()
    found = describe(model, X)
    return score(found.task, found.outputs, found.answers, None if y is None else np.asarray(y), np.asarray(X))


def test_classification_as_scikit_learn_computes_it():
    model, X, y = models.iris()
    labels, probabilities = model.predict(X), model.predict_proba(X)
    assert scored("iris") == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(y, labels),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, labels),
            "f1_macro": metrics.f1_score(y, labels, average="macro"),
            "log_loss": metrics.log_loss(y, probabilities),
            "roc_auc": metrics.roc_auc_score(y, probabilities, multi_class="ovr"),
        }
    )


def test_two_classes():
    model, X, y = models.cancer()
    assert scored("cancer")["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, model.predict_proba(X)[:, 1]))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixed", {"accuracy", "balanced_accuracy", "f1_macro", "log_loss", "roc_auc"}),
        ("plain", {"accuracy", "balanced_accuracy", "f1_macro"}),
        ("multilabel", {"subset_accuracy", "f1_micro", "f1_macro", "hamming_loss"}),
        ("regression", {"r2", "mae", "rmse"}),
        ("multi_output", {"r2", "mae", "rmse"}),
        ("outliers", {"outlier_rate"}),
        ("clusters", {"silhouette", "adjusted_rand"}),
    ],
)
def test_each_task_has_its_metrics(name: str, expected: set[str]):
    if name == "mixed":
        model, X, y = models.mixed()
        found = describe(model, X)
        assert set(score(found.task, found.outputs, found.answers, np.array(y, dtype=object), None)) == expected
    else:
        assert set(scored(name)) == expected


def test_every_metric_is_documented():
    named = set().union(*(scored(name) for name in models.ALL if name not in ("mixed", "transformer")))
    assert named <= set(re.findall(r"``(\w+)``", scores.__doc__ or ""))


def test_rows_without_truth_are_left_out():
    model, X, y = models.regression()
    found = describe(model, X)
    holed = np.where(np.arange(len(y)) < 100, np.nan, y)
    assert score(found.task, found.outputs, found.answers, holed, None)["r2"] == pytest.approx(
        metrics.r2_score(y[100:], model.predict(X)[100:])
    )


def test_a_metric_that_is_not_defined_is_left_out():
    outputs = (Field("class", "int64", categories=(0, 1)), Field("probabilities", "float64", (2,), categories=(0, 1)))
    answers = Batch.from_columns({"class": np.zeros(3, np.int64), "probabilities": np.tile([0.75, 0.25], (3, 1))})
    assert "roc_auc" not in score("classification", outputs, answers, np.zeros(3, np.int64), None)
    one = Batch.from_columns({"value": np.ones(1)})
    assert set(score("regression", (Field("value", "float64"),), one, np.ones(1), None)) == {"mae", "rmse"}


def test_labels_that_the_model_does_not_know_count_as_wrong():
    outputs = (Field("class", "string", categories=("a", "b")), Field("probabilities", "float64", (2,)))
    answers = Batch.from_columns({"class": np.array(["a", "b"], object), "probabilities": np.eye(2)})
    found = score("classification", outputs, answers, np.array(["a", "c"], object), None)
    assert found["accuracy"] == 0.5
    assert "log_loss" not in found


def test_outliers_with_a_truth():
    model, X, _ = models.outliers()
    found = describe(model, X)
    truth = np.where(np.arange(150) < 10, -1, 1)
    assert set(score(found.task, found.outputs, found.answers, truth, None)) == {
        "outlier_rate", "accuracy", "balanced_accuracy", "f1_macro", "roc_auc"
    }  # fmt: skip
    assert set(score(found.task, found.outputs, found.answers, np.arange(150), None)) == {"outlier_rate"}


def test_without_a_truth_there_is_nothing_to_measure():
    model, X, _ = models.iris()
    found = describe(model, X)
    assert score(found.task, found.outputs, found.answers, None, None) == {}


@pytest.mark.parametrize(
    ("name", "truth", "message"),
    [
        ("iris", np.array(["a", "b"] * 75, dtype=object), r"none of the labels in y \('a', 'b', …\) .* knows: 0, 1, 2"),
        ("iris", np.zeros((150, 2)), r"y has shape \[150, 2\], the model answers \[150\]"),
        ("regression", np.array(["x"] * 442, dtype=object), "a regression, but y holds 'x', which is no number"),
        ("multilabel", np.zeros(120), r"y has shape \[120\], the model answers \[120, 3\]"),
    ],
)
def test_a_truth_that_cannot_be(name: str, truth: np.ndarray, message: str):
    model, X, _ = models.ALL[name]()
    found = describe(model, X)
    with pytest.raises(PackingError, match=message):
        check_truth(found.task, found.outputs, found.answers, truth)
