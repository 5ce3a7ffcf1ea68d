"""Models made of models: bagging, voting, stacking, one against the rest, one for each output, calibration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from sklearn import calibration, ensemble, frozen, model_selection, multiclass, multioutput
from sklearn.preprocessing import LabelEncoder

from daytwo.packing.onnx.frame import Answer, Answers, Frame, Untranslatable, frame_of
from daytwo.packing.onnx.graph import Graph, Translator
from daytwo.packing.onnx.linear import share, sigmoid


def _need(answers: Answers, name: str, estimator: Any) -> str:
    if name not in answers:
        raise Untranslatable(f"{name} of {type(estimator).__name__}")
    return answers[name].tensor


def _position(answers: Answers, estimator: Any) -> str:
    """The position of the class, shape (rows,)."""
    if not answers["class"].indexed:
        raise Untranslatable(f"votes of {type(estimator).__name__}")
    return answers["class"].tensor


def _average(graph: Graph, parts: Sequence[str], weights: Sequence[float] | None = None) -> str:
    """The mean of tensors, added in order as numpy adds along a first axis."""
    if weights is not None:
        parts = [graph.op("Mul", p, graph.constant(float(w))) for p, w in zip(parts, weights, strict=True)]
    whole = float(len(parts)) if weights is None else float(np.sum(weights))
    return graph.op("Div", reduce(lambda one, two: graph.op("Add", one, two), parts), graph.constant(whole))


def _likeliest(graph: Graph, probabilities: str) -> Answers:
    index = graph.op("ArgMax", probabilities, axis=1, keepdims=0)
    return {"class": Answer(index, indexed=True), "probabilities": Answer(probabilities)}


def _members(estimator: Any, frame: Frame, graph: Graph) -> list[Answers]:
    """The answers of a bag's models, each on the columns that it was given."""
    chosen = zip(estimator.estimators_, estimator.estimators_features_, strict=True)
    return [graph.predict(one, tuple(frame[index] for index in features)) for one, features in chosen]


def bagging_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """BaggingClassifier over models with probabilities, each of which saw every class."""
    if any(len(one.classes_) != estimator.n_classes_ for one in estimator.estimators_):
        raise Untranslatable("BaggingClassifier with a member that did not see every class")
    answers = _members(estimator, frame, graph)
    parts = [_need(a, "probabilities", one) for a, one in zip(answers, estimator.estimators_, strict=True)]
    return _likeliest(graph, _average(graph, parts))


def bagging_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """BaggingRegressor."""
    return {"value": Answer(_average(graph, [a["value"].tensor for a in _members(estimator, frame, graph)]))}


def voting_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """VotingClassifier, soft or hard."""
    answers = [graph.predict(one, frame) for one in estimator.estimators_]
    weights = estimator._weights_not_none
    if estimator.voting == "soft":
        parts = [_need(a, "probabilities", one) for a, one in zip(answers, estimator.estimators_, strict=True)]
        return _likeliest(graph, _average(graph, parts, weights))
    classes = graph.constant(np.arange(len(estimator.classes_))[None, :])
    votes = []
    for a, one in zip(answers, estimator.estimators_, strict=True):
        position = graph.op("Reshape", _position(a, one), graph.constant(np.array([-1, 1])))
        votes.append(graph.cast(graph.op("Equal", position, classes), np.float64))
    index = graph.op("ArgMax", _average(graph, votes, weights), axis=1, keepdims=0)
    return {"class": Answer(index, indexed=True)}


def voting_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """VotingRegressor."""
    parts = [graph.predict(one, frame)["value"].tensor for one in estimator.estimators_]
    return {"value": Answer(_average(graph, parts, estimator._weights_not_none))}


def stacking(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """StackingClassifier and -Regressor: the last model on what the others said."""
    made: Frame = ()
    binary = len(getattr(estimator, "classes_", ())) == 2
    for one, method in zip(estimator.estimators_, estimator.stack_method_, strict=True):
        made += _said(graph, graph.predict(one, frame), one, method, binary)
    if estimator.passthrough:
        made += frame
    answers = graph.predict(estimator.final_estimator_, made)
    final = getattr(estimator.final_estimator_, "classes_", None)
    if final is not None and list(final) != list(range(len(estimator.classes_))):
        raise Untranslatable("StackingClassifier whose last model did not see every class")
    return answers


def _said(graph: Graph, answers: Answers, one: Any, method: str, binary: bool) -> Frame:
    if method == "predict":
        tensor = answers["value"].tensor if "value" in answers else graph.cast(_position(answers, one), np.float64)
        return frame_of(graph.op("Reshape", tensor, graph.constant(np.array([-1, 1]))), 1, np.float64)
    name = "probabilities" if method == "predict_proba" else "decision"
    whole = frame_of(_need(answers, name, one), len(one.classes_), np.float64)
    return whole[1:] if binary else whole


def one_against_rest(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """OneVsRestClassifier of several classes, or of several labels a row."""
    if any(not hasattr(one, "classes_") for one in estimator.estimators_) or len(estimator.estimators_) < 2:
        raise Untranslatable("OneVsRestClassifier with a constant member, or of two classes")
    answers = [graph.predict(one, frame) for one in estimator.estimators_]
    second = graph.constant(np.array([1]))
    named = "decision" if all(hasattr(one, "decision_function") for one in estimator.estimators_) else "probabilities"
    scores = _side_by_side(graph, [_need(a, named, estimator) for a in answers], second)
    if estimator.multilabel_:
        over = graph.op("Greater", scores, graph.constant(0.0 if named == "decision" else 0.5))
        out = {"class": Answer(graph.cast(over, np.int64))}
    else:
        out = {"class": Answer(graph.op("ArgMax", scores, axis=1, keepdims=0), indexed=True)}
    if all("probabilities" in a for a in answers):
        each = _side_by_side(graph, [a["probabilities"].tensor for a in answers], second)
        whole = each if estimator.multilabel_ else share(graph, each, 0.0)
        out["probabilities"] = Answer(whole)
    return out


def _side_by_side(graph: Graph, parts: Sequence[str], column: str) -> str:
    return graph.op("Concat", *[graph.op("Gather", part, column, axis=1) for part in parts], axis=1)


def labels_apart(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """MultiOutputClassifier of labels that are 0 or 1."""
    if any(list(one.classes_) != [0, 1] for one in estimator.estimators_):
        raise Untranslatable("MultiOutputClassifier of labels that are not all 0 or 1")
    answers = [graph.predict(one, frame) for one in estimator.estimators_]
    column = graph.constant(np.array([-1, 1]))
    positions = [graph.op("Reshape", _position(a, estimator), column) for a in answers]
    out = {"class": Answer(graph.op("Concat", *positions, axis=1))}
    if all("probabilities" in a for a in answers):
        second = graph.constant(np.array([1]))
        out["probabilities"] = Answer(_side_by_side(graph, [a["probabilities"].tensor for a in answers], second))
    return out


def values_apart(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """MultiOutputRegressor."""
    column = graph.constant(np.array([-1, 1]))
    parts = [graph.op("Reshape", graph.predict(one, frame)["value"].tensor, column) for one in estimator.estimators_]
    return {"value": Answer(graph.op("Concat", *parts, axis=1))}


def calibrated(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """CalibratedClassifierCV with sigmoids: the mean of its folds."""
    parts = [_calibrated_fold(one, frame, graph) for one in estimator.calibrated_classifiers_]
    return _likeliest(graph, _average(graph, parts))


def _calibrated_fold(fold: Any, frame: Frame, graph: Graph) -> str:
    one, classes = fold.estimator, len(fold.classes)
    if fold.method != "sigmoid" or len(one.classes_) != classes:
        raise Untranslatable("CalibratedClassifierCV with other than sigmoids, or with a class missing from a fold")
    name = "decision" if hasattr(one, "decision_function") else "probabilities"
    said = _need(graph.predict(one, frame), name, one)
    slopes, offsets = (np.array([[getattr(c, key) for c in fold.calibrators]]) for key in ("a_", "b_"))
    if classes == 2:
        said = graph.op("Gather", said, graph.constant(np.array([1])), axis=1)
    line = graph.op("Add", graph.op("Mul", said, graph.constant(slopes)), graph.constant(offsets))
    each = sigmoid(graph, line)
    if classes == 2:
        return graph.op("Concat", graph.op("Sub", graph.constant(1.0), each), each, axis=1)
    order = LabelEncoder().fit(fold.classes).transform(one.classes_)
    if list(order) != list(range(classes)):
        raise Untranslatable("CalibratedClassifierCV whose folds order their classes differently")
    return share(graph, each, 1.0 / classes)


def threshold(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """FixedThresholdClassifier, TunedThresholdClassifierCV of two classes: the second from a threshold on."""
    if getattr(estimator, "pos_label", None) is not None or len(estimator.classes_) != 2:
        raise Untranslatable(f"{type(estimator).__name__} with a label of its own")
    one = estimator.estimator_
    limit: Any = estimator.best_threshold_ if hasattr(estimator, "best_threshold_") else estimator.threshold
    asked = estimator.response_method
    shares = asked == "predict_proba" or (asked == "auto" and hasattr(one, "predict_proba"))
    answers = graph.predict(one, frame)
    score = _need(answers, "probabilities" if shares else "decision", one)
    limit = (0.5 if shares else 0.0) if limit == "auto" else float(limit)
    second = graph.op("Gather", score, graph.constant(np.int64(1)), axis=1)
    index = graph.cast(graph.op("GreaterOrEqual", second, graph.constant(limit)), np.int64)
    return answers | {"class": Answer(index, indexed=True)}


def inside(estimator: Any, frame: Frame, graph: Graph) -> Any:
    """FrozenEstimator: what it keeps."""
    return graph.translate(estimator.estimator, frame)


def best_estimator(estimator: Any, frame: Frame, graph: Graph) -> Any:
    """A search: what it found."""
    return graph.translate(estimator.best_estimator_, frame)


ENSEMBLES: dict[type, Translator] = {
    ensemble.BaggingClassifier: bagging_classifier,
    ensemble.BaggingRegressor: bagging_regressor,
    ensemble.VotingClassifier: voting_classifier,
    ensemble.VotingRegressor: voting_regressor,
    ensemble.StackingClassifier: stacking,
    ensemble.StackingRegressor: stacking,
    multiclass.OneVsRestClassifier: one_against_rest,
    multioutput.MultiOutputClassifier: labels_apart,
    multioutput.MultiOutputRegressor: values_apart,
    calibration.CalibratedClassifierCV: calibrated,
    model_selection.FixedThresholdClassifier: threshold,
    model_selection.TunedThresholdClassifierCV: threshold,
    frozen.FrozenEstimator: inside,
    model_selection.GridSearchCV: best_estimator,
    model_selection.RandomizedSearchCV: best_estimator,
}
