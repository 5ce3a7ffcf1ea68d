"""scikit-learn's trees as ONNX TreeEnsemble nodes in double: the same thresholds, the same sums in the same order.

scikit-learn rounds what trees see to float32 and compares it with double thresholds; histogram gradient boosting
compares doubles. Sums are doubles, added tree by tree. The version 5 kernel can do exactly that, so the answers are
bit-equal where nothing else comes between. A leaf of that kernel has one target only: a tree whose leaves hold k
numbers is written k times, and a tree whose leaves are pure, as a fully grown forest's are, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import AttributeProto, helper, numpy_helper
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor

from daytwo.batch import Array
from daytwo.packing.onnx_graph import ML, Answer, Answers, Boundary, Frame, Graph, Translator, Untranslatable, ints

_LEQ, _MEMBER = 0, 6
_SUM = 1


@dataclass(frozen=True)
class Tree:
    """One tree for one target per leaf. Arrays over nodes; ``left`` and ``right`` hold node numbers.

    mode:    per node, threshold (0) or set membership (6); None: all thresholds
    members: for each node with a set, in order, its values
    """

    leaf: Array
    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    target: Array
    weight: Array
    mode: Array | None = None
    members: tuple[Array, ...] = ()

    @classmethod
    def constant(cls, value: float, target: int) -> Tree:
        """A tree that always adds ``value``."""
        zero, one = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.bool_)
        return cls(one, zero, np.zeros(1), zero, zero, zero, np.array([target]), np.array([value], dtype=np.float64))


def ensemble_sum(graph: Graph, tensor: str, trees: Sequence[Tree], targets: int) -> str:
    """The tensor (rows, targets), double, of each target's sum over ``trees`` in order; ``tensor`` is double."""
    parts: dict[str, list[Array]] = {name: [] for name in _NODE_PARTS}
    roots, nodes, leaves = [], 0, 0
    members: list[Array] = []
    for item in trees:
        roots.append(nodes)
        added = _flatten(item, nodes, leaves)
        nodes += len(added["nodes_featureids"])
        leaves += len(added["leaf_targetids"])
        members += item.members
        for name, values in added.items():
            parts[name].append(values)
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    node = helper.make_node("TreeEnsemble", [tensor], [graph.name()], domain=ML)
    node.attribute.append(helper.make_attribute("aggregate_function", _SUM))
    node.attribute.append(helper.make_attribute("n_targets", targets))
    node.attribute.append(helper.make_attribute("post_transform", 0))
    node.attribute.append(ints("tree_roots", roots))
    for name, values in joined.items():
        node.attribute.append(_tensor(name, values) if name in _TENSORS else ints(name, values))
    if members:
        separated = np.concatenate([np.append(values, np.nan) for values in members])
        node.attribute.append(_tensor("membership_values", separated))
    return graph.node(node)


_NODE_PARTS = (
    "nodes_featureids", "nodes_splits", "nodes_modes", "nodes_truenodeids", "nodes_falsenodeids", "nodes_trueleafs",
    "nodes_falseleafs", "nodes_missing_value_tracks_true", "leaf_targetids", "leaf_weights",
)  # fmt: skip
_TENSORS = {"nodes_splits", "nodes_modes", "leaf_weights"}


def _tensor(name: str, values: Array) -> AttributeProto:
    return helper.make_attribute(name, numpy_helper.from_array(np.ascontiguousarray(values), name))


def _flatten(item: Tree, nodes: int, leaves: int) -> dict[str, Array]:
    inner = np.flatnonzero(~item.leaf)
    if not inner.size:  # a tree that is one leaf: a test whose outcomes agree
        item = Tree(
            np.array([False, True, True]), *(np.zeros(3, dtype=np.int64), np.zeros(3)), np.array([1, 0, 0]),
            np.array([2, 0, 0]), np.zeros(3, dtype=np.int64), item.target.repeat(3), item.weight.repeat(3),
        )  # fmt: skip
        inner = np.array([0])
    place = np.where(item.leaf, leaves + np.cumsum(item.leaf) - 1, nodes + np.cumsum(~item.leaf) - 1)
    left, right = item.left[inner], item.right[inner]
    mode = np.full(len(item.leaf), _LEQ) if item.mode is None else item.mode
    return {
        "nodes_featureids": item.feature[inner],
        "nodes_splits": item.threshold[inner].astype(np.float64),
        "nodes_modes": mode[inner].astype(np.uint8),
        "nodes_truenodeids": place[left],
        "nodes_falsenodeids": place[right],
        "nodes_trueleafs": item.leaf[left],
        "nodes_falseleafs": item.leaf[right],
        "nodes_missing_value_tracks_true": item.missing_left[inner],
        "leaf_targetids": item.target[item.leaf],
        "leaf_weights": item.weight[item.leaf].astype(np.float64),
    }


def plain_trees(fitted: Any, values: Array, target: int = 0) -> list[Tree]:
    """A fitted ``tree_`` whose nodes are worth ``values`` (nodes, targets), the first of them being ``target``.

    One Tree for each further non-zero that its leaves hold.
    """
    raw = fitted.tree_
    leaf = raw.children_left < 0
    missing_left = np.asarray(raw.missing_go_to_left).astype(np.int64)
    shape = (leaf, raw.feature, raw.threshold, raw.children_left, raw.children_right, missing_left)
    nonzero = (values != 0) & leaf[:, None]
    copies = max(1, int(nonzero.sum(axis=1).max()))
    order = np.argsort(~nonzero, axis=1, kind="stable")[:, :copies]  # each leaf's non-zeros first
    weights = np.take_along_axis(values, order, axis=1)
    return [Tree(*shape, order[:, c] + target, weights[:, c]) for c in range(copies)]


def _rounded(frame: Frame, graph: Graph) -> str:
    """The frame as scikit-learn's trees see it: rounded to float32, in a double."""
    return graph.cast(graph.matrix(frame, np.float32), np.float64)


def note_boundaries(graph: Graph, frame: Frame, trees: Sequence[Tree], *, rounded: bool) -> None:
    """Remember where ``trees`` decide, so that the proof can stand on either side."""
    features = np.concatenate([item.feature[~item.leaf] for item in trees] or [np.zeros(0, dtype=np.int64)])
    thresholds = np.concatenate([item.threshold[~item.leaf] for item in trees] or [np.zeros(0)])
    for index in np.unique(features):
        origin = frame[index].origin
        if rounded and origin is not None:
            origin = origin.then(_round)
        graph.boundaries.append(Boundary(origin, np.unique(thresholds[features == index])))


def _round(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


def _sums(fitted: Sequence[Any], values: Sequence[Array], frame: Frame, graph: Graph) -> str:
    """Each target's sum over fitted trees whose nodes are worth ``values``; (rows, targets)."""
    trees = [tree for one, worth in zip(fitted, values, strict=True) for tree in plain_trees(one, worth)]
    note_boundaries(graph, frame, trees, rounded=True)
    return ensemble_sum(graph, _rounded(frame, graph), trees, values[0].shape[1])


def _single_output(estimator: Any) -> None:
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise Untranslatable(f"{type(estimator).__name__} with several outputs")


def tree_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """DecisionTreeClassifier, ExtraTreeClassifier."""
    return _mean_classifier(estimator, [estimator], frame, graph)


def forest_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """RandomForestClassifier, ExtraTreesClassifier: the mean over trees, and its first largest."""
    return _mean_classifier(estimator, estimator.estimators_, frame, graph)


def _mean_classifier(estimator: Any, fitted: Sequence[Any], frame: Frame, graph: Graph) -> Answers:
    _single_output(estimator)
    total = _sums(fitted, [one.tree_.value[:, 0, :] for one in fitted], frame, graph)
    mean = total if len(fitted) == 1 else graph.op("Div", total, graph.constant(np.float64(len(fitted))))
    return {
        "class": Answer(graph.op("ArgMax", mean, axis=1, keepdims=0), indexed=True),
        "probabilities": Answer(mean),
    }


def tree_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """DecisionTreeRegressor, ExtraTreeRegressor."""
    return {"value": Answer(_sums([estimator], [estimator.tree_.value[:, :, 0]], frame, graph))}


def forest_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """RandomForestRegressor, ExtraTreesRegressor: the mean over trees."""
    fitted = estimator.estimators_
    total = _sums(fitted, [one.tree_.value[:, :, 0] for one in fitted], frame, graph)
    return {"value": Answer(graph.op("Div", total, graph.constant(np.float64(len(fitted)))))}


def gradient_boosting(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """GradientBoostingClassifier and -Regressor, whose first guess is a constant."""
    if estimator.init_ != "zero" and not isinstance(estimator.init_, DummyClassifier | DummyRegressor):
        raise Untranslatable(f"{type(estimator).__name__} with its own init estimator")
    stages, targets = estimator.estimators_.shape
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))[0]
    binary = targets == 1 and isinstance(estimator, ensemble.GradientBoostingClassifier)
    trees = first_guess(start, binary)
    for stage in range(stages):
        for target in range(targets):
            one = estimator.estimators_[stage, target]
            trees += plain_trees(one, estimator.learning_rate * one.tree_.value[:, 0, :], target + binary)
    note_boundaries(graph, frame, trees, rounded=True)
    raw = ensemble_sum(graph, _rounded(frame, graph), trees, targets + binary)
    if isinstance(estimator, ensemble.GradientBoostingRegressor):
        return {"value": Answer(raw)}
    return boosted_classes(graph, raw, last_wins=binary, slope=2.0 if estimator.loss == "exponential" else 1.0)


def first_guess(start: Array, binary: bool) -> list[Tree]:
    """Trees that begin each target's sum. A binary classifier's one score is target 1; target 0 stays 0."""
    return [Tree.constant(value, target + binary) for target, value in enumerate(start)]


def boosted_classes(graph: Graph, raw: str, *, last_wins: bool, slope: float = 1.0) -> Answers:
    """Answers from raw scores (rows, classes), doubles; of two classes the first has score 0.

    The sigmoid of d is the softmax of (0, d). ``last_wins`` says who gets a tie.
    """
    index = graph.op("ArgMax", raw, axis=1, keepdims=0, select_last_index=int(last_wins))
    scaled = raw if slope == 1.0 else graph.op("Mul", raw, graph.constant(np.float64(slope)))
    return {"class": Answer(index, indexed=True), "probabilities": Answer(graph.op("Softmax", scaled, axis=1))}


TREES: dict[type, Translator] = {
    tree.DecisionTreeClassifier: tree_classifier,
    tree.ExtraTreeClassifier: tree_classifier,
    tree.DecisionTreeRegressor: tree_regressor,
    tree.ExtraTreeRegressor: tree_regressor,
    ensemble.RandomForestClassifier: forest_classifier,
    ensemble.ExtraTreesClassifier: forest_classifier,
    ensemble.RandomForestRegressor: forest_regressor,
    ensemble.ExtraTreesRegressor: forest_regressor,
    ensemble.GradientBoostingClassifier: gradient_boosting,
    ensemble.GradientBoostingRegressor: gradient_boosting,
}
