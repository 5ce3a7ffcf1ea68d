from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression

import models
from daytwo.errors import PackingError
from daytwo.packing.sessions import describe_session, input_types
from daytwo.runtimes.onnx import OnnxRuntime

X = models.iris()[1]
Y = models.iris()[2]
ROW = X[:1].astype(np.float32)
PLAIN = {"zipmap": False}
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]


def graph(nodes: list[Any], inputs: list[Any], outputs: list[Any]) -> Any:
    """A model of the given parts."""
    made = helper.make_graph(nodes, "g", inputs, outputs)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def tensor(name: str, kind: int = TensorProto.FLOAT, width: int | None = 2) -> Any:
    """An input or output of shape (rows, width); None for (rows,)."""
    return helper.make_tensor_value_info(name, kind, [None] if width is None else [None, width])


def without_label(proto: Any) -> Any:
    """The same model, answering probabilities alone."""
    del proto.graph.output[0]
    return proto


@pytest.mark.parametrize(
    ("proto", "task", "classes"),
    [
        (to_onnx(models.iris()[0], ROW, options=PLAIN), "classification", (0, 1, 2)),
        (to_onnx(models.iris()[0], ROW), "classification", (0, 1, 2)),  # probabilities as mappings
        (to_onnx(RandomForestClassifier(5, random_state=0).fit(X, NAMES), ROW, options=PLAIN), "classification",
         ("setosa", "versicolor", "virginica")),
        (without_label(to_onnx(models.iris()[0], ROW, options=PLAIN)), "classification", (0, 1, 2)),
        (to_onnx(RandomForestRegressor(5, random_state=0).fit(X, Y), ROW), "regression", None),
        (to_onnx(LinearRegression().fit(X, np.column_stack([Y, Y + 1])), ROW), "regression", None),
        (to_onnx(models.outliers()[0], ROW, target_opset={"": 17, "ai.onnx.ml": 3}), "outlier", (-1, 1)),
        (to_onnx(KMeans(3, n_init=1, random_state=0).fit(X), ROW), "cluster", (0, 1, 2)),
    ],
)  # fmt: skip
def test_the_task_is_read_from_running_the_model(tmp_path: Path, proto: Any, task: str, classes: tuple | None):
    found = describe_session(proto, X)
    assert found.described.task == task
    assert found.signature.outputs[0].categories == classes
    assert [(f.dtype, f.shape) for f in found.signature.inputs] == [("float32", ())] * 4
    OnnxRuntime().save(found.proto, tmp_path, wiring=found.wiring)
    again = OnnxRuntime().load(tmp_path, found.signature).predict(found.inputs)
    for name, column in found.described.answers.items():
        np.testing.assert_array_equal(again[name], column)


def test_a_table_gives_its_names_by_position():
    proto = to_onnx(models.iris()[0], ROW, options=PLAIN)
    found = describe_session(proto, pd.DataFrame(X, columns=list("abcd")))
    assert found.signature.names == ("a", "b", "c", "d")
    assert (found.signature.container, found.signature.array_dtype) == ("array", "float32")


def test_several_inputs_are_found_by_name_whatever_the_order():
    adds = graph([helper.make_node("Add", ["b", "a"], ["y"])], [tensor("b", width=1), tensor("a", width=1)],
                 [tensor("y", width=1)])  # fmt: skip
    table = pd.DataFrame({"a": [1.0, 2.0], "extra": ["x", "y"], "b": [0.5, 0.25]})
    found = describe_session(adds, table)
    assert found.signature.names == ("b", "a")
    assert found.described.answers["value"].tolist() == [1.5, 2.25]
    with pytest.raises(PackingError, match=r"inputs b, a: give a table with columns of these names"):
        describe_session(adds, table[["a", "b"]].to_numpy())
    with pytest.raises(PackingError, match="a column 'a' that X does not have"):
        describe_session(adds, table[["b"]])


def test_text_goes_into_a_tensor_of_text():
    same = graph([helper.make_node("Identity", ["t"], ["y"])], [tensor("t", TensorProto.STRING, 1)],
                 [tensor("y", TensorProto.STRING, 1)])  # fmt: skip
    found = describe_session(same, pd.DataFrame({"t": ["u", "v", "u", "v"]}))
    assert found.described.task == "classification"
    assert found.signature.outputs[0].categories == ("u", "v")
    assert found.signature.inputs[0].categories == ("u", "v")


def test_several_labels_per_row():
    labels = np.column_stack([Y > 0, Y > 1]).astype(int)
    proto = to_onnx(RandomForestClassifier(3, random_state=0).fit(X, labels), ROW, options=PLAIN)
    found = describe_session(proto, X)
    assert found.described.task == "multilabel"
    assert found.signature.outputs[0].shape == (2,)


@pytest.mark.parametrize(
    ("proto", "data", "message"),
    [
        (to_onnx(models.iris()[0], ROW), X[:, :3], "fitted on 4 columns, X has 3"),
        (to_onnx(models.iris()[0], ROW), np.array([["a"] * 4]), "takes float32, the data holds <U1"),
        (onnx.ModelProto(), X, "onnxruntime cannot load the model"),
        (graph([helper.make_node("Split", ["x"], ["a", "b"], axis=1)], [tensor("x")],
               [tensor("a", width=1), tensor("b", width=1)]), X[:, :2], "answers a, b, and it cannot be told which"),
        (graph([helper.make_node("Identity", ["x"], ["y"])], [tensor("x", TensorProto.INT64)],
               [tensor("y", TensorProto.INT64)]), X[:, :2], "takes int64, and the data holds other numbers"),
        (graph([helper.make_node("ReduceMean", ["x"], ["y"], axes=[0])], [tensor("x")], [tensor("y")]),
         X[:, :2], "does not hold one value, or one row of them, per row"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(proto: Any, data: Any, message: str):
    with pytest.raises(PackingError, match=message) as caught:
        describe_session(proto, data)
    assert "\n" not in str(caught.value)


def test_what_a_model_takes():
    assert input_types(to_onnx(models.iris()[0], ROW)) == [("X", "float32", (4,))]
