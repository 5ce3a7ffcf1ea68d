"""How good a model is on the rows it was packed with: scikit-learn's metrics, by task.

============== ========================================================================================
task           metrics
============== ========================================================================================
classification ``accuracy``, ``balanced_accuracy``, ``f1_macro``; with probabilities ``log_loss``, and
               ``roc_auc`` (of several classes: one against the rest, macro average)
multilabel     ``subset_accuracy``, ``f1_micro``, ``f1_macro``, ``hamming_loss``
regression     ``r2``, ``mae``, ``rmse`` (of several values: averaged evenly)
outlier        ``outlier_rate``; with a target of 1 and -1 also ``accuracy``, ``balanced_accuracy``, ``f1_macro``
               and, with a score, ``roc_auc``
cluster        ``silhouette`` (of at most 2,000 rows); with a target ``adjusted_rand``
============== ========================================================================================

A metric that is not defined for the data (one class only, two rows) is left out.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics

from daytwo.batch import Array, Batch, is_missing
from daytwo.errors import PackingError, brief
from daytwo.signature import Field

#: Rows of which the silhouette is computed: its cost grows with their square.
_SILHOUETTE_ROWS = 2_000

Scores = dict[str, float]


def score(task: str, outputs: tuple[Field, ...], answers: Batch, truth: Array | None, inputs: Array | None) -> Scores:
    """The metrics of ``task``, by name.

    answers: what the model answered, (rows)
    truth:   the target, (rows,) or (rows, k); rows in which it is missing are left out
    inputs:  the rows as a matrix of numbers, where they are one; only the silhouette needs it
    """
    if task == "cluster":
        return _cluster(answers["class"], truth, inputs)
    if task == "outlier":
        return _outlier(answers, truth)
    if truth is None or task == "transform":
        return {}
    known = np.flatnonzero(~is_missing(truth).reshape(len(truth), -1).any(axis=1))
    by_task = {"classification": _classification, "multilabel": _multilabel, "regression": _regression}
    return by_task[task](outputs, answers.take(known), truth[known])


def check_truth(task: str, outputs: tuple[Field, ...], answers: Batch, truth: Array) -> Array:
    """``truth`` in the shape and kind of what it is the truth of.

    Raises PackingError where it cannot be: numbers for labels that are text, three columns for one.
    """
    if task == "transform":
        return truth
    name = "value" if task == "regression" else "class"
    answered = answers[name]
    if truth.shape != answered.shape:
        raise PackingError(f"y has shape {list(truth.shape)}, the model answers {list(answered.shape)}")
    if task == "regression":
        return _as_numbers(truth)
    if task in ("classification", "multilabel"):
        return _as_labels(outputs, truth)
    return truth


def _as_numbers(truth: Array) -> Array:
    if truth.dtype.kind == "O":
        raise PackingError(f"the model is a regression, but y holds {brief(truth.ravel()[0])}, which is no number")
    return truth.astype(np.float64)


def _as_labels(outputs: tuple[Field, ...], truth: Array) -> Array:
    """Labels of y as the model writes them; integers that became floats for a missing value are integers again."""
    classes = outputs[0].categories or ()
    seen = set(truth[~is_missing(truth)].tolist())
    if classes and seen.isdisjoint(classes):
        labels = ", ".join(brief(label, 20) for label in sorted(seen, key=str)[:4])
        raise PackingError(
            f"none of the labels in y ({labels}, …) is one the model knows: {', '.join(map(repr, classes[:8]))}"
        )
    return truth


def _classification(outputs: tuple[Field, ...], answers: Batch, truth: Array) -> Scores:
    classes, labels = list(outputs[0].categories or ()), answers["class"]
    truth, labels = _codes(classes, truth), _codes(classes, labels)
    out = _label_scores(truth, labels)
    if "probabilities" in answers and (truth >= 0).all():
        scores, every = answers["probabilities"], range(len(classes))
        out |= _defined("log_loss", lambda: metrics.log_loss(truth, scores, labels=list(every)))
        if len(classes) == 2:
            out |= _defined("roc_auc", lambda: metrics.roc_auc_score(truth, scores[:, 1]))
        elif len(set(truth.tolist())) == len(classes):
            out |= _defined("roc_auc", lambda: metrics.roc_auc_score(truth, scores, multi_class="ovr"))
    return out


def _codes(classes: list[Any], labels: Array) -> Array:
    """Each label's position among ``classes``, -1 for one that is not there."""
    position = {label: index for index, label in enumerate(classes)}
    return np.array([position.get(label, -1) for label in labels.tolist()], dtype=np.int64)


def _label_scores(truth: Array, labels: Array) -> Scores:
    return (
        _defined("accuracy", lambda: metrics.accuracy_score(truth, labels))
        | _defined("balanced_accuracy", lambda: metrics.balanced_accuracy_score(truth, labels))
        | _defined("f1_macro", lambda: metrics.f1_score(truth, labels, average="macro", zero_division=0.0))
    )


def _multilabel(outputs: tuple[Field, ...], answers: Batch, truth: Array) -> Scores:
    labels = answers["class"]
    out = {"subset_accuracy": float((truth == labels).all(axis=1).mean())}
    if not {*np.unique(truth).tolist(), *np.unique(labels).tolist()} <= {0, 1}:
        return out
    truth, labels = truth.astype(np.int64), labels.astype(np.int64)
    return (
        out
        | _defined("f1_micro", lambda: metrics.f1_score(truth, labels, average="micro", zero_division=0.0))
        | _defined("f1_macro", lambda: metrics.f1_score(truth, labels, average="macro", zero_division=0.0))
        | _defined("hamming_loss", lambda: metrics.hamming_loss(truth, labels))
    )


def _regression(outputs: tuple[Field, ...], answers: Batch, truth: Array) -> Scores:
    values = answers["value"]
    return (
        _defined("r2", lambda: metrics.r2_score(truth, values))
        | _defined("mae", lambda: metrics.mean_absolute_error(truth, values))
        | _defined("rmse", lambda: metrics.root_mean_squared_error(truth, values))
    )


def _outlier(answers: Batch, truth: Array | None) -> Scores:
    out = {"outlier_rate": float((answers["class"] == -1).mean())}
    if truth is None or not set(np.unique(truth).tolist()) <= {-1, 1}:
        return out
    out |= _label_scores(truth, answers["class"])
    if "score" in answers:
        out |= _defined("roc_auc", lambda: metrics.roc_auc_score(truth, answers["score"]))
    return out


def _cluster(labels: Array, truth: Array | None, inputs: Array | None) -> Scores:
    out: Scores = {}
    if inputs is not None and not is_missing(inputs).any():
        rows = np.sort(np.random.default_rng(0).permutation(len(labels))[:_SILHOUETTE_ROWS])
        out |= _defined("silhouette", lambda: metrics.silhouette_score(inputs[rows], labels[rows]))
    if truth is not None and truth.ndim == 1:
        known = ~is_missing(truth)
        out |= _defined("adjusted_rand", lambda: metrics.adjusted_rand_score(truth[known], labels[known]))
    return out


def _defined(name: str, compute: Callable[[], Any]) -> Scores:
    """The metric, or nothing where it is not defined for this data."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metrics that are not defined; they are left out below
            value = float(compute())
    except ValueError:
        return {}
    return {name: value} if math.isfinite(value) else {}
