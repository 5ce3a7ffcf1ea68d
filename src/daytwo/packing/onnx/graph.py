"""An ONNX graph under construction.

Every number is carried in the width that scikit-learn itself uses at that point (float64 data stays float64; trees
see float32, because scikit-learn rounds for them), so that the compiled model decides as the original does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import AttributeProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from daytwo.batch import Array
from daytwo.packing.onnx.frame import Answers, Boundary, Column, Frame, Untranslatable, joint_dtype

#: Opsets written: what onnxruntime 1.21 and later runs. Version 5 of ``ai.onnx.ml`` has the exact double tree kernel.
OPSET, ML_OPSET, IR_VERSION = 18, 5, 10
ML = "ai.onnx.ml"

TENSOR_TYPES: Mapping[str, int] = {
    "bool": TensorProto.BOOL,
    "int8": TensorProto.INT8,
    "int16": TensorProto.INT16,
    "int32": TensorProto.INT32,
    "int64": TensorProto.INT64,
    "uint8": TensorProto.UINT8,
    "uint16": TensorProto.UINT16,
    "uint32": TensorProto.UINT32,
    "uint64": TensorProto.UINT64,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "object": TensorProto.STRING,
}

Translator = Callable[[Any, Frame, "Graph"], Any]


@dataclass
class Graph:
    """Nodes and constants in order of appearance. Tensors are named as they are made.

    translators, fallback: by type of estimator, and for every other
    wide:                  whether the fallback is to compute float32 data in float64
    """

    translators: Mapping[type, Translator]
    fallback: Translator
    wide: bool = False
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[tuple[str, tuple[int, ...], bytes], TensorProto] = field(default_factory=dict)
    inputs: list[Any] = field(default_factory=list)
    boundaries: list[Boundary] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    casts: dict[tuple[str, int], str] = field(default_factory=dict)
    _count: int = 0

    def name(self) -> str:
        """A tensor name that is new."""
        self._count += 1
        return f"t{self._count}"

    def input(self, name: str, dtype: np.dtype[Any], width: int | None) -> str:
        """A new input of shape (rows, width), or (rows,) where ``width`` is None."""
        shape = [None] if width is None else [None, width]
        self.inputs.append(helper.make_tensor_value_info(name, TENSOR_TYPES[dtype.name], shape))
        return name

    def constant(self, values: Any) -> str:
        """The tensor of an array; equal arrays share one."""
        array = np.asarray(values)
        if array.dtype.kind in "OU":
            array = array.astype(object)
            key = ("text", array.shape, "\x1f".join(array.ravel().tolist()).encode())
        else:
            key = (array.dtype.name, array.shape, array.tobytes())
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(np.asarray(array, order="C"), f"c{len(self.constants)}")
        return str(self.constants[key].name)

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The output of a new node."""
        return self.node(helper.make_node(kind, list(inputs), [self.name()], domain=domain, **attributes))

    def node(self, node: NodeProto) -> str:
        """Add a finished node; its first output."""
        self.nodes.append(node)
        return str(node.output[0])

    def cast(self, tensor: str, dtype: Any) -> str:
        """``tensor`` as ``dtype``; asked twice, one node."""
        kind = TENSOR_TYPES[np.dtype(dtype).name]
        if (tensor, kind) not in self.casts:
            self.casts[tensor, kind] = self.op("Cast", tensor, to=kind)
        return self.casts[tensor, kind]

    def refuse(self, bad: str, tensor: str, dtype: Any) -> str:
        """``tensor``, a number, unless anything in ``bad`` is true: then onnxruntime raises, as the original does.

        ONNX has no assertion; a Gather beyond its end is one.
        """
        where = self.op("ReduceMax", self.cast(bad, np.int64), keepdims=0)
        nothing = self.op("Gather", self.constant(np.zeros(1, dtype=dtype)), where, axis=0)
        return self.op("Add", tensor, nothing)

    def matrix(self, frame: Frame, dtype: Any = None) -> str:
        """The tensor (rows, columns) of a frame's numbers, as ``dtype`` (None: what scikit-learn would make of them)."""
        if not frame:
            raise Untranslatable("a step without columns")
        target = np.dtype(dtype) if dtype is not None else joint_dtype(frame)
        if any(column.dtype.kind == "O" for column in frame):
            raise Untranslatable(f"text in {frame[0].label or 'a column'} where numbers are expected")
        groups: dict[str, list[int]] = {}
        for position, column in enumerate(frame):
            groups.setdefault(column.tensor, []).append(position)
        parts, order = [], []
        for positions in groups.values():
            columns = [frame[position] for position in positions]
            part = self._pick(columns)
            parts.append(part if columns[0].held == target else self.cast(part, target))
            order += positions
        joined = parts[0] if len(parts) == 1 else self.op("Concat", *parts, axis=1)
        if order != sorted(order):
            joined = self.op("Gather", joined, self.constant(np.argsort(order)), axis=1)
        return joined

    def flat(self, column: Column, dtype: Any) -> str:
        """The tensor (rows,) of one column: text as it came, numbers as ``dtype``."""
        if column.dtype.kind == "O":
            return column.tensor
        picked = self.op("Gather", column.tensor, self.constant(np.int64(column.index)), axis=1)
        return picked if column.held == dtype else self.cast(picked, dtype)

    @staticmethod
    def attribute(values: Array) -> TensorProto:
        """An array as a node's attribute."""
        return numpy_helper.from_array(values)

    def _pick(self, columns: Sequence[Column]) -> str:
        index = [column.index for column in columns]
        if index == list(range(columns[0].width)):
            return columns[0].tensor
        return self.op("Gather", columns[0].tensor, self.constant(np.array(index, dtype=np.int64)), axis=1)

    def translate(self, estimator: Any, frame: Frame) -> Any:
        """What ``estimator`` makes of ``frame``: a Frame from a transformer, Answers from a predictor."""
        translator = self.translators.get(type(estimator), self.fallback)
        if translator is not self.fallback:
            self.used.add(type(estimator).__name__)
        return translator(estimator, frame, self)

    def transform(self, estimator: Any, frame: Frame) -> Frame:
        """:meth:`translate`, of a transformer."""
        result = self.translate(estimator, frame)
        if isinstance(result, dict):
            raise Untranslatable(f"{type(estimator).__name__} is no transformer")
        return tuple(result)

    def predict(self, estimator: Any, frame: Frame) -> Answers:
        """:meth:`translate`, of a predictor."""
        result = self.translate(estimator, frame)
        if not isinstance(result, dict):
            raise Untranslatable(f"{type(estimator).__name__} is no predictor")
        return result

    def model(self, outputs: Mapping[str, str]) -> ModelProto:
        """The finished model: ``outputs`` maps names to tensors. Nodes that nothing needs are left out."""
        body = _needed(self.nodes, set(outputs.values()))
        body += _called(body, outputs)
        read = {name for node in body for name in _read(node)}
        graph = helper.make_graph(
            body,
            "daytwo",
            self.inputs,
            [helper.make_empty_tensor_value_info(name) for name in outputs],
            [tensor for tensor in self.constants.values() if tensor.name in read],
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="daytwo")


def ints(name: str, values: Any) -> AttributeProto:
    """A list-of-integers attribute, built without onnx's own check of every element."""
    attribute = AttributeProto(name=name, type=AttributeProto.INTS)
    attribute.ints.extend(np.asarray(values, dtype=np.int64).tolist())
    return attribute


def _needed(nodes: Sequence[NodeProto], wanted: set[str]) -> list[NodeProto]:
    kept = []
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= _read(node)
    return kept[::-1]


def _read(node: NodeProto) -> set[str]:
    """What a node reads, the nodes of graphs inside it included."""
    inner = [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]
    return set(node.input) | {name for graph in inner for sub in graph.node for name in _read(sub)}


def _called(body: Sequence[NodeProto], outputs: Mapping[str, str]) -> list[NodeProto]:
    """Give tensors the names of outputs: where they are made if possible, else by one more node each."""
    names: dict[str, str] = {}
    extra = []
    made = {tensor for node in body for tensor in node.output}
    for name, tensor in outputs.items():
        if tensor in made and tensor not in names:
            names[tensor] = name
        else:
            extra.append(helper.make_node("Identity", [names.get(tensor, tensor)], [name]))
    for node in body:
        node.input[:] = [names.get(tensor, tensor) for tensor in node.input]
        node.output[:] = [names.get(tensor, tensor) for tensor in node.output]
    return extra
