"""Models that come as ONNX: what they take and what they answer, read from the session and from running it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx

from daytwo.batch import DTYPES, Array, Batch, is_missing
from daytwo.errors import PackingError, sentence
from daytwo.packing.align import align_positions, as_data, select
from daytwo.packing.infer import infer_inputs
from daytwo.packing.outputs import Described
from daytwo.runtimes._ort import ort
from daytwo.runtimes.onnx import MISSING_TEXT, Wiring, open_session, wire
from daytwo.signature import Category, Field, Signature
from daytwo.tables import is_frame

#: An output that is added to a graph which answers probabilities and no label.
_LABEL = "daytwo_class"
#: Rows of probabilities add up to 1 within this.
_SUM = 1e-3

_TENSORS: Mapping[str, str] = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


@dataclass(frozen=True)
class Session:
    """An ONNX model that was run on its data.

    proto:     the model as it is to be saved (with one more output where it answered probabilities and no label)
    signature: its inputs, and the outputs of ``described``
    wiring:    how these map to the session's
    inputs:    the data, as it fits the signature
    """

    proto: Any
    signature: Signature
    wiring: Wiring
    inputs: Batch
    described: Described


def describe_session(proto: Any, X: Any, allow_missing: Collection[str] | bool = ()) -> Session:
    """The signature, task and answers of an ``onnx.ModelProto`` on the rows of ``X``.

    One matrix takes the columns of a table by position, several inputs by name. A label with scores is a
    classification, an outlier detector or a clusterer, as the scores say; numbers alone are a regression, unless the
    rows of several add up to 1: then they are the probabilities of classes 0, 1, …

    Raises PackingError where the model does not load, does not take the data, or answers something else.
    """
    session = _open(proto)
    signature = _inputs(session, as_data(X), allow_missing)
    batch = signature.conform(_columns(session, as_data(X), signature))
    answers = _run(session, signature, batch)
    if _only_probabilities(answers):
        proto = _with_label(proto, next(iter(answers)))
        session = _open(proto)
        answers = _run(session, signature, batch)
    task, found = _judge(proto, answers, batch.rows)
    signature = signature.with_outputs([field for field, _, _ in found])
    described = Described(
        task, signature.outputs, Batch.from_columns({field.name: column for field, _, column in found})
    )
    wiring = Wiring(wire(session, signature.with_outputs(())).inputs, {field.name: name for field, name, _ in found})
    return Session(proto, signature, wiring, batch, described)


def input_types(proto: Any) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Each input of an ``onnx.ModelProto``: its name, dtype and shape of one row (None or a text where it varies)."""
    return [(meta.name, _TENSORS[meta.type], tuple(meta.shape[1:])) for meta in _metas(_open(proto))]


def _open(proto: Any) -> ort.InferenceSession:
    try:
        return open_session(proto.SerializeToString())
    except Exception as error:  # onnxruntime's and protobuf's errors have no base in common but this
        raise PackingError(f"onnxruntime cannot load the model: {sentence(error)}") from error


def _inputs(session: ort.InferenceSession, X: Any, allow_missing: Collection[str] | bool) -> Signature:
    metas = _metas(session)
    if len(metas) == 1 and len(metas[0].shape) != 1:
        return _matrix(metas[0], X, allow_missing)
    if not is_frame(X):
        names = ", ".join(meta.name for meta in metas)
        raise PackingError(f"the model has the inputs {names}: give a table with columns of these names")
    fields = infer_inputs(select(X, [meta.name for meta in metas]), allow_missing=allow_missing).fields
    return Signature(tuple(_typed(f, meta) for f, meta in zip(fields, metas, strict=True)), ())


def _metas(session: ort.InferenceSession) -> list[Any]:
    metas: list[Any] = session.get_inputs()
    for meta in metas:
        if meta.type not in _TENSORS:
            raise PackingError(f"the model's input {meta.name} is a {meta.type}: only tensors can be fed")
    return metas


def _matrix(meta: Any, X: Any, allow_missing: Collection[str] | bool) -> Signature:
    width = meta.shape[1] if len(meta.shape) == 2 and isinstance(meta.shape[1], int) else None
    array, names = align_positions(X, width)
    dtype = _TENSORS[meta.type]
    if dtype != "string":
        array = _cast(array, dtype, meta.name)
    fields, container, _ = infer_inputs(array, names=names, allow_missing=allow_missing)
    return Signature(fields, (), container, dtype if dtype != "string" else "object")


def _columns(session: ort.InferenceSession, X: Any, signature: Signature) -> Any:
    """The data in the signature's order, ready to be conformed."""
    if len(session.get_inputs()) > 1 or signature.array_dtype is None:
        return select(X, signature.names)
    array, _ = align_positions(X, None)
    return _cast(array, signature.array_dtype, "X") if signature.array_dtype != "object" else array


def _cast(array: Array, dtype: str, name: str) -> Array:
    if array.dtype.kind not in "biuf":
        raise PackingError(f"the model's input {name} takes {dtype}, the data holds {array.dtype}")
    with np.errstate(over="ignore", invalid="ignore"):
        cast = array.astype(DTYPES[dtype])
    if DTYPES[dtype].kind in "biu" and not np.array_equal(cast, array):
        raise PackingError(f"the model's input {name} takes {dtype}, and the data holds other numbers")
    return cast


def _typed(field: Field, meta: Any) -> Field:
    """A column as its tensor takes it: numbers in the tensor's dtype."""
    dtype = _TENSORS[meta.type]
    if (dtype == "string") != (field.dtype == "string"):
        raise PackingError(f"the model's input {meta.name} takes {dtype}, the column holds {field.dtype}")
    return replace(field, dtype=dtype, native=None)


def _run(session: ort.InferenceSession, signature: Signature, batch: Batch) -> dict[str, Any]:
    metas = {meta.name: meta for meta in session.get_inputs()}
    feed = {
        name: _tensor([batch[field] for field in fields], _TENSORS[metas[name].type], metas[name])
        for name, fields in wire(session, signature).inputs
    }
    names = [meta.name for meta in session.get_outputs()]
    try:
        return dict(zip(names, session.run(names, feed), strict=True))
    except Exception as error:  # as above
        raise PackingError(f"the model raises on the data given: {sentence(error)}") from error


def _tensor(columns: list[Array], dtype: str, meta: Any) -> Array:
    filled = [np.where(is_missing(c), MISSING_TEXT, c) if c.dtype.kind == "O" else c for c in columns]
    if len(filled) > 1 or (len(meta.shape) == 2 and filled[0].ndim == 1):
        return np.stack(filled, axis=1).astype(DTYPES[dtype])
    return filled[0].astype(DTYPES[dtype])


def _is_numbers(answer: Any) -> bool:
    return isinstance(answer, list) or answer.dtype.kind == "f"


def _only_probabilities(answers: Mapping[str, Any]) -> bool:
    only = list(answers.values())
    return len(only) == 1 and isinstance(only[0], np.ndarray) and only[0].dtype.kind == "f" and _are_shares(only[0])


def _are_shares(scores: Array) -> bool:
    """Whether every row is a distribution over two or more classes."""
    if scores.ndim != 2 or scores.shape[1] < 2:
        return False
    return bool((scores >= 0).all() and (np.abs(scores.sum(axis=1) - 1) < _SUM).all())


def _with_label(proto: Any, probabilities: str) -> Any:
    """The model with one more output: the position of the largest probability."""
    out = onnx.ModelProto()
    out.CopyFrom(proto)
    out.graph.node.append(onnx.helper.make_node("ArgMax", [probabilities], [_LABEL], axis=1, keepdims=0))
    out.graph.output.append(onnx.helper.make_tensor_value_info(_LABEL, onnx.TensorProto.INT64, [None]))
    return out


Found = tuple[Field, str, Array]


def _judge(proto: Any, answers: Mapping[str, Any], rows: int) -> tuple[str, list[Found]]:
    """The task, and each output's field, name in the session, and values."""
    labels = {name: np.asarray(value) for name, value in answers.items() if not _is_numbers(value)}
    scores = {name: value for name, value in answers.items() if _is_numbers(value)}
    if not labels:
        return "regression", [_value(scores, rows)]
    label, values = next(iter(labels.items()))
    if values.size != rows:
        return "multilabel", _multilabel(label, values, scores)
    values = values.reshape(rows)
    for name, given in scores.items():
        task, found = _with_scores(proto, (label, values), (name, given))
        if found:
            return task, found
    return "classification", [_labelled(label, values, tuple(sorted(set(values.tolist()))))]


def _value(scores: Mapping[str, Any], rows: int) -> Found:
    if len(scores) != 1:
        raise PackingError(f"the model answers {', '.join(scores)}, and it cannot be told which is the prediction")
    name, values = next(iter(scores.items()))
    if isinstance(values, list) or len(values) != rows:
        raise PackingError(f"the model's output {name} does not hold one value, or one row of them, per row of data")
    flat = values.reshape(rows) if values.size == rows else values
    return Field("value", "float64", tuple(flat.shape[1:])), name, flat.astype(np.float64)


def _multilabel(label: str, values: Array, scores: Mapping[str, Any]) -> list[Found]:
    width = tuple(values.shape[1:])
    found: list[Found] = [(Field("class", str(values.dtype), width, categories=(0, 1)), label, values)]
    for name, given in scores.items():
        if isinstance(given, np.ndarray) and given.shape == values.shape:
            found.append((Field("probabilities", "float64", width), name, given.astype(np.float64)))
    return found


def _with_scores(proto: Any, label: tuple[str, Array], score: tuple[str, Any]) -> tuple[str, list[Found]]:
    """What a label and numbers are together; no outputs where they have nothing to do with each other."""
    (name, labels), (tensor, given) = label, score
    classes: tuple[Category, ...] | None
    if isinstance(given, list):  # a ZipMap: one mapping from label to probability per row
        classes = tuple(given[0])
        given = np.array([list(row.values()) for row in given])
    else:
        classes = None
    if given.size == len(given) and set(labels.tolist()) <= {-1, 1}:
        values = given.reshape(len(given)).astype(np.float64)
        return "outlier", [_labelled(name, labels, (-1, 1)), (Field("score", "float64"), tensor, values)]
    if given.ndim == 2 and _are_shares(given):
        classes = classes or _classes(proto, labels, given)
        if classes:
            field = Field("probabilities", "float64", (len(classes),), categories=classes)
            return "classification", [_labelled(name, labels, classes), (field, tensor, given.astype(np.float64))]
    if given.ndim == 2 and given.shape[1] > 1 and np.array_equal(given.argmin(axis=1), labels):
        return "cluster", [_labelled(name, labels, tuple(range(given.shape[1])))]
    return "classification", []


def _labelled(name: str, labels: Array, classes: tuple[Category, ...]) -> Found:
    return Field("class", "string" if labels.dtype.kind == "O" else str(labels.dtype), categories=classes), name, labels


def _classes(proto: Any, labels: Array, scores: Array) -> tuple[Category, ...] | None:
    """The labels in the order of the probabilities: as a node of the graph lists them, else as the rows show them."""
    width = scores.shape[1]
    largest = scores.argmax(axis=1)
    shown = {int(column): set(labels[largest == column].tolist()) for column in np.unique(largest)}
    for listed in (*_listed(proto, width), tuple(range(width))):
        if all(listed[column] in seen and len(seen) == 1 for column, seen in shown.items()):
            return listed
    if len(shown) == width and all(len(seen) == 1 for seen in shown.values()):
        return tuple(shown[column].pop() for column in range(width))
    return None


def _listed(proto: Any, width: int) -> list[tuple[Category, ...]]:
    out: list[tuple[Category, ...]] = []
    for node in proto.graph.node:
        for attribute in node.attribute:
            if attribute.name.startswith(("classlabels", "keys_", "values_", "cats_")):
                values = [v.decode() for v in attribute.strings] or list(attribute.ints)
                if len(values) == width:
                    out.append(tuple(values))
    return out
