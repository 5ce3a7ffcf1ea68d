"""scikit-learn's preparation of columns: scaling, imputing, encoding, choosing.

Encoders are asked, not re-implemented: a fitted encoder maps each known value of a column to a row of numbers, so the
table is read off the encoder itself, whatever it was told about dropping, grouping or unknown values.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import feature_selection, impute, preprocessing

from daytwo.batch import Array
from daytwo.packing.onnx.frame import Column, Frame, Untranslatable, float_dtype, frame_of, joint_dtype
from daytwo.packing.onnx.graph import ML, Graph, Translator
from daytwo.runtimes.onnx import MISSING_TEXT

#: A text that no data holds, to ask an encoder what it does with the unknown.
_UNKNOWN_TEXT = "\x00unknown"

_UFUNCS: Mapping[str, Callable[[Array, Array], Array]] = {
    "Sub": np.subtract,
    "Div": np.divide,
    "Mul": np.multiply,
    "Add": np.add,
    "Max": np.maximum,
    "Min": np.minimum,
}
Steps = Sequence[tuple[str, Any]]


def _scale(graph: Graph, frame: Frame, steps: Steps) -> Frame:
    """Each step is one of numpy's in-place operations with a row of numbers.

    Where the row is wider than the data, numpy computes in the row's width and rounds back, at every step.
    """
    dtype = float_dtype(frame)
    tensor = graph.matrix(frame, dtype)
    rows = [(kind, np.atleast_2d(row)) for kind, row in steps]
    for kind, row in rows:
        wide = np.result_type(dtype, row.dtype)
        left = tensor if wide == dtype else graph.cast(tensor, wide)
        done = graph.op(kind, left, graph.constant(row.astype(wide)))
        tensor = done if wide == dtype else graph.cast(done, dtype)

    return frame_of(tensor, len(frame), dtype, frame, _computed(rows, dtype))


def _computed(steps: Steps, dtype: np.dtype[Any]) -> Callable[[Array], Array]:
    """What numpy makes of the steps."""

    def compute(values: Array) -> Array:
        values = values.astype(dtype)
        for kind, row in steps:
            values = _UFUNCS[kind](values, row).astype(dtype)
        return values

    return compute


def standard_scaler(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """StandardScaler, which in some versions rounds its mean and scale to the data's width first."""
    dtype = float_dtype(frame)
    steps = [("Sub", estimator.mean_)] if estimator.with_mean else []
    steps += [("Div", estimator.scale_)] if estimator.with_std else []
    rounded = [(kind, row.astype(dtype)) for kind, row in steps]
    tried = np.random.default_rng(0).normal(size=(64, len(frame))) * 3
    tried = (tried * (estimator.scale_ if estimator.with_std else 1)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about feature names
        said = np.asarray(estimator.transform(tried.copy()))
    return _scale(graph, frame, rounded if np.array_equal(_computed(rounded, dtype)(tried), said) else steps)


def robust_scaler(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """RobustScaler."""
    steps = [("Sub", estimator.center_)] if estimator.with_centering else []
    return _scale(graph, frame, steps + ([("Div", estimator.scale_)] if estimator.with_scaling else []))


def min_max_scaler(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """MinMaxScaler."""
    low, high = (np.asarray(end, dtype=float_dtype(frame)) for end in estimator.feature_range)
    clip = [("Max", low), ("Min", high)] if estimator.clip else []
    return _scale(graph, frame, [("Mul", estimator.scale_), ("Add", estimator.min_), *clip])


def max_abs_scaler(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """MaxAbsScaler."""
    ends = [("Max", np.array(-1.0)), ("Min", np.array(1.0))] if getattr(estimator, "clip", False) else []
    return _scale(graph, frame, [("Div", estimator.scale_), *[(k, e.astype(float_dtype(frame))) for k, e in ends]])


def selector(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """Any feature selection: the columns it keeps."""
    return tuple(frame[index] for index in np.flatnonzero(estimator.get_support()))


def imputer(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """SimpleImputer, of numbers or of text."""
    if any(column.dtype.kind == "O" for column in frame):
        return _impute_text(estimator, frame)
    missing = _is_missing(estimator.missing_values)
    kept = [i for i, value in enumerate(estimator.statistics_) if estimator.keep_empty_features or value == value]
    dtype = joint_dtype(frame) if estimator.strategy in ("most_frequent", "constant") else float_dtype(frame)
    dtype = dtype if dtype.kind in "iuf" else np.dtype(np.float64)
    tensor = graph.matrix(frame, dtype)
    if missing and dtype.kind != "f":
        mask = None
    elif missing:
        mask = graph.op("IsNaN", tensor)
    else:
        mask = graph.op("Equal", tensor, graph.constant(np.asarray(estimator.missing_values, dtype=dtype)))
    filled = tensor
    if mask is not None:
        fill = np.array([estimator.statistics_[i] if i in kept else 0 for i in range(len(frame))]).astype(dtype)
        filled = graph.op("Where", mask, graph.constant(fill[None, :]), tensor)
    whole = frame_of(filled, len(frame), dtype, frame, lambda values: values)
    out = tuple(whole[i] for i in kept)
    if estimator.add_indicator:
        out += _indicate(estimator, graph, mask, len(frame), dtype)
    return out


def _indicate(estimator: Any, graph: Graph, mask: str | None, width: int, dtype: np.dtype[Any]) -> Frame:
    if mask is None:
        raise Untranslatable("a missing-value indicator of integers")
    flags = frame_of(graph.cast(mask, dtype), width, dtype)
    return tuple(flags[i] for i in estimator.indicator_.features_)


def _impute_text(estimator: Any, frame: Frame) -> Frame:
    """Text is filled where an encoder reads it, at no cost. None and NaN are not the same to an imputer."""
    missing = estimator.missing_values
    if estimator.add_indicator or not all(column.dtype.kind == "O" for column in frame):
        raise Untranslatable("SimpleImputer over text and numbers together, or with indicators of text")
    if not (missing is None or _is_missing(missing)):
        raise Untranslatable(f"SimpleImputer of text where {missing!r} means missing")
    if any(not isinstance(value, str) for value in estimator.statistics_):
        raise Untranslatable("SimpleImputer of text by something else")
    return tuple(
        replace(column, fill=column.fill or str(value)) if column.none == (missing is None) else column
        for column, value in zip(frame, estimator.statistics_, strict=True)
    )


def _is_missing(value: Any) -> bool:
    return value is not None and (type(value).__name__ == "NAType" or value != value)


def encoder(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """OneHotEncoder, OrdinalEncoder, TargetEncoder: one look-up for each column."""
    out: Frame = ()
    for column, table in zip(frame, read_tables(estimator, frame), strict=True):
        _, rows, _ = table
        if rows.shape[1]:
            out += frame_of(_look_up(graph, column, *table), rows.shape[1], rows.dtype)
    if not out:
        raise Untranslatable(f"{type(estimator).__name__} that leaves no column")
    return out


Table = tuple[list[Any], Array, Array | None]


def read_tables(estimator: Any, frame: Frame) -> list[Table]:
    """For each column: its known values (NaN for missing), their rows, and the row of an unknown value or None."""
    known = [_known(column, values) for column, values in zip(frame, estimator.categories_, strict=True)]
    base = [values[0] for values in known]
    first = _ask(estimator, [base])
    if first is None:
        raise Untranslatable(f"{type(estimator).__name__} that refuses its own categories")
    tables: list[Table] = []
    start = 0
    for index, values in enumerate(known):
        stop = _stop(estimator, index, start, first.shape[1])

        def rows(asked: list[Any], place: int = index, span: slice = slice(start, stop)) -> Array | None:
            whole = _ask(estimator, [[*base[:place], value, *base[place + 1 :]] for value in asked])
            return None if whole is None else whole[:, span]

        missing = None if frame[index].none else np.nan
        asked = [rows(values), rows([missing]), rows([_unknown(frame[index], values)])]
        table = np.vstack([part for part in asked[:2] if part is not None])
        named = values if asked[1] is None else [*values, np.nan]
        tables.append((named, table, None if asked[2] is None else asked[2][0]))
        start = stop
    return tables


def _known(column: Column, categories: Array) -> list[Any]:
    values = [value for value in categories.tolist() if value is not None and value == value]
    if not values:
        raise Untranslatable(f"an encoder without categories in {column.label or 'a column'}")
    return values


def _unknown(column: Column, values: list[Any]) -> Any:
    if column.dtype.kind == "O":
        return _UNKNOWN_TEXT
    return max(abs(value) for value in values) * 2 + 1


def _stop(estimator: Any, index: int, start: int, width: int) -> int:
    """Where a column's outputs end."""
    sizes = getattr(estimator, "_n_features_outs", None)
    if sizes is not None:
        return start + int(sizes[index])
    return start + width // len(estimator.categories_)


def _ask(estimator: Any, rows: list[list[Any]]) -> Array | None:
    """What the encoder answers, or None where it refuses."""
    kinds = {type(value) for row in rows for value in row}
    text = any(values.dtype.kind in "OU" for values in estimator.categories_) or str in kinds
    data = np.array(rows, dtype=object if text else None if kinds == {int} else np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about feature names, and about unknown categories, which is the question
        try:
            answer = estimator.transform(data)
        except ValueError:
            return None
    return np.asarray(answer.toarray() if hasattr(answer, "toarray") else answer)


def _look_up(graph: Graph, column: Column, values: list[Any], rows: Array, unknown: Array | None) -> str:
    """The rows (rows, width) of a column's values. An unknown value that has no row makes onnxruntime refuse."""
    table = rows if unknown is None else np.vstack([rows, unknown])
    keys, codes = _keys(column, values)
    code = graph.op(
        "LabelEncoder", graph.flat(column, keys.dtype), domain=ML,
        keys_tensor=graph.attribute(keys), values_tensor=graph.attribute(codes),
        default_tensor=graph.attribute(np.array([len(rows)], dtype=np.int64)),
    )  # fmt: skip
    return graph.op("Gather", graph.constant(table), code, axis=0)


def _keys(column: Column, values: list[Any]) -> tuple[Array, Array]:
    """What stands for each value in the tensor, and its row. Missing text stands as itself or as what fills it."""
    codes = np.arange(len(values), dtype=np.int64)
    whole = [value for value in values if isinstance(value, int)]
    if column.held == np.int64 and len(whole) + 1 >= len(values):  # the last may be NaN, which no integer is
        return np.array(whole, dtype=np.int64), codes[: len(whole)]
    if column.held == np.uint64:
        raise Untranslatable(
            f"64-bit unsigned categories in {column.label or 'a column'}: a double cannot tell them apart"
        )
    if column.dtype.kind != "O":
        return np.array(values, dtype=np.float64), codes
    keys = [value if isinstance(value, str) else MISSING_TEXT for value in values]
    if any(not isinstance(value, str) and value == value for value in values):
        raise Untranslatable(f"text categories that are no text in {column.label or 'a column'}")
    if column.fill is not None:
        place = keys.index(column.fill) if column.fill in keys else None
        pairs = [(key, code) for key, code in zip(keys, codes.tolist(), strict=True) if key != MISSING_TEXT]
        pairs.append((MISSING_TEXT, len(values) if place is None else place))
        keys, codes = [key for key, _ in pairs], np.array([code for _, code in pairs], dtype=np.int64)
    return np.array(keys, dtype=object), codes


_SELECTORS: Sequence[type] = (
    feature_selection.SelectKBest, feature_selection.SelectPercentile, feature_selection.SelectFromModel,
    feature_selection.VarianceThreshold, feature_selection.RFE, feature_selection.RFECV, feature_selection.SelectFpr,
    feature_selection.SelectFdr, feature_selection.SelectFwe, feature_selection.SequentialFeatureSelector,
)  # fmt: skip

PREPARE: dict[type, Translator] = {
    preprocessing.StandardScaler: standard_scaler,
    preprocessing.RobustScaler: robust_scaler,
    preprocessing.MinMaxScaler: min_max_scaler,
    preprocessing.MaxAbsScaler: max_abs_scaler,
    preprocessing.OneHotEncoder: encoder,
    preprocessing.OrdinalEncoder: encoder,
    preprocessing.TargetEncoder: encoder,
    impute.SimpleImputer: imputer,
    **dict.fromkeys(_SELECTORS, selector),
}
