"""From a fitted scikit-learn model and its signature to an ONNX model, and how to feed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from sklearn import compose, pipeline

from daytwo.batch import DTYPES
from daytwo.packing.onnx.boosting import BOOSTING
from daytwo.packing.onnx.ensembles import ENSEMBLES
from daytwo.packing.onnx.foreign import foreign
from daytwo.packing.onnx.frame import (
    Answer,
    Answers,
    Boundary,
    Column,
    Frame,
    Origin,
    Untranslatable,
    float_dtype,
    frame_of,
)
from daytwo.packing.onnx.functions import FUNCTIONS
from daytwo.packing.onnx.graph import Graph, Translator
from daytwo.packing.onnx.kernels import KERNELS
from daytwo.packing.onnx.linear import LINEAR
from daytwo.packing.onnx.prepare import PREPARE
from daytwo.packing.onnx.trees import TREES
from daytwo.runtimes.feed import NONE_OBJECT
from daytwo.runtimes.onnx import Wiring
from daytwo.signature import Field, Signature


@dataclass(frozen=True)
class Translation:
    """A model in ONNX, not yet proven.

    boundaries: where its trees decide
    parts:      what was translated, and by whom
    """

    model: ModelProto
    wiring: Wiring
    boundaries: tuple[Boundary, ...]
    parts: tuple[str, ...]


def translate(estimator: Any, signature: Signature, *, wide: bool = False) -> Translation:
    """``estimator`` in ONNX with the outputs of ``signature``. Raises Untranslatable, with the reason.

    ``wide``: what skl2onnx translates computes in float64 even where scikit-learn would in float32.
    """
    graph = Graph(TRANSLATORS, foreign, wide)
    wired, frame = _read_inputs(graph, signature)
    if not hasattr(estimator, "predict"):
        value = graph.matrix(graph.transform(estimator, frame), np.float64)
        answers: Answers = {"value": Answer(value)}
    else:
        answers = graph.predict(estimator, frame)
    wanted = [field.name for field in signature.outputs]
    lacking = [name for name in wanted if name not in answers]
    if lacking:
        raise Untranslatable(f"no {' and no '.join(lacking)} from {type(estimator).__name__}")
    model = graph.model({name: answers[name].tensor for name in wanted})
    indexed = frozenset(name for name in wanted if answers[name].indexed)
    wiring = Wiring(wired, {name: name for name in wanted}, indexed)
    return Translation(model, wiring, tuple(graph.boundaries), tuple(sorted(graph.used)))


Wired = tuple[tuple[str, tuple[str, ...]], ...]


def _read_inputs(graph: Graph, signature: Signature) -> tuple[Wired, Frame]:
    """One matrix for the numbers that share a storage, int64 apart from the rest, and one input for each text."""
    if any(field.shape for field in signature.inputs):
        raise Untranslatable("an input that is a tensor")
    times = [field.name for field in signature.inputs if DTYPES[field.dtype].kind == "M"]
    if times:
        raise Untranslatable(f"the datetime {times[0]!r}")
    wired: list[tuple[str, tuple[str, ...]]] = []
    columns: dict[str, Column] = {}
    for held, fields in _blocks(signature).items():
        name = f"{np.dtype(held).name}s"
        graph.input(name, np.dtype(held), len(fields))
        wired.append((name, tuple(field.name for field in fields)))
        for index, field in enumerate(fields):
            columns[field.name] = _column(name, index, len(fields), np.dtype(held), field, signature)
    for field in signature.inputs:
        if not field.numeric:
            name = f"text:{field.name}"  # a field may be called as an output or as one of the graph's own tensors
            graph.input(name, np.dtype(object), None)
            wired.append((name, (field.name,)))
            columns[field.name] = _column(name, 0, 1, np.dtype(object), field, signature)
    return tuple(wired), tuple(columns[name] for name in signature.names)


def _blocks(signature: Signature) -> dict[str, list[Field]]:
    if signature.matrix_dtype is not None:
        return {signature.matrix_dtype.name: list(signature.inputs)}
    blocks: dict[str, list[Field]] = {}
    for field in signature.inputs:
        if field.numeric:  # float64 holds every number but the widest integers
            wide = field.storage.name if field.storage.name in ("int64", "uint64") else "float64"
            blocks.setdefault(wide, []).append(field)
    return blocks


def _column(tensor: str, index: int, width: int, held: np.dtype[Any], field: Field, signature: Signature) -> Column:
    dtype = field.storage
    if signature.container == "array" and signature.array_dtype is not None:
        array = np.dtype(signature.array_dtype)
        dtype = array if array.kind in "biuf" else dtype
    origin = Origin(field.name) if field.numeric else None
    return Column(tensor, index, width, held, dtype, field.name, origin, none=field.native == NONE_OBJECT)


def run_pipeline(estimator: Any, frame: Frame, graph: Graph) -> Any:
    """Pipeline: each step on what the one before it made."""
    steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
    for step in steps[:-1]:
        frame = graph.transform(step, frame)
    return graph.translate(steps[-1], frame) if steps else frame


def column_transformer(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """ColumnTransformer: each part on the columns it chose when it was fitted, side by side."""
    frame = _by_name(estimator, frame)
    out: Frame = ()
    for name, part, _ in estimator.transformers_:
        chosen = tuple(frame[index] for index in estimator._transformer_to_input_indices[name])
        if (isinstance(part, str) and part == "drop") or not chosen:
            continue
        passed = part is None or isinstance(part, str)
        out += chosen if passed else graph.transform(part, chosen)
    return out


def _by_name(estimator: Any, frame: Frame) -> Frame:
    """The frame in the order that the estimator was fitted on, where both have names."""
    names = getattr(estimator, "feature_names_in_", None)
    labels = {column.label: column for column in frame}
    if names is None or not set(names) <= labels.keys():
        return frame
    return tuple(labels[name] for name in names)


def feature_union(estimator: Any, frame: Frame, graph: Graph) -> Frame:
    """FeatureUnion: every part on all columns, side by side."""
    out: Frame = ()
    for name, part in estimator.transformer_list:
        if part == "drop":
            continue
        made = frame if part == "passthrough" else graph.transform(part, frame)
        weight = (estimator.transformer_weights or {}).get(name)
        out += made if weight is None else _weighted(graph, made, weight)
    return out


def _weighted(graph: Graph, frame: Frame, weight: float) -> Frame:
    dtype = float_dtype(frame)
    tensor = graph.op("Mul", graph.matrix(frame, dtype), graph.constant(np.asarray(weight, dtype=dtype)))
    return frame_of(tensor, len(frame), dtype)


TRANSLATORS: dict[type, Translator] = {
    **TREES,
    **BOOSTING,
    **KERNELS,
    **FUNCTIONS,
    **ENSEMBLES,
    **LINEAR,
    **PREPARE,
    pipeline.Pipeline: run_pipeline,
    pipeline.FeatureUnion: feature_union,
    compose.ColumnTransformer: column_transformer,
}
