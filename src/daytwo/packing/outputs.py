"""What a model answers: its task, the outputs with their dtypes and labels, and the answers themselves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from daytwo.batch import DTYPES, Array, Batch
from daytwo.errors import PackingError, brief, sentence
from daytwo.signature import Category, Field
from daytwo.tables import array_of

#: Each output with the method that answers it.
Answers = tuple[Field, Array]


@dataclass(frozen=True)
class Described:
    """A model's task, and what it answered for the rows it was asked.

    task:    ``classification``, ``multilabel``, ``regression``, ``outlier``, ``cluster`` or ``transform``
    outputs: the signature's outputs
    answers: one column per output, for the same rows as the data
    """

    task: str
    outputs: tuple[Field, ...]
    answers: Batch


def runtime_of(model: Any) -> str:
    """``sklearn`` for estimators and pipelines, ``python`` for every other object."""
    return "sklearn" if isinstance(model, BaseEstimator) else "python"


def check_model(model: Any) -> None:
    """Raises PackingError where ``model`` is no fitted model: a class, something without predict, not fitted yet."""
    kind = type(model).__name__
    if isinstance(model, str | Path):
        raise PackingError(f"{str(model)!r} is a path, not a model: load it first, or use the command daytwo pack")
    if inspect.isclass(model):
        raise PackingError(f"{model.__name__} is a class: pack a fitted instance of it")
    if not hasattr(model, "predict") and not hasattr(model, "transform"):
        what = "can only label the data it was fitted on" if hasattr(model, "fit_predict") else "is no model"
        raise PackingError(f"{kind} has neither predict nor transform: it {what}")
    if isinstance(model, BaseEstimator):
        try:
            check_is_fitted(model)
        except NotFittedError:
            raise PackingError(f"{kind} is not fitted: call fit before packing") from None


def describe(model: Any, data: Any, truth: Array | None = None) -> Described:
    """The task and outputs of ``model``, from what it says about itself and from what it answers.

    data:  what the model is fed with, as :func:`daytwo.packing.align.align` gives it
    truth: the target; its labels complete the classes of a model that does not list them

    Raises PackingError where the model raises on its own data, or answers what no output can hold.
    """
    if not hasattr(model, "predict"):
        return _described("transform", [_value(_asked(model, "transform", data), keep=True)])
    predicted = _dense(_asked(model, "predict", data))
    if len(predicted) != len(data):
        raise PackingError(f"{type(model).__name__} answers {len(predicted)} rows for {len(data)}")
    task = _task(model, predicted)
    return _described(task, _TASKS[task](model, data, predicted, truth))


def ask(model: Any, data: Any) -> Any:
    """The model's first answer for ``data``: raises whatever the model raises."""
    return model.predict(data) if hasattr(model, "predict") else model.transform(data)


def _task(model: Any, predicted: Array) -> str:
    if isinstance(model, BaseEstimator):
        judged = ((is_outlier_detector, "outlier"), (is_clusterer, "cluster"), (is_regressor, "regression"))
        for judge, task in judged:
            if judge(model):
                return task
        if get_tags(model).estimator_type == "density_estimator":
            return "cluster"  # a mixture: it says which component
        if is_classifier(model):
            return "classification" if _flat(predicted) else "multilabel"
    if predicted.dtype.kind == "f":
        return "regression"
    return "classification" if _flat(predicted) else "multilabel"


def _flat(predicted: Array) -> bool:
    return predicted.ndim == 1 or (predicted.ndim == 2 and predicted.shape[1] == 1)


def _classification(model: Any, data: Any, predicted: Array, truth: Array | None) -> list[Answers]:
    labels = _labels(predicted.reshape(len(predicted)))
    probabilities = _asked(model, "predict_proba", data) if hasattr(model, "predict_proba") else None
    classes = _classes(model, labels, truth, probabilities)
    answers = [(Field("class", _dtype_of(labels), categories=classes), labels)]
    if probabilities is not None:
        scores = _numbers("predict_proba", probabilities)
        if scores.ndim != 2 or scores.shape[1] != len(classes):
            raise PackingError(f"predict_proba answers shape {list(scores.shape)} for {len(classes)} classes")
        answers.append((Field("probabilities", "float64", (len(classes),), categories=classes), scores))
    return answers


def _classes(model: Any, labels: Array, truth: Array | None, probabilities: Any) -> tuple[Category, ...]:
    """The labels in the order of the probabilities: as the model lists them, else all that were seen."""
    listed = getattr(model, "classes_", None)
    if listed is not None:
        return tuple(_labels(np.asarray(listed)).tolist())
    seen = set(labels.tolist()) | (set(_labels(truth).tolist()) if truth is not None and truth.ndim == 1 else set())
    width = len(seen) if probabilities is None else np.shape(probabilities)[-1]
    if width > len(seen) and labels.dtype.kind in "iu" and all(0 <= label < width for label in seen):
        seen = set(range(width))  # a model without classes_ that numbers them, some of which were not in this data
    try:
        return tuple(sorted(seen))
    except TypeError:
        raise PackingError(f"the labels are of different types: {brief(sorted(seen, key=str))}") from None


def _multilabel(model: Any, data: Any, predicted: Array, truth: Array | None) -> list[Answers]:
    labels = _labels(predicted)
    if labels.ndim != 2:
        raise PackingError(
            f"predict answers shape {list(labels.shape)}; one label, or one row of labels, per row is known"
        )
    width, values = labels.shape[1], tuple(sorted(set(labels.ravel().tolist()), key=str))
    binary = labels.dtype.kind in "biu" and set(values) <= {0, 1}
    categories: tuple[Category, ...] = (False, True) if labels.dtype.kind == "b" else (0, 1) if binary else values
    answers = [(Field("class", _dtype_of(labels), (width,), categories=categories), labels)]
    if binary and hasattr(model, "predict_proba"):
        scores = _of_label_1(_asked(model, "predict_proba", data), getattr(model, "classes_", None))
        if scores.shape == labels.shape:
            answers.append((Field("probabilities", "float64", (width,)), scores))
    return answers


def _of_label_1(answer: Any, classes: Any) -> Array:
    """The probability of label 1 of each output, zero where that label was never seen in training."""
    if not isinstance(answer, list):
        return _numbers("predict_proba", answer)
    columns = []
    for scores, labels in zip(answer, classes if classes is not None else [(0, 1)] * len(answer), strict=True):
        known = list(labels)
        columns.append(np.asarray(scores)[:, known.index(1)] if 1 in known else np.zeros(len(scores)))
    return _numbers("predict_proba", np.stack(columns, axis=1))


def _regression(model: Any, data: Any, predicted: Array, truth: Array | None) -> list[Answers]:
    return [_value(predicted, keep=False)]


def _outlier(model: Any, data: Any, predicted: Array, truth: Array | None) -> list[Answers]:
    answers = [(Field("class", "int64", categories=(-1, 1)), predicted.astype(np.int64))]
    if hasattr(model, "decision_function"):
        scores = _numbers("decision_function", _asked(model, "decision_function", data))
        answers.append((Field("score", "float64"), scores.reshape(len(scores))))
    return answers


def _cluster(model: Any, data: Any, predicted: Array, truth: Array | None) -> list[Answers]:
    labels = predicted.astype(np.int64)
    fitted = getattr(model, "labels_", labels)
    clusters = tuple(sorted({int(label) for part in (labels, fitted) for label in np.unique(part)}))
    return [(Field("class", "int64", categories=clusters), labels)]


_TASKS: Mapping[str, Callable[[Any, Any, Array, Array | None], list[Answers]]] = {
    "classification": _classification,
    "multilabel": _multilabel,
    "regression": _regression,
    "outlier": _outlier,
    "cluster": _cluster,
}


def _value(answer: Any, *, keep: bool) -> Answers:
    """Numbers as the output ``value``; a single column becomes a scalar unless it is to be kept."""
    values = _numbers("the model", _dense(answer))
    if values.ndim == 2 and values.shape[1] == 1 and not keep:
        values = values[:, 0]
    if values.ndim == 1 and keep:
        values = values[:, None]
    return Field("value", "float64", tuple(values.shape[1:])), values


def _described(task: str, answers: Sequence[Answers]) -> Described:
    return Described(
        task,
        tuple(field for field, _ in answers),
        Batch.from_columns({field.name: np.ascontiguousarray(column) for field, column in answers}),
    )


def _asked(model: Any, method: str, data: Any) -> Any:
    try:
        return getattr(model, method)(data)
    except Exception as error:
        raise PackingError(f"{type(model).__name__}.{method} raises on the data given: {sentence(error)}") from error


def _dense(answer: Any) -> Array:
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)


def _numbers(what: str, answer: Any) -> Array:
    try:
        return _dense(answer).astype(np.float64)
    except (TypeError, ValueError):
        raise PackingError(f"{what} answers {brief(answer)}, which are not numbers") from None


def _labels(values: Array) -> Array:
    """Labels as they were trained, text as objects; ``True`` stays True and 1 stays 1."""
    if values.dtype.kind in "US":
        return values.astype(object)
    if values.dtype.kind != "O":
        return values
    flat = array_of(values.ravel())
    if flat.dtype.kind == "O" and not all(isinstance(value, str) for value in flat.tolist()):
        odd = next(value for value in flat.tolist() if not isinstance(value, str))
        raise PackingError(f"labels must be all text, all numbers or all booleans; one is {brief(odd)}")
    return flat.reshape(values.shape)


def _dtype_of(labels: Array) -> str:
    if labels.dtype.kind == "O":
        return "string"
    if str(labels.dtype) not in DTYPES:
        raise PackingError(f"labels of {labels.dtype} cannot be answered: use numbers, booleans or text")
    return str(labels.dtype)
