"""Support vector machines in doubles, as libsvm computes them; onnxruntime's own are float32."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import svm

from daytwo.batch import Array
from daytwo.packing.onnx.foreign import foreign
from daytwo.packing.onnx.frame import Answer, Answers, Frame, Untranslatable
from daytwo.packing.onnx.graph import Graph, Translator


def _kernel(estimator: Any, frame: Frame, graph: Graph) -> str:
    """The kernel of each row with each support vector (rows, vectors)."""
    vectors = np.asarray(estimator.support_vectors_, dtype=np.float64)
    rows, gamma = graph.matrix(frame, np.float64), float(estimator._gamma)
    products = graph.op("MatMul", rows, graph.constant(np.ascontiguousarray(vectors.T)))
    if estimator.kernel == "linear":
        return products
    if estimator.kernel == "rbf":
        axis = graph.constant(np.array([1]))
        sizes = graph.op("Add", graph.op("ReduceSumSquare", rows, axis, keepdims=1), graph.constant(_squares(vectors)))
        distance = graph.op("Sub", sizes, graph.op("Mul", products, graph.constant(2.0)))
        return graph.op("Exp", graph.op("Mul", distance, graph.constant(-gamma)))
    line = graph.op("Add", graph.op("Mul", products, graph.constant(gamma)), graph.constant(float(estimator.coef0)))
    if estimator.kernel == "poly":
        return graph.op("Pow", line, graph.constant(float(estimator.degree)))
    if estimator.kernel == "sigmoid":
        return graph.op("Tanh", line)
    raise Untranslatable(f"{type(estimator).__name__} with the kernel {estimator.kernel!r}")


def _squares(vectors: Array) -> Array:
    squares: Array = (vectors * vectors).sum(axis=1)[None, :]
    return squares


def regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """SVR, NuSVR."""
    return {"value": Answer(_line(estimator, frame, graph))}


def outliers(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """OneClassSVM: within where the score is over 0."""
    score = _line(estimator, frame, graph)
    within = graph.op("Greater", score, graph.constant(0.0))
    labels = graph.op("Where", within, graph.constant(np.int64(1)), graph.constant(np.int64(-1)))
    return {"class": Answer(labels), "score": Answer(score)}


def _line(estimator: Any, frame: Frame, graph: Graph) -> str:
    weights = np.ascontiguousarray(np.asarray(estimator._dual_coef_, dtype=np.float64).T)
    sums = graph.op("MatMul", _kernel(estimator, frame, graph), graph.constant(weights))
    return graph.op("Add", sums, graph.constant(np.asarray(estimator._intercept_, dtype=np.float64)))


def classifier(estimator: Any, frame: Frame, graph: Graph) -> Any:
    """SVC, NuSVC: a score for each pair of classes, each a vote.

    Its own probabilities come from an iteration, which onnxruntime has in float32 only.
    """
    classes = len(estimator.classes_)
    if hasattr(estimator, "predict_proba") or (estimator.break_ties and classes > 2):
        return foreign(estimator, frame, graph)
    weights, pairs = _pair_weights(estimator, classes)
    sums = graph.op("MatMul", _kernel(estimator, frame, graph), graph.constant(weights))
    scores = graph.op("Add", sums, graph.constant(np.asarray(estimator._intercept_, dtype=np.float64)[None, :]))
    over = graph.cast(graph.op("Greater", scores, graph.constant(0.0)), np.float64)
    won, lost = (np.array([[float(pair[side] == k) for k in range(classes)] for pair in pairs]) for side in (0, 1))
    # A pair's vote is its second class's, and moves to the first where the score is over 0.
    votes = graph.op("Add", graph.op("MatMul", over, graph.constant(won - lost)), graph.constant(lost.sum(axis=0)))
    out = {"class": Answer(graph.op("ArgMax", votes, axis=1, keepdims=0), indexed=True)}
    if classes == 2:
        out["decision"] = Answer(graph.op("Mul", scores, graph.constant(np.array([[0.0, -1.0]]))))
    return out


def _pair_weights(estimator: Any, classes: int) -> tuple[Array, list[tuple[int, int]]]:
    """The weight of each support vector in each pair of classes (vectors, pairs)."""
    dual = np.asarray(estimator._dual_coef_, dtype=np.float64)
    owner = np.repeat(np.arange(classes), estimator._n_support)
    pairs = list(combinations(range(classes), 2))
    weights = np.zeros((len(owner), len(pairs)))
    for place, (one, two) in enumerate(pairs):
        weights[owner == one, place] = dual[two - 1, owner == one]
        weights[owner == two, place] = dual[one, owner == two]
    return weights, pairs


KERNELS: dict[type, Translator] = {
    svm.SVC: classifier,
    svm.NuSVC: classifier,
    svm.SVR: regressor,
    svm.NuSVR: regressor,
    svm.OneClassSVM: outliers,
}
