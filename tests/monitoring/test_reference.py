from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daytwo.batch import Batch
from daytwo.monitoring.cells import Bins, Levels
from daytwo.monitoring.reference import BINS, LEVELS, bins_of, levels_of, reference
from daytwo.signature import Field, Signature

RNG = np.random.default_rng(0)
#: What real columns look like when they are not bells.
AWKWARD = {
    "bell": RNG.normal(size=2000),
    "skewed": RNG.lognormal(0, 5, size=2000),
    "constant": np.full(2000, 7.0),
    "one row": np.array([3.0]),
    "mostly zero": np.where(RNG.random(2000) < 0.9, 0.0, RNG.normal(size=2000)),
    "two atoms": np.concatenate([np.zeros(900), np.ones(900), RNG.random(200)]),
    "counts": RNG.poisson(3, 2000).astype(float),
    "huge": RNG.uniform(-1, 1, size=2000) * 1.7e308,
    "tiny": RNG.random(2000) * 1e-308,
    "huge and tiny": np.array([1.7e308, -1.7e308, 5e-324, 0.0] * 30),
    "large integers": (2**60 + RNG.integers(0, 10**6, 2000)).astype(float),
    "single precision": RNG.normal(size=2000).astype(np.float32),
    "half missing": np.where(RNG.random(2000) < 0.5, np.nan, RNG.normal(size=2000)),
    "all missing": np.full(2000, np.nan),
}


@pytest.mark.parametrize("values", AWKWARD.values(), ids=AWKWARD)
def test_bins_survive_any_column(values: np.ndarray):
    bins = bins_of(values)
    counts = bins.count(values)
    edges = np.array(bins.edges)
    assert (np.diff(edges) > 0).all()
    assert np.isfinite(edges).all()
    assert len(edges) <= BINS + 2
    assert counts.sum() == len(values)
    assert counts[0] == counts[-2] == 0
    assert counts[-1] == np.isnan(values).sum()
    assert (counts[1:-2] > 0).all()


@given(hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(allow_nan=True)), st.integers(1, 12))
def test_edges_are_observed_values_and_rise(values: np.ndarray, bins: int):
    found = bins_of(values, bins)
    finite = values[np.isfinite(values)]
    assert set(found.edges) <= set(finite.tolist())
    assert all(a < b for a, b in zip(found.edges, found.edges[1:], strict=False))
    assert found.maximum == (finite.max() if finite.size else None)
    assert (found.count(finite)[1:-2] > 0).all()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=300))
def test_bins_do_not_depend_on_the_order(values: list[int]):
    assert bins_of(np.array(values, dtype=float), 4) == bins_of(np.array(sorted(values), dtype=float), 4)


def test_bins_of_a_continuous_column_hold_the_same_share():
    values = np.random.default_rng(1).lognormal(size=10_000)
    counts = bins_of(values).count(values)[1:-2]
    assert len(counts) == BINS
    assert counts.min() >= 499
    assert counts.max() <= 501


@pytest.mark.parametrize("share", [0.06, 0.3, 0.95])
def test_a_heavy_value_gets_a_bin_of_its_own(share: float):
    rng = np.random.default_rng(2)
    values = np.where(rng.random(5000) < share, 0.0, rng.normal(size=5000))
    bins = bins_of(values)
    alone = bins.edges.index(0.0)
    assert bins.count(values)[alone + 1] == (values == 0).sum()


def test_few_distinct_values_each_get_a_bin():
    values = np.array([1.0, 2.0, 2.0, 9.0])
    assert bins_of(values) == Bins((1.0, 2.0, 9.0), 9.0)
    assert bins_of(values).count(values).tolist() == [0, 1, 2, 1, 0, 0]


def test_levels_are_the_most_frequent_and_the_rest_is_other():
    values = np.array([f"city {i}" for i in range(80) for _ in range(80 - i)], dtype=object)
    levels = levels_of(values)
    assert len(levels.values) == LEVELS
    assert levels.values[0] == "city 0"
    assert levels.count(values)[-2] == sum(80 - i for i in range(LEVELS, 80))


def test_known_categories_keep_their_order_also_where_there_are_too_many():
    known = tuple(f"c{i:03d}" for i in range(60))
    values = np.array([known[59]] * 3 + [known[0]], dtype=object)
    levels = levels_of(values, known)
    assert len(levels.values) == LEVELS
    assert set(levels.values) >= {known[59], known[0]}
    assert list(levels.values) == sorted(levels.values)


def cells(item: Field, column: np.ndarray) -> list[tuple[str, type]]:
    """The quantities of one input: name and kind of cells."""
    value = Batch.from_columns({"value": np.zeros(len(column))})
    counts = reference(Signature((item,), (Field("value", "float64"),)), Batch.from_columns({item.name: column}), value)
    return [(q.name, type(q.cells)) for q in counts.quantities if q.part == "input"]


@pytest.mark.parametrize(
    ("item", "column", "expected"),
    [
        (Field("x", "float64"), np.zeros(3), [("x", Bins)]),
        (Field("x", "int8"), np.zeros(3, np.int8), [("x", Bins)]),
        (Field("x", "int64", categories=(1, 2)), np.ones(3, np.int64), [("x", Levels)]),
        (Field("x", "bool"), np.zeros(3, bool), [("x", Levels)]),
        (Field("x", "bool", missing=True), np.array([0.0, np.nan]), [("x", Levels)]),
        (Field("x", "datetime"), np.zeros(3, "M8[us]"), [("x", Bins)]),
        (Field("x", "string"), np.array(["a"], object), [("x.length", Bins)]),
        (Field("x", "string", categories=("a",)), np.array(["a"], object), [("x", Levels)]),
        (Field("x", "float64", (2,)), np.zeros((3, 2)), [("x[0]", Bins), ("x[1]", Bins)]),
        (Field("x", "float32", (3, 8)), np.zeros((3, 3, 8)), [(f"x.{m}", Bins) for m in ("mean", "std", "min", "max")]),
        (Field("x", "string", (2,)), np.full((3, 2), "a", object), [("x[0]", Levels), ("x[1]", Levels)]),
        (Field("x", "string", (30,)), np.full((3, 30), "a", object), []),
    ],
)
def test_what_is_counted_of_a_field(item: Field, column: np.ndarray, expected: list[tuple[str, type]]):
    assert cells(item, column) == expected


def errors(item: Field, predicted: np.ndarray, truth: np.ndarray) -> list[str]:
    """The errors that are counted of one output."""
    signature = Signature((Field("x", "float64"),), (item,))
    inputs = Batch.from_columns({"x": np.zeros(len(predicted))})
    counts = reference(
        signature, inputs, Batch.from_columns({item.name: predicted}), Batch.from_columns({item.name: truth})
    )
    return [q.name for q in counts.quantities if q.part == "error"]


def test_what_is_counted_of_errors():
    zeros = np.zeros(4)
    assert errors(Field("value", "float64"), zeros, zeros) == ["value.residual"]
    assert errors(Field("value", "float64", (2,)), np.zeros((4, 2)), np.zeros((4, 2))) == [
        "value[0].residual",
        "value[1].residual",
    ]
    labels = np.zeros(4, np.int64)
    assert errors(Field("class", "int64", categories=(0, 1)), labels, labels) == ["class.correct", "class.confusion"]
    many = tuple(range(21))
    assert errors(Field("class", "int64", categories=many), labels, labels) == ["class.correct"]
    pairs = np.zeros((4, 2), np.int64)
    assert errors(Field("class", "int64", (2,), categories=(0, 1)), pairs, pairs) == [
        "class[0].correct",
        "class[1].correct",
    ]


def test_probabilities_are_named_by_their_class_and_labels_by_their_place():
    signature = Signature(
        (Field("x", "float64"),),
        (
            Field("class", "int64", (2,), categories=(5, 6)),
            Field("probabilities", "float64", (2,), categories=("n", "y")),
        ),
    )
    answers = Batch.from_columns({"class": np.zeros((4, 2), np.int64), "probabilities": np.zeros((4, 2))})
    counts = reference(signature, Batch.from_columns({"x": np.zeros(4)}), answers)
    assert [type(q.cells) for q in counts.quantities] == [Bins, Levels, Levels, Bins, Bins]
    assert [q.name for q in counts.quantities] == ["x", "class[0]", "class[1]", "probabilities[n]", "probabilities[y]"]
