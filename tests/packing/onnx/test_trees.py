from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier

from daytwo.packing.onnx.translate import translate
from daytwo.packing.onnx.trees import plain_trees, unrounded
from daytwo.packing.study import Study, study
from daytwo.packing.thresholds import threshold_rows
from daytwo.runtimes.onnx import OnnxModel, open_session

CANCER, MALIGN = load_breast_cancer(return_X_y=True)
DIABETES, PROGRESS = load_diabetes(return_X_y=True)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-3.4e38, max_value=3.4e38))
def test_comparing_with_the_unrounded_threshold_is_rounding_and_comparing(threshold: float):
    (edge,) = unrounded(np.array([threshold]))
    around = np.array([np.nextafter(edge, -np.inf), edge, np.nextafter(edge, np.inf)])
    with np.errstate(over="ignore"):
        rounded = around.astype(np.float32) <= np.float64(threshold)
    assert rounded.tolist() == [True, True, False]
    assert (around <= edge).tolist() == [True, True, False]


def test_the_widest_float32_is_a_threshold_too():
    widest = float(np.finfo(np.float32).max)
    (edge,) = unrounded(np.array([widest]))
    with np.errstate(over="ignore"):
        assert np.float32(edge) == widest
        assert np.isinf(np.float32(np.nextafter(edge, np.inf)))


def test_a_tree_of_pure_leaves_is_written_once_and_a_mixed_one_once_a_class():
    pure = DecisionTreeClassifier(random_state=0).fit(CANCER, MALIGN)
    mixed = DecisionTreeClassifier(max_depth=2, random_state=0).fit(CANCER, MALIGN)
    assert len(plain_trees(pure, pure.tree_.value[:, 0, :])) == 1
    assert len(plain_trees(mixed, mixed.tree_.value[:, 0, :])) == 2


@pytest.mark.parametrize("model", [DecisionTreeClassifier(), RandomForestClassifier(3)])
def test_a_tree_that_is_one_leaf(model: Any):
    X, y = np.zeros((6, 2)), np.array([0, 0, 1, 1, 1, 1])
    found = study(model.fit(X, y), X, y)
    answer = form(found).predict(found.inputs)
    assert np.array_equal(answer["probabilities"], model.predict_proba(X))


def test_no_root_can_be_taken_for_a_lone_leaf():
    """Up to onnxruntime 1.23 a root whose children bear equal numbers, one of a leaf and one of a node, was."""
    X, y = load_iris(return_X_y=True)
    for depth in range(1, 6):
        found = study(DecisionTreeClassifier(max_depth=depth, random_state=0).fit(X, y), X, y)
        node = translate(found.model, found.signature).model.graph.node[0]
        ids = {item.name: np.array(item.ints) for item in node.attribute}
        roots = ids["tree_roots"]
        assert (ids["nodes_truenodeids"][roots] != ids["nodes_falsenodeids"][roots]).all()


def form(found: Study) -> OnnxModel:
    translation = translate(found.model, found.signature)
    return OnnxModel(open_session(translation.model.SerializeToString()), found.signature, translation.wiring)


def test_a_forest_costs_one_node_for_its_trees():
    found = study(RandomForestClassifier(4, random_state=0).fit(CANCER, MALIGN), CANCER, MALIGN)
    model = translate(found.model, found.signature).model
    assert [node.op_type for node in model.graph.node] == ["TreeEnsemble", "Div", "ArgMax"]


@pytest.mark.parametrize("fitted", [
    RandomForestRegressor(10, max_depth=6, random_state=0).fit(DIABETES, PROGRESS),
    HistGradientBoostingRegressor(max_iter=20).fit(DIABETES, PROGRESS),
])  # fmt: skip
def test_another_library_reads_the_same_trees(fitted: Any):
    """Treelite's interpreter as referee: on the data, and on both sides of every threshold."""
    treelite = pytest.importorskip("treelite")
    found = study(fitted, DIABETES, PROGRESS)
    beside, _ = threshold_rows(found.signature, found.inputs, translate(found.model, found.signature).boundaries, 2000)
    # Treelite compares float32 data with float32 thresholds where scikit-learn rounds the data first.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about versions of its own parts
        referee = treelite.sklearn.import_model(fitted)
        rounds = isinstance(fitted, RandomForestRegressor)
        for rows in (found.inputs, beside):
            assert rows.matrix is not None
            seen = rows.matrix.astype(np.float32).astype(np.float64) if rounds else rows.matrix
            said = treelite.gtil.predict(referee, np.ascontiguousarray(seen)).ravel()
            np.testing.assert_allclose(form(found).predict(rows)["value"], said, rtol=1e-12)
