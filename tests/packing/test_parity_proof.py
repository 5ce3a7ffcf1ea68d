"""The proof finds what is wrong with a model that lies a little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from skl2onnx import convert_sklearn
from skl2onnx.common import _container
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from daytwo.batch import Batch
from daytwo.packing.onnx.translate import translate
from daytwo.packing.parity_proof import Proof, prove
from daytwo.packing.study import Study, study
from daytwo.runtimes.onnx import OnnxModel, open_session, wire
from daytwo.runtimes.sklearn import SklearnModel

IRIS, SPECIES = load_iris(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Tiny fits on a busy machine wait for their threads longer than they compute."""
    with threadpool_limits(1):
        yield


class Lie:
    """A model whose answer about some rows is not what it says."""

    releases_gil = False

    def __init__(
        self, truth: Any, about: Callable[[Batch], Any], change: Callable[[dict[str, Any], Any], None]
    ) -> None:
        self._truth, self._about, self._change = truth, about, change

    def predict(self, batch: Batch) -> Batch:
        columns = {name: column.copy() for name, column in self._truth.predict(batch).items()}
        rows = self._about(batch)
        if np.any(rows):
            self._change(columns, rows)
        return Batch.from_columns(columns)


def other_label(columns: dict[str, Any], rows: Any) -> None:
    columns["class"][rows] = (columns["class"][rows] + 1) % 3


def refuse(columns: dict[str, Any], rows: Any) -> None:
    raise ValueError("no")


def iris() -> tuple[Study, SklearnModel]:
    found = study(LogisticRegression(max_iter=500).fit(IRIS, SPECIES), IRIS, SPECIES)
    return found, SklearnModel(found.model, found.signature)


@pytest.mark.parametrize(("about", "change", "reason"), [
    (lambda b: np.arange(b.rows) == 7, other_label, "labels differ on the data"),
    (lambda b: b["x0"] == 0, other_label, "labels differ on edge rows"),
    (lambda b: b["x0"] > 1e300, other_label, None),
    (lambda b: b["x0"] > 1e12, refuse, None),
    (lambda b: b["x0"] > 1e11, refuse, "it refuses a row that the original answers"),
    (lambda b: b.rows == 1, other_label, "labels differ between one row and many"),
    (lambda b: b["x0"] < -1e11, other_label, "on numbers as far out as 1e+12"),
])  # fmt: skip
def test_a_lie_is_found_where_it_is_told(about: Any, change: Any, reason: str | None):
    found, original = iris()
    proof = prove(original, Lie(original, about, change), found.signature, found.inputs, ())
    assert (reason is None and proof.reason is None) or reason in (proof.reason or "")


def test_what_agrees_only_so_far_is_limited():
    found, original = iris()
    far = Lie(original, lambda b: np.abs(b["x1"]) > 1e20, other_label)
    proof = prove(original, far, found.signature, found.inputs, ())
    assert proof.reason is None
    assert proof.limit == 1e18


def test_an_answer_where_the_original_refuses_is_found():
    found, original = iris()
    strict = Lie(original, lambda b: b["x0"] < 0, refuse)
    proof = prove(strict, original, found.signature, found.inputs, ())
    assert proof.reason == "it answers a row that the original refuses (ValueError: no)"


def test_nan_will_do_where_the_original_refuses_but_not_where_it_says_nan_itself():
    found, original = iris()

    def nan(columns: dict[str, Any], rows: Any) -> None:
        columns["probabilities"][rows] = np.nan

    strict, silent = Lie(original, lambda b: b["x0"] < 0, refuse), Lie(original, lambda b: b["x0"] < 0, nan)
    proof = prove(strict, silent, found.signature, found.inputs, ())
    assert proof.reason is None
    assert proof.nan_refused
    both = (Lie(model, lambda b: b["x0"] == 0, nan) for model in (strict, silent))
    assert "NaN both where the original does" in (prove(*both, found.signature, found.inputs, ()).reason or "")


# ---- real forms, spoilt as real conversions are


def spoilt(found: Study, change: Callable[[onnx.ModelProto], None]) -> Proof:
    translation = translate(found.model, found.signature)
    change(translation.model)
    form = OnnxModel(open_session(translation.model.SerializeToString()), found.signature, translation.wiring)
    original = SklearnModel(found.model, found.signature)
    return prove(original, form, found.signature, found.inputs, translation.boundaries)


def rounded_thresholds(rounding: Callable[[Any], Any]) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        for node in model.graph.node:
            for attribute in node.attribute:
                if attribute.name == "nodes_splits":
                    splits = rounding(numpy_helper.to_array(attribute.t))
                    attribute.t.CopyFrom(numpy_helper.from_array(splits, attribute.name))

    return change


def up(splits: Any) -> Any:
    near = splits.astype(np.float32)
    return np.where(near < splits, np.nextafter(near, np.float32(np.inf)), near).astype(np.float64)


def down(splits: Any) -> Any:
    near = splits.astype(np.float32)
    return np.where(near > splits, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float64)


def boosted(dtype: Any) -> Study:
    X = DIABETES.astype(dtype)
    return study(HistGradientBoostingRegressor(max_iter=20).fit(X, PROGRESS), X, PROGRESS)


def test_thresholds_rounded_up_to_float32_are_found():
    assert "beside tree thresholds" in (spoilt(boosted(np.float32), rounded_thresholds(up)).reason or "")


def test_thresholds_rounded_down_are_right_for_float32_data_and_wrong_for_doubles():
    assert spoilt(boosted(np.float32), rounded_thresholds(down)).reason is None
    assert spoilt(boosted(np.float64), rounded_thresholds(down)).reason is not None


def test_a_missing_value_sent_the_wrong_way_is_found():
    X = np.where(np.random.default_rng(0).random(IRIS.shape) < 0.2, np.nan, IRIS)
    found = study(RandomForestClassifier(5, random_state=0).fit(X, SPECIES), X, SPECIES)

    def other_way(model: onnx.ModelProto) -> None:
        for attribute in model.graph.node[0].attribute:
            if attribute.name == "nodes_missing_value_tracks_true":
                attribute.ints[:] = [1 - way for way in attribute.ints]

    assert "labels differ on the data" in (spoilt(found, other_way).reason or "")


def test_ties_given_to_the_other_class_are_found():
    X = np.array([[0.0], [0.0], [1.0], [1.0]])
    found = study(RandomForestClassifier(2, bootstrap=False).fit(X, [0, 1, 0, 1]), X, [0, 1, 0, 1])

    def last(model: onnx.ModelProto) -> None:
        node = next(node for node in model.graph.node if node.op_type == "ArgMax")
        node.attribute.append(onnx.helper.make_attribute("select_last_index", 1))

    assert "4 of 4 labels differ on the data" in (spoilt(found, last).reason or "")


# ---- what skl2onnx itself would have given


def as_converted(found: Study) -> Proof:
    """The proof of what skl2onnx makes of the whole model in float32, as its documentation has it."""
    kind = FloatTensorType([None, len(found.signature.inputs)])
    zipmap = (
        {id(found.model): {"zipmap": False}} if "probabilities" in {f.name for f in found.signature.outputs} else {}
    )
    model = convert_sklearn(found.model, initial_types=[("X", kind)], options=zipmap or None)
    session = open_session(model.SerializeToString())
    form = OnnxModel(session, found.signature, wire(session, found.signature))
    translation = translate(found.model, found.signature)
    original = SklearnModel(found.model, found.signature)
    return prove(original, form, found.signature, found.inputs, translation.boundaries)


def test_doubles_passed_through_as_float32_are_found():
    columns = ColumnTransformer([("all", "passthrough", [0, 1, 2, 3])])
    X = IRIS + 1e4  # where float32 knows no more than thousandths
    model = make_pipeline(columns, StandardScaler(), LogisticRegression()).fit(X, SPECIES)
    assert "over 1e-06" in (as_converted(study(model, X, SPECIES)).reason or "")


def test_a_machine_that_computes_in_float32_is_found_where_it_changes_its_mind():
    found = study(SVC(kernel="linear").fit(IRIS, SPECIES), IRIS, SPECIES)
    translation = translate(found.model, found.signature)
    exact = OnnxModel(open_session(translation.model.SerializeToString()), found.signature, translation.wiring)

    class Narrow:
        releases_gil = True

        def predict(self, batch: Batch) -> Batch:
            assert batch.matrix is not None
            with np.errstate(over="ignore"):
                rounded = batch.matrix.astype(np.float32).astype(np.float64)
            return exact.predict(Batch.from_matrix(batch.names, rounded))

    proof = prove(SklearnModel(found.model, found.signature), Narrow(), found.signature, found.inputs, ())
    assert "labels differ where the answer changes" in (proof.reason or "")


def test_histogram_boosting_as_skl2onnx_writes_it_is_found(monkeypatch: pytest.MonkeyPatch):
    """With today's protobuf skl2onnx cannot even write it, until numpy's numbers are made into Python's."""
    plain = _container.make_node

    def mended(*arguments: Any, **attributes: Any) -> Any:
        return plain(*arguments, **{name: _python(value) for name, value in attributes.items()})

    monkeypatch.setattr(_container, "make_node", mended)
    X = np.round(np.random.default_rng(0).normal(size=(2000, 3)), 3)
    y = np.sin(3 * X[:, 0]) + X[:, 1]
    found = study(HistGradientBoostingRegressor(max_iter=50).fit(X, y), X, y)
    assert "beside tree thresholds" in (as_converted(found).reason or "")


def _python(value: Any) -> Any:
    if isinstance(value, list | tuple | np.ndarray) and len(value) and isinstance(value[0], np.generic | bool):
        whole = all(isinstance(item, np.integer | bool | np.bool_ | int) for item in value)
        return [int(item) if whole else float(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
