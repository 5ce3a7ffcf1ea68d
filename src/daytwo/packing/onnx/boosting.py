"""Boosted trees and isolation forests: sums of trees with a beginning, and what is made of the sum."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble._iforest import _average_path_length

from daytwo.batch import Array
from daytwo.packing.onnx.frame import Answer, Answers, Frame, Untranslatable
from daytwo.packing.onnx.graph import Graph, Translator
from daytwo.packing.onnx.prepare import encoder
from daytwo.packing.onnx.trees import LEQ, MEMBER, Tree, ensemble_sum, note_boundaries, plain_trees, rounded_sum


def gradient_boosting(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """GradientBoostingClassifier and -Regressor, whose first guess is a constant."""
    if estimator.init_ != "zero" and not isinstance(estimator.init_, DummyClassifier | DummyRegressor):
        raise Untranslatable(f"{type(estimator).__name__} with its own init estimator")
    stages, targets = estimator.estimators_.shape
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))[0]
    binary = targets == 1 and isinstance(estimator, ensemble.GradientBoostingClassifier)
    trees = _first_guess(start, binary)
    for stage in range(stages):
        for target in range(targets):
            one = estimator.estimators_[stage, target]
            trees += plain_trees(one, estimator.learning_rate * one.tree_.value[:, 0, :], target + binary)
    raw = rounded_sum(graph, frame, trees, targets + binary)
    if isinstance(estimator, ensemble.GradientBoostingRegressor):
        return {"value": Answer(raw)}
    return _classes(graph, raw, last_wins=binary, slope=2.0 if estimator.loss == "exponential" else 1.0)


def _first_guess(start: Array, binary: bool) -> list[Tree]:
    """Trees that begin each target's sum. A binary classifier's one score is target 1; target 0 stays 0."""
    return [Tree.constant(value, target + binary) for target, value in enumerate(start)]


def _classes(graph: Graph, raw: str, *, last_wins: bool, slope: float = 1.0) -> Answers:
    """Answers from raw scores (rows, classes), doubles; of two classes the first has score 0.

    The sigmoid of d is the softmax of (0, d). ``last_wins`` says who gets a tie.
    """
    index = graph.op("ArgMax", raw, axis=1, keepdims=0, select_last_index=int(last_wins))
    scaled = raw if slope == 1.0 else graph.op("Mul", raw, graph.constant(slope))
    probabilities = graph.op("Softmax", scaled, axis=1)
    return {"class": Answer(index, indexed=True), "decision": Answer(raw), "probabilities": Answer(probabilities)}


def histogram_boosting(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """HistGradientBoostingClassifier and -Regressor, categories included. These compare doubles, unrounded."""
    frame = _as_trained(estimator, frame, graph)
    targets = estimator.n_trees_per_iteration_
    classifies = isinstance(estimator, ensemble.HistGradientBoostingClassifier)
    binary = classifies and targets == 1
    trees = _first_guess(np.ravel(estimator._baseline_prediction), binary)
    for stage in estimator._predictors:
        trees += [_histogram_tree(one, target + binary) for target, one in enumerate(stage)]
    note_boundaries(graph, frame, trees, rounded=False)
    raw = ensemble_sum(graph, graph.matrix(frame, np.float64), trees, targets + binary)
    if classifies:
        return _classes(graph, raw, last_wins=False)
    if estimator.loss in ("poisson", "gamma"):
        return {"value": Answer(graph.op("Exp", raw))}
    return {"value": Answer(raw)}


def _as_trained(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """The columns in the order of training: with categories, first these as numbers, then the rest."""
    if estimator._preprocessor is None:
        return frame
    chosen = np.asarray(estimator.is_categorical_)
    categories = tuple(column for column, yes in zip(frame, chosen, strict=True) if yes)
    numbers = tuple(column for column, yes in zip(frame, chosen, strict=True) if not yes)
    return encoder(estimator._preprocessor.named_transformers_["encoder"], categories, graph) + numbers


def _histogram_tree(predictor: Any, target: int) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(np.bool_)
    sets = [_members(row) for row in predictor.raw_left_cat_bitsets]
    sizes = np.array([*map(len, sets), -1])
    chosen = sizes[np.where(nodes["is_categorical"], nodes["bitset_idx"].astype(np.int64), -1)]
    # The kernel knows no empty set; nothing but a missing value is at most minus infinity.
    threshold = np.where(chosen == 0, -np.inf, nodes["num_threshold"])
    inner_sets = (chosen > 0) & ~leaf
    return Tree(
        leaf, nodes["feature_idx"].astype(np.int64), threshold,
        nodes["left"].astype(np.int64), nodes["right"].astype(np.int64),
        nodes["missing_go_to_left"].astype(np.int64), np.full(len(nodes), target), nodes["value"],
        np.where(inner_sets, MEMBER, LEQ), tuple(sets[index] for index in nodes["bitset_idx"][inner_sets]),
    )  # fmt: skip


def _members(words: Array) -> Array:
    """The numbers whose bits are set in a row of 32-bit words."""
    bits = (np.asarray(words)[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.flatnonzero(bits.ravel()).astype(np.float64)


def ada_boost(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """AdaBoostClassifier over decision trees: each tree votes with its weight."""
    classes = estimator.n_classes_
    if any(type(one) is not tree.DecisionTreeClassifier for one in estimator.estimators_):
        raise Untranslatable("AdaBoostClassifier over other models than trees")
    trees: list[Tree] = []
    for one, weight in zip(estimator.estimators_, estimator.estimator_weights_, strict=False):
        voted = np.searchsorted(estimator.classes_, one.classes_)[np.argmax(one.tree_.value[:, 0, :], axis=1)]
        against = -1 / (classes - 1) * weight
        trees += plain_trees(one, np.where(voted[:, None] == np.arange(classes), weight, against))
    votes = rounded_sum(graph, frame, trees, classes)
    mean = graph.op("Div", votes, graph.constant(estimator.estimator_weights_.sum()))
    if classes == 2:  # one score: the second's mean less the first's
        signed = graph.op("Mul", mean, graph.constant(np.array([[-1.0, 1.0]])))
        one_score = graph.op("ReduceSum", signed, graph.constant(np.array([1])), keepdims=1)
        mean = graph.op("Mul", one_score, graph.constant(np.array([[0.0, 1.0]])))
    scaled = mean if classes == 2 else graph.op("Div", mean, graph.constant(float(classes - 1)))
    return {
        "class": Answer(graph.op("ArgMax", mean, axis=1, keepdims=0), indexed=True),
        "decision": Answer(mean),
        "probabilities": Answer(graph.op("Softmax", scaled, axis=1)),
    }


def isolation_forest(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """IsolationForest. Labels are decided on the summed depth itself, at the very number where the score turns."""
    trees: list[Tree] = []
    for index, one in enumerate(estimator.estimators_):
        depth = estimator._decision_path_lengths[index] + estimator._average_path_length_per_tree[index] - 1.0
        trees += plain_trees(one, depth[:, None], features=estimator.estimators_features_[index])
    depths = rounded_sum(graph, frame, trees, 1)
    whole = len(estimator.estimators_) * float(_average_path_length([estimator._max_samples])[0])
    if whole == 0:
        raise Untranslatable("IsolationForest of single rows")
    share = graph.op("Neg", graph.op("Div", depths, graph.constant(whole)))
    anomaly = graph.op("Pow", graph.constant(2.0), share)
    score = graph.op("Sub", graph.op("Neg", anomaly), graph.constant(estimator.offset_))
    inlier = graph.op("GreaterOrEqual", depths, graph.constant(_turning_depth(whole, estimator.offset_)))
    labels = graph.op("Where", inlier, graph.constant(np.int64(1)), graph.constant(np.int64(-1)))
    return {"class": Answer(labels), "score": Answer(score)}


def _turning_depth(whole: float, offset: float) -> float:
    """The least depth whose score is not below 0, by bisection over the doubles."""
    low, high = np.zeros(1).view(np.int64), np.array([np.inf]).view(np.int64)
    while high - low > 1:
        middle = low + (high - low) // 2
        depth = middle.view(np.float64)
        below = (-(2 ** (-np.divide(depth, whole))) - offset) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return float(high.view(np.float64)[0])


BOOSTING: dict[type, Translator] = {
    ensemble.GradientBoostingClassifier: gradient_boosting,
    ensemble.GradientBoostingRegressor: gradient_boosting,
    ensemble.HistGradientBoostingClassifier: histogram_boosting,
    ensemble.HistGradientBoostingRegressor: histogram_boosting,
    ensemble.AdaBoostClassifier: ada_boost,
    ensemble.IsolationForest: isolation_forest,
}
