"""Linear models in the width that scikit-learn computes them in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn import discriminant_analysis, linear_model, svm

from daytwo.batch import Array
from daytwo.packing.onnx.foreign import foreign
from daytwo.packing.onnx.frame import Answer, Answers, Frame, Untranslatable, joint_dtype
from daytwo.packing.onnx.graph import Graph, Translator


def affine(graph: Graph, frame: Frame, coefficients: Array, intercept: Any) -> tuple[str, np.dtype[Any]]:
    """``X @ coefficients.T + intercept``, shape (rows, outputs), and its dtype; coefficients (outputs, features)."""
    joint = joint_dtype(frame)
    data = joint if joint.kind == "f" else np.dtype(np.float64)
    dtype = np.result_type(data, coefficients.dtype)
    weights = graph.constant(np.ascontiguousarray(coefficients.T, dtype=dtype))
    offset = graph.constant(np.broadcast_to(np.asarray(intercept, dtype=dtype), (len(coefficients),)).copy())
    return graph.op("Gemm", graph.matrix(frame, dtype), weights, offset), dtype


def regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """Any model that answers ``X @ coef_ + intercept_``."""
    value, dtype = affine(graph, frame, np.atleast_2d(estimator.coef_), estimator.intercept_)
    return {"value": Answer(value if dtype == np.float64 else graph.cast(value, np.float64))}


def scores(estimator: Any, frame: Frame, graph: Graph) -> tuple[str, int]:
    """One score for each class (rows, classes), doubles, and how many. Of two classes the first has score 0."""
    coefficients, intercept = np.atleast_2d(estimator.coef_), np.atleast_1d(estimator.intercept_)
    if len(coefficients) == 1:
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercept = np.append(np.zeros_like(intercept[:1]), intercept[:1])
    tensor, dtype = affine(graph, frame, coefficients, intercept)
    return (tensor if dtype == np.float64 else graph.cast(tensor, np.float64)), len(coefficients)


def decide(graph: Graph, decision: str) -> Answer:
    """The first largest score: of two classes the second only where its score is over 0, as scikit-learn has it."""
    return Answer(graph.op("ArgMax", decision, axis=1, keepdims=0), indexed=True)


def classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """Any linear model that only decides."""
    binarizer = getattr(estimator, "_label_binarizer", None)
    if binarizer is not None and binarizer.y_type_.startswith("multilabel"):
        raise Untranslatable(f"{type(estimator).__name__} with several labels a row")
    decision, _ = scores(estimator, frame, graph)
    return {"class": decide(graph, decision), "decision": Answer(decision)}


def logistic(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """LogisticRegression and discriminant analysis. The sigmoid of d is the softmax of (0, d), and more exact so."""
    decision, _ = scores(estimator, frame, graph)
    probabilities = graph.op("Softmax", decision, axis=1)
    return {
        "class": decide(graph, decision),
        "decision": Answer(decision),
        "probabilities": Answer(probabilities),
    }


def stochastic(estimator: Any, frame: Frame, graph: Graph) -> Any:
    """SGDClassifier: probabilities of its logistic loss, of several classes each against the rest."""
    if estimator.loss == "modified_huber":
        return foreign(estimator, frame, graph)
    if estimator.loss != "log_loss":
        return classifier(estimator, frame, graph)
    if len(estimator.classes_) == 2:
        return logistic(estimator, frame, graph)
    decision, classes = scores(estimator, frame, graph)
    probabilities = share(graph, sigmoid(graph, graph.op("Neg", decision)), 1.0 / classes)
    return {
        "class": decide(graph, decision),
        "decision": Answer(decision),
        "probabilities": Answer(probabilities),
    }


def sigmoid(graph: Graph, negated: str) -> str:
    """1 / (1 + exp(z)) of doubles; onnxruntime's own Sigmoid loses the small probabilities to cancellation."""
    return graph.op("Reciprocal", graph.op("Add", graph.op("Exp", negated), graph.constant(1.0)))


def share(graph: Graph, parts: str, empty_share: float) -> str:
    """Each of (rows, classes) as its share of the row's sum; ``empty_share`` where that sum is 0."""
    total = graph.op("ReduceSum", parts, graph.constant(np.array([1])), keepdims=1)
    empty = graph.op("Equal", total, graph.constant(0.0))
    return graph.op("Where", empty, graph.constant(empty_share), graph.op("Div", parts, total))


_REGRESSORS: Sequence[type] = (
    linear_model.LinearRegression, linear_model.Ridge, linear_model.RidgeCV, linear_model.Lasso, linear_model.LassoCV,
    linear_model.ElasticNet, linear_model.ElasticNetCV, linear_model.Lars, linear_model.LassoLars,
    linear_model.BayesianRidge, linear_model.ARDRegression, linear_model.HuberRegressor, linear_model.SGDRegressor,
    linear_model.TheilSenRegressor, linear_model.MultiTaskLasso, linear_model.MultiTaskElasticNet, svm.LinearSVR,
)  # fmt: skip

LINEAR: dict[type, Translator] = {
    **dict.fromkeys(_REGRESSORS, regressor),
    linear_model.LogisticRegression: logistic,
    linear_model.LogisticRegressionCV: logistic,
    discriminant_analysis.LinearDiscriminantAnalysis: logistic,
    linear_model.RidgeClassifier: classifier,
    linear_model.RidgeClassifierCV: classifier,
    linear_model.Perceptron: classifier,
    svm.LinearSVC: classifier,
    linear_model.SGDClassifier: stochastic,
}
