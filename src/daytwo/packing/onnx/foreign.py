"""The long tail: estimators that skl2onnx converts, as one part of a larger graph.

What skl2onnx returns is renamed into the graph around it and proven like all else. Its trees are refused: it writes
them for the float32 kernel, with thresholds rounded to the nearest float32, up as well as down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.base import is_classifier, is_outlier_detector, is_regressor

from daytwo.packing.onnx.frame import Answer, Answers, Frame, Untranslatable, float_dtype, frame_of
from daytwo.packing.onnx.graph import ML, OPSET, Graph

#: The newest version of the ml operators that skl2onnx itself writes.
_FOREIGN_ML_OPSET = 3
_TREES_OF_OLD = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def foreign(estimator: Any, frame: Frame, graph: Graph) -> Frame | Answers:
    """Whatever skl2onnx makes of ``estimator``."""
    dtype = np.dtype(np.float64) if graph.wide else float_dtype(frame)
    model = _convert(estimator, len(frame), dtype)
    names = _inline(model, graph, graph.matrix(frame, dtype))
    outputs = [names[output.name] for output in model.graph.output]
    graph.used.add(f"skl2onnx:{type(estimator).__name__}")
    if not hasattr(estimator, "predict"):
        width = _width(estimator, len(frame))
        return frame_of(graph.cast(outputs[0], np.float64), width, np.float64)
    answers = _answers(estimator, graph, outputs)
    position = _position(estimator, model)
    if position is not None:  # the label's position is the faster answer, and text never leaves the graph
        answers["class"] = Answer(graph.cast(names[position], np.int64), indexed=True)
    return answers


def _convert(estimator: Any, width: int, dtype: np.dtype[Any]) -> ModelProto:
    kind = FloatTensorType if dtype == np.float32 else DoubleTensorType
    zipped = {id(estimator): {"zipmap": False}} if is_classifier(estimator) else None
    opsets: tuple[Any, ...] = ({"": OPSET, ML: _FOREIGN_ML_OPSET}, OPSET)
    problem: Exception | None = None
    for options, opset in ((zipped, opsets[0]), (None, opsets[0]), (zipped, opsets[1])):
        try:
            model: ModelProto = convert_sklearn(
                estimator, initial_types=[("X", kind([None, width]))], target_opset=opset, options=options
            )
            return model
        except (NameError, TypeError) as error:  # an estimator without that option; one that wants a plain number
            problem = problem or error
        except Exception as error:  # noqa: BLE001  skl2onnx raises whatever it meets in what it cannot do
            problem = error
            break
    raise Untranslatable(f"skl2onnx on {type(estimator).__name__}: {_short(problem)}") from problem


def _short(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _width(estimator: Any, width: int) -> int:
    probe = estimator.transform(np.zeros((1, width)))
    return int(probe.shape[1])


def _inline(model: ModelProto, graph: Graph, tensor: str) -> dict[str, str]:
    """Copy the model's nodes into ``graph``, reading ``tensor``; old names to new ones."""
    names: dict[str, str] = {model.graph.input[0].name: tensor, "": ""}
    for initializer in model.graph.initializer:
        names[initializer.name] = graph.constant(numpy_helper.to_array(initializer))
    for node in model.graph.node:
        if node.op_type in _TREES_OF_OLD:
            raise Untranslatable("skl2onnx wrote a tree of the old kind")
        graph.node(_renamed(node, names, graph))
    return names


def _renamed(original: NodeProto, names: dict[str, str], graph: Graph) -> NodeProto:
    node = NodeProto()
    node.CopyFrom(original)
    if any(attribute.HasField("g") for attribute in node.attribute):
        raise Untranslatable(f"skl2onnx wrote a {node.op_type} with a graph inside")
    node.input[:] = [names[name] for name in node.input]
    for index, name in enumerate(node.output):
        names[name] = graph.name() if name else ""
        node.output[index] = names[name]
    return node


def _position(estimator: Any, model: ModelProto) -> str | None:
    """The tensor of the class's position, where the label is looked up among ``classes_`` by it; else None."""
    if not is_classifier(estimator) or np.ndim(getattr(estimator, "classes_", 0)) != 1:
        return None
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    made = {name: node for node in model.graph.node for name in node.output}
    node = made.get(model.graph.output[0].name)
    while node is not None and node.op_type in ("Cast", "Reshape", "Identity"):
        node = made.get(node.input[0])
    if node is None or node.op_type != "ArrayFeatureExtractor" or node.input[0] not in constants:
        return None
    labels = constants[node.input[0]].ravel().tolist()
    known = [value.decode() if isinstance(value, bytes) else value for value in labels]
    return str(node.input[1]) if known == estimator.classes_.tolist() else None


def _answers(estimator: Any, graph: Graph, outputs: list[str]) -> Answers:
    if is_regressor(estimator):
        return {"value": Answer(graph.cast(outputs[0], np.float64))}
    answers = {"class": Answer(outputs[0])}
    if is_outlier_detector(estimator):
        answers["score"] = Answer(graph.cast(outputs[1], np.float64))
    elif is_classifier(estimator) and hasattr(estimator, "predict_proba"):
        answers["probabilities"] = Answer(graph.cast(outputs[1], np.float64))
    return answers
