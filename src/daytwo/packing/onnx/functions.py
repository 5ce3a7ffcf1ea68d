"""Preparation of numbers by a formula: numpy's functions, bins, powers, products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy import stats
from sklearn import compose, impute, preprocessing

from daytwo.batch import Array
from daytwo.packing.onnx.frame import Answer, Answers, Boundary, Frame, Untranslatable, float_dtype, frame_of
from daytwo.packing.onnx.graph import Graph, Translator

#: numpy's function → the nodes that compute it, each with the constant that stands second (None: it takes one input).
#: ``log1p`` and ``expm1`` are exact to about 1e-16 of 1, not of the number itself.
_FUNCTIONS: Mapping[Callable[..., Any], tuple[tuple[str, float | None], ...]] = {
    np.sqrt: (("Sqrt", None),),
    np.exp: (("Exp", None),),
    np.log: (("Log", None),),
    np.abs: (("Abs", None),),
    np.square: (("Pow", 2.0),),
    np.log1p: (("Add", 1.0), ("Log", None)),
    np.expm1: (("Exp", None), ("Sub", 1.0)),
}

_BOUNDLESS = (np.log, np.log1p, np.exp, np.expm1, np.square)


def function(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """FunctionTransformer of nothing, or of one of numpy's common functions."""
    if estimator.func is None:
        return frame
    dtype = float_dtype(frame)
    func = estimator.func
    tensor = _apply(graph, graph.matrix(frame, dtype), func, estimator.kw_args, dtype)
    if func in _BOUNDLESS:  # scikit-learn's next step refuses an infinite number
        tensor = graph.refuse(graph.op("IsInf", tensor), tensor, dtype)
    if func in (np.abs, np.square):  # these fall and rise
        return frame_of(tensor, len(frame), dtype)
    return frame_of(tensor, len(frame), dtype, frame, lambda values: func(values.astype(dtype)))


def _apply(graph: Graph, tensor: str, func: Any, arguments: Any, dtype: np.dtype[Any]) -> str:
    if arguments or func not in _FUNCTIONS:
        raise Untranslatable(f"the function {getattr(func, '__name__', 'of a FunctionTransformer')}")
    for kind, constant in _FUNCTIONS[func]:
        others = () if constant is None else (graph.constant(np.asarray(constant, dtype=dtype)),)
        tensor = graph.op(kind, tensor, *others)
    return tensor


def transformed_target(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """TransformedTargetRegressor: what its regressor says, turned back."""
    value = graph.predict(estimator.regressor_, frame)["value"].tensor
    back = estimator.transformer_
    if isinstance(back, preprocessing.StandardScaler):
        scaled = graph.op("Mul", value, graph.constant(back.scale_)) if back.with_std else value
        return {"value": Answer(graph.op("Add", scaled, graph.constant(back.mean_)) if back.with_mean else scaled)}
    if not isinstance(back, preprocessing.FunctionTransformer):
        raise Untranslatable(f"a target turned by {type(back).__name__}")
    if back.inverse_func is None:
        return {"value": Answer(value)}
    return {"value": Answer(_apply(graph, value, back.inverse_func, back.inv_kw_args, np.dtype(np.float64)))}


def binarizer(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """Binarizer."""
    dtype = float_dtype(frame)
    threshold = np.asarray(estimator.threshold, dtype=dtype)
    over = graph.op("Greater", graph.matrix(frame, dtype), graph.constant(threshold))
    graph.boundaries += [Boundary(column.origin, np.array([float(threshold)])) for column in frame]
    return frame_of(graph.cast(over, dtype), len(frame), dtype)


def bins(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """KBinsDiscretizer: how many inner edges a number reaches, or one column for each bin."""
    dtype = float_dtype(frame) if estimator.dtype is None else np.dtype(estimator.dtype)
    inner = [edges[1:-1] for edges in estimator.bin_edges_]
    owner = np.repeat(np.arange(len(frame)), [len(edges) for edges in inner])
    flat = np.concatenate(inner)
    if not flat.size:
        raise Untranslatable("KBinsDiscretizer of one bin each")
    for column, edges in zip(frame, inner, strict=True):
        graph.boundaries.append(Boundary(column.origin, np.nextafter(edges, -np.inf)))
    numbers = graph.cast(graph.matrix(frame, dtype), np.float64)
    spread = graph.op("Gather", numbers, graph.constant(owner), axis=1)
    reached = graph.cast(graph.op("GreaterOrEqual", spread, graph.constant(flat[None, :])), np.float64)
    count = graph.op("MatMul", reached, graph.constant((owner[:, None] == np.arange(len(frame))).astype(np.float64)))
    if estimator.encode == "ordinal":
        return frame_of(graph.cast(count, dtype), len(frame), dtype)
    sizes = np.asarray(estimator.n_bins_)
    each = np.concatenate([np.arange(size) for size in sizes]).astype(np.float64)
    wide = graph.op("Gather", count, graph.constant(np.repeat(np.arange(len(frame)), sizes)), axis=1)
    chosen = graph.cast(graph.op("Equal", wide, graph.constant(each[None, :])), dtype)
    return frame_of(chosen, len(each), dtype)


def normalizer(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """Normalizer: each row over its norm, or as it is where that is next to nothing."""
    dtype = float_dtype(frame)
    tensor = graph.matrix(frame, dtype)
    axis = graph.constant(np.array([1]))
    if estimator.norm == "l2":
        norm = graph.op("Sqrt", graph.op("ReduceSumSquare", tensor, axis, keepdims=1))
    else:
        kind = {"l1": "ReduceSum", "max": "ReduceMax"}[estimator.norm]
        norm = graph.op(kind, graph.op("Abs", tensor), axis, keepdims=1)
    small = graph.op("Less", norm, graph.constant(np.asarray(10 * np.finfo(dtype).eps, dtype=dtype)))
    divisor = graph.op("Where", small, graph.constant(np.asarray(1, dtype=dtype)), norm)
    return frame_of(graph.op("Div", tensor, divisor), len(frame), dtype)


def powers(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """PowerTransformer of the Yeo-Johnson kind: ((1 + |x|) ** l - 1) / l with the sign of x, l by column and sign."""
    if estimator.method != "yeo-johnson" or float_dtype(frame) != np.float64:
        raise Untranslatable("PowerTransformer of the Box-Cox kind, or on float32 data")
    tensor = graph.matrix(frame, np.float64)
    zero, one = graph.constant(0.0), graph.constant(1.0)
    positive = graph.op("GreaterOrEqual", tensor, zero)
    above, below = estimator.lambdas_[None, :], 2 - estimator.lambdas_[None, :]
    exponent = graph.op("Where", positive, graph.constant(above), graph.constant(below))
    logarithm = graph.op("Log", graph.op("Add", graph.op("Abs", tensor), one))
    grown = graph.op("Sub", graph.op("Exp", graph.op("Mul", exponent, logarithm)), one)
    if (np.abs(np.concatenate([above, below])) < np.finfo(float).eps).any():
        flat = graph.op("Equal", exponent, zero)
        size = graph.op("Where", flat, logarithm, graph.op("Div", grown, graph.op("Where", flat, one, exponent)))
    else:
        size = graph.op("Div", grown, exponent)
    signed = graph.op("Where", positive, size, graph.op("Neg", size))
    made = frame_of(signed, len(frame), np.float64)
    if estimator.standardize:
        made = graph.transform(estimator._scaler, made)
    whole = graph.matrix(made)

    def same(values: Array) -> Array:
        turned = np.column_stack([stats.yeojohnson(v, p) for v, p in zip(values.T, estimator.lambdas_, strict=True)])
        return (turned - estimator._scaler.mean_) / estimator._scaler.scale_ if estimator.standardize else turned

    return frame_of(whole, len(frame), np.float64, frame, same)


def products(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """PolynomialFeatures: each product made from the one without its first factor, as scikit-learn does."""
    dtype = float_dtype(frame)
    base = graph.matrix(frame, dtype)
    wanted = [tuple(np.repeat(np.arange(len(frame)), row).tolist()) for row in estimator.powers_]
    levels: list[tuple[str, list[tuple[int, ...]]]] = [(base, [(i,) for i in range(len(frame))])]
    for degree in range(2, max(map(len, wanted), default=1) + 1):
        levels.append(_next_level(graph, base, levels[-1], sorted(set(_tails(wanted, degree)))))
    first = graph.op("Gather", base, graph.constant(np.array([0])), axis=1)
    ones = graph.cast(graph.op("Equal", first, first), dtype)
    whole = graph.op("Concat", ones, *[tensor for tensor, _ in levels], axis=1)
    place = {term: index for index, term in enumerate([(), *(term for _, terms in levels for term in terms)])}
    order = np.array([place[term] for term in wanted])
    return frame_of(graph.op("Gather", whole, graph.constant(order), axis=1), len(wanted), dtype)


def _tails(wanted: list[tuple[int, ...]], degree: int) -> list[tuple[int, ...]]:
    return [term[-degree:] for term in wanted if len(term) >= degree]


def _next_level(
    graph: Graph, base: str, below: tuple[str, list[tuple[int, ...]]], terms: list[tuple[int, ...]]
) -> tuple[str, list[tuple[int, ...]]]:
    tensor, known = below
    place = {term: index for index, term in enumerate(known)}
    rest = graph.op("Gather", tensor, graph.constant(np.array([place[term[1:]] for term in terms])), axis=1)
    first = graph.op("Gather", base, graph.constant(np.array([term[0] for term in terms])), axis=1)
    return graph.op("Mul", rest, first), terms


def indicator(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """MissingIndicator of NaN."""
    if estimator.missing_values == estimator.missing_values:
        raise Untranslatable("MissingIndicator of other than NaN")
    flags = graph.cast(graph.op("IsNaN", graph.matrix(frame, np.float64)), np.float64)
    whole = frame_of(flags, len(frame), np.float64)
    return tuple(whole[index] for index in estimator.features_)


FUNCTIONS: dict[type, Translator] = {
    preprocessing.FunctionTransformer: function,
    preprocessing.Binarizer: binarizer,
    preprocessing.KBinsDiscretizer: bins,
    preprocessing.Normalizer: normalizer,
    preprocessing.PowerTransformer: powers,
    preprocessing.PolynomialFeatures: products,
    impute.MissingIndicator: indicator,
    compose.TransformedTargetRegressor: transformed_target,
}
