"""scikit-learn's trees as ONNX TreeEnsemble nodes in double: the same thresholds, the same sums in the same order.

scikit-learn rounds what trees see to float32 and compares it with double thresholds; histogram gradient boosting
compares doubles. Sums are doubles, added tree by tree. The version 5 kernel can do exactly that, so the answers are
bit-equal where nothing else comes between. A leaf of that kernel has one target only: a tree whose leaves hold k
numbers is written k times, and a tree whose leaves are pure, as a fully grown forest's are, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import AttributeProto, helper, numpy_helper
from sklearn import ensemble, tree

from daytwo.batch import Array
from daytwo.packing.onnx.frame import Answer, Answers, Boundary, Frame, Untranslatable
from daytwo.packing.onnx.graph import ML, Graph, Translator, ints

LEQ, MEMBER = 0, 6
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
    # onnxruntime up to 1.23 takes a root for a lone leaf where the numbers of its two children happen to be equal, though
    # one numbers a leaf and the other a node; a leaf that nobody reaches moves them apart.
    spare = np.zeros(int(place[left[0]] == place[right[0]]), dtype=np.int64)
    place = place + item.leaf * len(spare)
    mode = np.full(len(item.leaf), LEQ) if item.mode is None else item.mode
    return {
        "nodes_featureids": item.feature[inner],
        "nodes_splits": item.threshold[inner].astype(np.float64),
        "nodes_modes": mode[inner].astype(np.uint8),
        "nodes_truenodeids": place[left],
        "nodes_falsenodeids": place[right],
        "nodes_trueleafs": item.leaf[left],
        "nodes_falseleafs": item.leaf[right],
        "nodes_missing_value_tracks_true": item.missing_left[inner],
        "leaf_targetids": np.append(spare, item.target[item.leaf]),
        "leaf_weights": np.append(spare, item.weight[item.leaf]).astype(np.float64),
    }


def plain_trees(fitted: Any, values: Array, target: int = 0, features: Array | None = None) -> list[Tree]:
    """A fitted ``tree_`` whose nodes are worth ``values`` (nodes, targets), the first of them being ``target``.

    One Tree for each further non-zero that its leaves hold. ``features`` says which columns it was given.
    """
    raw = fitted.tree_
    leaf = raw.children_left < 0
    missing_left = np.asarray(raw.missing_go_to_left).astype(np.int64)
    feature = raw.feature if features is None else np.asarray(features)[np.maximum(raw.feature, 0)]
    shape = (leaf, feature, raw.threshold, raw.children_left, raw.children_right, missing_left)
    nonzero = (values != 0) & leaf[:, None]
    copies = max(1, int(nonzero.sum(axis=1).max()))
    order = np.argsort(~nonzero, axis=1, kind="stable")[:, :copies]  # each leaf's non-zeros first
    weights = np.take_along_axis(values, order, axis=1)
    return [Tree(*shape, order[:, c] + target, weights[:, c]) for c in range(copies)]


def rounded_sum(graph: Graph, frame: Frame, trees: Sequence[Tree], targets: int) -> str:
    """:func:`ensemble_sum` over what scikit-learn's trees see: the frame rounded to float32."""
    note_boundaries(graph, frame, trees, rounded=True)
    if all(column.held.kind == "f" for column in frame):
        folded = [replace(item, threshold=unrounded(item.threshold)) for item in trees]
        return ensemble_sum(graph, graph.matrix(frame, np.float64), folded, targets)
    return ensemble_sum(graph, graph.cast(graph.matrix(frame, np.float32), np.float64), trees, targets)


def unrounded(thresholds: Array) -> Array:
    """For each threshold t the largest double that is at most t once it is rounded to float32.

    Comparing a double with this is the same as rounding it and comparing with t, and saves the rounding.

    >>> x = np.float64(unrounded(np.array([0.3]))[0])
    >>> float(np.float32(x)) <= 0.3, float(np.float32(np.nextafter(x, 1))) <= 0.3
    (True, False)
    """
    with np.errstate(over="ignore"):
        below = thresholds.astype(np.float32)
        below = np.where(below > thresholds, np.nextafter(below, np.float32(-np.inf)), below)
        above = np.nextafter(below, np.float32(np.inf)).astype(np.float64)
        above = np.where(np.isinf(above), np.sign(above) * 2.0**128, above)  # where the next float32 would be
        middle = below.astype(np.float64) / 2 + above / 2
        belongs = middle.astype(np.float32) <= thresholds  # a tie goes to the even neighbour
    return np.where(belongs, middle, np.nextafter(middle, -np.inf))


def note_boundaries(graph: Graph, frame: Frame, trees: Sequence[Tree], *, rounded: bool) -> None:
    """Remember where ``trees`` decide, so that the proof can stand on either side."""
    inner = [~item.leaf & ((item.mode == LEQ) if item.mode is not None else True) for item in trees]
    none = np.zeros(0)
    features = np.concatenate([item.feature[i] for item, i in zip(trees, inner, strict=True)] or [none])
    thresholds = np.concatenate([item.threshold[i] for item, i in zip(trees, inner, strict=True)] or [none])
    for index in np.unique(features).astype(int):
        origin = frame[index].origin
        if rounded and origin is not None:
            origin = origin.then(_round)
        graph.boundaries.append(Boundary(origin, np.unique(thresholds[features == index])))


def _round(values: Array) -> Array:
    with np.errstate(over="ignore"):
        return values.astype(np.float32).astype(np.float64)


def tree_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """DecisionTreeClassifier, ExtraTreeClassifier."""
    return _mean_classes(estimator, [estimator], frame, graph)


def forest_classifier(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """RandomForestClassifier, ExtraTreesClassifier: the mean over trees, and its first largest."""
    return _mean_classes(estimator, estimator.estimators_, frame, graph)


def tree_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """DecisionTreeRegressor, ExtraTreeRegressor."""
    return {"value": Answer(_mean([estimator], frame, graph))}


def forest_regressor(estimator: Any, frame: Frame, graph: Graph) -> Answers:
    """RandomForestRegressor, ExtraTreesRegressor: the mean over trees."""
    return {"value": Answer(_mean(estimator.estimators_, frame, graph))}


def _mean(fitted: Sequence[Any], frame: Frame, graph: Graph) -> str:
    """The mean over trees of what their leaves hold, shape (rows, outputs * classes)."""
    values = [one.tree_.value.reshape(one.tree_.node_count, -1) for one in fitted]
    trees = [item for one, worth in zip(fitted, values, strict=True) for item in plain_trees(one, worth)]
    total = rounded_sum(graph, frame, trees, values[0].shape[1])
    return total if len(fitted) == 1 else graph.op("Div", total, graph.constant(np.float64(len(fitted))))


def _mean_classes(estimator: Any, fitted: Sequence[Any], frame: Frame, graph: Graph) -> Answers:
    mean = _mean(fitted, frame, graph)
    if estimator.n_outputs_ > 1:
        return _labels(estimator, mean, graph)
    index = graph.op("ArgMax", mean, axis=1, keepdims=0)
    return {"class": Answer(index, indexed=True), "probabilities": Answer(mean)}


def _labels(estimator: Any, mean: str, graph: Graph) -> Answers:
    """Several labels a row, each 0 or 1: which are more likely than not, and how likely 1 is."""
    if any(list(classes) != [0, 1] for classes in estimator.classes_):
        raise Untranslatable(f"{type(estimator).__name__} with several outputs that are not all 0 or 1")
    pairs = graph.op("Reshape", mean, graph.constant(np.array([-1, estimator.n_outputs_, 2])))
    return {
        "class": Answer(graph.op("ArgMax", pairs, axis=2, keepdims=0)),
        "probabilities": Answer(graph.op("Gather", pairs, graph.constant(np.int64(1)), axis=2)),
    }


TREES: dict[type, Translator] = {
    tree.DecisionTreeClassifier: tree_classifier,
    tree.ExtraTreeClassifier: tree_classifier,
    tree.DecisionTreeRegressor: tree_regressor,
    tree.ExtraTreeRegressor: tree_regressor,
    ensemble.RandomForestClassifier: forest_classifier,
    ensemble.ExtraTreesClassifier: forest_classifier,
    ensemble.RandomForestRegressor: forest_regressor,
    ensemble.ExtraTreesRegressor: forest_regressor,
}
