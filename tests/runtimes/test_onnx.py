from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from skl2onnx import to_onnx

import models
from daytwo.batch import Batch
from daytwo.errors import BundleError, InvalidInput
from daytwo.runtimes.onnx import MISSING_TEXT, OnnxModel, OnnxRuntime, Wiring, open_session, wire
from daytwo.signature import Field, Signature

NUMBERS = tuple(Field(f"x{i}", "float32") for i in range(4))
LABELS = (Field("class", "int64", categories=(0, 1, 2)), Field("probabilities", "float64", (3,), categories=(0, 1, 2)))


def identity(*tensors: tuple[str, int, list[Any]]) -> onnx.ModelProto:
    """A model that answers ``out_NAME`` for each input."""
    outputs = [f"out_{name}" for name, _, _ in tensors]
    nodes = [helper.make_node("Identity", [name], [out]) for (name, _, _), out in zip(tensors, outputs, strict=True)]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info(*tensor) for tensor in tensors],
        [helper.make_tensor_value_info(out, kind, shape) for out, (_, kind, shape) in zip(outputs, tensors, strict=True)],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def model_of(proto: onnx.ModelProto, signature: Signature, wiring: Wiring | None = None) -> OnnxModel:
    session = open_session(proto.SerializeToString())
    return OnnxModel(session, signature, wiring or wire(session, signature))


@pytest.mark.parametrize("zipmap", [False, True])
def test_a_foreign_classifier_is_wired_by_types(zipmap: bool, tmp_path: Path):
    estimator, X, _ = models.iris()
    proto = to_onnx(estimator, X[:1].astype(np.float32), options={id(estimator): {"zipmap": zipmap}})
    runtime = OnnxRuntime()
    runtime.save(proto, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["model.onnx"]
    assert runtime.executes(tmp_path) is None
    signature = Signature(NUMBERS, LABELS, "array", "float32")
    answer = runtime.load(tmp_path, signature).predict(Batch.from_matrix(signature.names, X.astype(np.float32)))
    assert np.array_equal(answer["class"], estimator.predict(X))
    assert answer["probabilities"].dtype == np.float64
    np.testing.assert_allclose(answer["probabilities"], estimator.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize("form", ["proto", "bytes", "path"])
def test_a_model_is_saved_from_all_it_may_be(form: str, tmp_path: Path):
    proto = identity(("x", TensorProto.DOUBLE, [None, 1]))
    file = tmp_path / "given.onnx"
    file.write_bytes(proto.SerializeToString())
    (tmp_path / "folder").mkdir()
    OnnxRuntime().save({"proto": proto, "bytes": proto.SerializeToString(), "path": file}[form], tmp_path / "folder")
    assert (tmp_path / "folder" / "model.onnx").read_bytes() == file.read_bytes()


def test_a_wiring_survives_its_file():
    wiring = Wiring((("m", ("a", "b")), ("c", ("c",))), {"class": "t"}, frozenset({"class"}), 1e30, True)
    assert Wiring.from_json(json.loads(json.dumps(wiring.to_json()))) == wiring


def test_inputs_are_wired_by_name_in_any_order():
    proto = identity(("b", TensorProto.FLOAT, [None, 1]), ("a", TensorProto.FLOAT, [None]))
    signature = Signature(
        (Field("a", "float64"), Field("b", "int64")), (Field("out_a", "float64"), Field("out_b", "int64"))
    )
    batch = Batch.from_columns({"a": np.array([0.5, 1.5]), "b": np.array([3, 4])})
    answer = model_of(proto, signature).predict(batch)
    assert answer["out_a"].tolist() == [0.5, 1.5]
    assert answer["out_b"].tolist() == [3, 4]


def test_names_that_do_not_fit_are_an_error():
    proto = identity(("p", TensorProto.FLOAT, [None, 1]), ("q", TensorProto.FLOAT, [None, 1]))
    with pytest.raises(BundleError, match="the model's inputs are p, q; the signature's a, b"):
        model_of(proto, Signature((Field("a", "float64"), Field("b", "float64")), ()))


def test_a_matrix_is_fed_as_it_is():
    names = ("a", "b")
    signature = Signature((Field("a", "float64"), Field("b", "float64")), (Field("value", "float64", (2,)),))
    model = model_of(identity(("m", TensorProto.DOUBLE, [None, 2])), signature)
    matrix = np.arange(6.0).reshape(3, 2)
    assert np.array_equal(model.predict(Batch.from_matrix(names, matrix))["value"], matrix)
    apart = Batch.from_columns({"a": matrix[:, 0], "b": matrix[:, 1]})
    assert np.array_equal(model.predict(apart)["value"], matrix)


@pytest.mark.parametrize(("labels", "dtype"), [
    (("a", "b", "c"), "string"), ((False, True, True), "bool"), ((0, 1, 2), "int64"), ((7, 8, 9), "int64"),
    ((0.5, 1.5, 2.5), "float64"), ((0, 1, 2), "int32"),
])  # fmt: skip
def test_positions_become_labels(labels: Any, dtype: str):
    signature = Signature((Field("x", "int64"),), (Field("class", dtype, categories=labels),))
    wiring = Wiring((("x", ("x",)),), {"class": "out_x"}, frozenset({"class"}))
    model = model_of(identity(("x", TensorProto.INT64, [None, 1])), signature, wiring)
    answer = model.predict(Batch.from_columns({"x": np.array([2, 0, 1])}))["class"]
    assert answer.tolist() == [labels[2], labels[0], labels[1]]
    assert answer.dtype == signature.outputs[0].storage


def test_missing_text_has_a_text_of_its_own():
    signature = Signature((Field("word", "string", missing=True),), (Field("class", "string"),))
    model = model_of(identity(("word", TensorProto.STRING, [None])), signature)
    given = np.array(["a", None], dtype=object)
    assert model.predict(Batch.from_columns({"word": given}))["class"].tolist() == ["a", MISSING_TEXT]
    assert given[1] is None, "what was given is left as it was"


def test_numbers_beyond_the_limit_are_refused_by_name():
    signature = Signature((Field("a", "float64"), Field("b", "float64")), (Field("value", "float64", (2,)),))
    wiring = Wiring((("m", ("a", "b")),), {"value": "out_m"}, limit=1e30)
    model = model_of(identity(("m", TensorProto.DOUBLE, [None, 2])), signature, wiring)
    for fine in ([[1e30, -1e30]], [[np.nan, 1.0]], [[8e29, 9e29]]):
        model.predict(Batch.from_matrix(signature.names, np.array(fine)))
    with pytest.raises(InvalidInput, match=r"b: expected a number within ±1e\+30, .*, got -1\.1e\+30"):
        model.predict(Batch.from_matrix(signature.names, np.array([[1.0, 1.0], [np.nan, -1.1e30]])))


def test_whole_numbers_have_limits_too():
    signature = Signature((Field("n", "int64"),), (Field("value", "int64"),))
    model = model_of(
        identity(("n", TensorProto.INT64, [None, 1])),
        signature,
        Wiring((("n", ("n",)),), {"value": "out_n"}, limit=1e12),
    )
    assert model.predict(Batch.from_matrix(("n",), np.array([[10**12]])))["value"].tolist() == [10**12]
    with pytest.raises(InvalidInput, match="n: expected a number within"):
        model.predict(Batch.from_matrix(("n",), np.array([[2 * 10**12]])))


def test_an_answer_that_is_no_number_is_a_refusal_where_it_is_said_so():
    signature = Signature((Field("x", "float64"),), (Field("value", "float64"),))
    wiring = Wiring((("x", ("x",)),), {"value": "out_x"}, nan_refused=True)
    model = model_of(identity(("x", TensorProto.DOUBLE, [None, 1])), signature, wiring)
    assert model.predict(Batch.from_matrix(("x",), np.array([[1.0]])))["value"].tolist() == [1.0]
    with pytest.raises(ValueError, match="the model has no value for this input"):
        model.predict(Batch.from_matrix(("x",), np.array([[1.0], [np.nan]])))


def test_an_optimisation_does_not_round_a_double_to_float32():
    """MatMul and a factor after it become one node whose factor is a float32, unless that is forbidden."""
    factor = helper.make_tensor("f", TensorProto.DOUBLE, [], [0.1])
    weights = helper.make_tensor("w", TensorProto.DOUBLE, [1, 1], [1.0])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Mul", ["y", "f"], ["z"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [None, 1])],
        [helper.make_tensor_value_info("z", TensorProto.DOUBLE, [None, 1])], [factor, weights],
    )  # fmt: skip
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    signature = Signature((Field("x", "float64"),), (Field("value", "float64"),))
    answer = model_of(proto, signature).predict(Batch.from_matrix(("x",), np.array([[3.0]])))
    assert answer["value"].tolist() == [3.0 * 0.1]


def test_loading_prints_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(Exception, match=r"model\.onnx"):
        OnnxRuntime().load(tmp_path, Signature((Field("x", "float64"),), ()))
    assert capfd.readouterr() == ("", "")
