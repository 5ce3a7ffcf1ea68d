from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.batch import Batch
from daytwo.monitoring import Bins, Counts, Levels, Quantity, reference
from daytwo.signature import Field, Signature

SIGNATURE = Signature(
    (
        Field("age", "float64", missing=True),
        Field("plan", "string", categories=("basic", "pro"), missing=True),
        Field("note", "string", missing=True),
        Field("active", "bool"),
        Field("since", "datetime", missing=True),
        Field("signal", "float32", (30,)),
    ),
    (
        Field("class", "string", categories=("no", "yes")),
        Field("probabilities", "float64", (2,), categories=("no", "yes")),
    ),
)


def table(rows: int, seed: int) -> tuple[Batch, Batch, Batch]:
    """Inputs, outputs and truth of ``SIGNATURE``."""
    rng = np.random.default_rng(seed)
    words = np.array(["basic", "pro", "gold", None], dtype=object)
    since = rng.integers(0, 10**15, rows).astype("M8[us]")
    since[rng.random(rows) < 0.1] = np.datetime64("NaT", "us")
    inputs = Batch.from_columns(
        {
            "age": np.where(rng.random(rows) < 0.2, np.nan, np.round(rng.lognormal(3, 1, rows))),
            "plan": rng.choice(words, rows),
            "note": np.array([None if r < 0.2 else "x" * int(r * 40) for r in rng.random(rows)], dtype=object),
            "active": rng.random(rows) < 0.5,
            "since": since,
            "signal": rng.normal(size=(rows, 30)).astype(np.float32),
        }
    )
    labels = np.array(["no", "yes"], dtype=object)
    outputs = Batch.from_columns({"class": rng.choice(labels, rows), "probabilities": rng.random((rows, 2))})
    return inputs, outputs, Batch.from_columns({"class": rng.choice(np.append(labels, None), rows)})


REFERENCE = reference(SIGNATURE, *table(300, 0))


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 1000))
def test_merging_is_seeing_both(first: int, second: int, seed: int):
    one, two = table(first, seed), table(second, seed + 1)
    both = [Batch.stack([a, b]) for a, b in zip(one, two, strict=True)]
    empty = REFERENCE.empty()
    assert empty.observe(*one) + empty.observe(*two) == empty.observe(*both)
    assert empty.observe(*one).observe(*two) == empty.observe(*both)


def test_adding_is_commutative_and_has_a_zero():
    one, two = (REFERENCE.empty().observe(*table(50, seed)) for seed in (1, 2))
    assert one + two == two + one
    assert one + REFERENCE.empty() == one != two


def test_every_row_is_counted_once_by_every_quantity():
    seen = REFERENCE.empty().observe(*table(77, 5))
    assert {q.name: int(seen.of(q.name, q.part).sum()) for q in seen.quantities if q.part != "error"} == {
        q.name: 77 for q in seen.quantities if q.part != "error"
    }


def test_errors_are_counted_only_where_the_truth_is_known():
    inputs, outputs, truth = table(60, 3)
    assert REFERENCE.empty().observe(inputs, outputs).of("class.correct").sum() == 0
    seen = REFERENCE.empty().observe(inputs, outputs, truth)
    right = sum(t == p for t, p in zip(truth["class"], outputs["class"], strict=True))
    unknown = sum(t is None for t in truth["class"])
    assert seen.of("class.correct").tolist() == [60 - right - unknown, right, 0, unknown]
    assert seen.of("class.confusion").sum() == 60


def test_observing_changes_nothing():
    before = REFERENCE.cells.copy()
    REFERENCE.observe(*table(10, 9))
    assert np.array_equal(before, REFERENCE.cells)


def test_json_round_trip():
    text = json.dumps(REFERENCE.to_json(), allow_nan=False)
    assert Counts.from_json(json.loads(text)) == REFERENCE


def test_json_of_the_wrong_length_is_refused():
    data = REFERENCE.to_json()
    data["inputs"][0]["counts"].pop()
    with pytest.raises(ValueError, match=r"age: .* counts expected"):
        Counts.from_json(data)


def test_counts_over_other_quantities_do_not_add():
    with pytest.raises(ValueError, match="different quantities"):
        REFERENCE + Counts.none([Quantity("input", "age", "value", Bins((0.0,), 1.0))])


def test_names_say_what_is_counted():
    names = [q.name for q in REFERENCE.quantities]
    assert names == [
        "age", "plan", "note.length", "active", "since", "signal.mean", "signal.std", "signal.min", "signal.max",
        "class", "probabilities[no]", "probabilities[yes]", "class.correct", "class.confusion",
    ]  # fmt: skip


def test_a_name_in_two_parts_is_told_apart_by_the_part():
    quantities = [Quantity(part, "x", "value", Levels(("a",))) for part in ("input", "output")]
    batch = Batch.from_columns({"x": np.array(["a", "b"], dtype=object)})
    counts = Counts.none(quantities).observe(outputs=batch)
    assert (counts.of("x", "input").tolist(), counts.of("x", "output").tolist()) == ([0, 0, 0], [1, 1, 0])
    with pytest.raises(KeyError):
        counts.of("y")


def test_a_matrix_is_counted_as_its_columns_are():
    signature = Signature((Field("a", "float64"), Field("b", "float64")), (Field("value", "float64"),))
    matrix = np.random.default_rng(0).normal(size=(50, 2))
    value = Batch.from_columns({"value": matrix.sum(axis=1)})
    as_matrix = Batch.from_matrix(("a", "b"), matrix)
    as_columns = Batch.from_columns({"a": matrix[:, 0], "b": matrix[:, 1]})
    assert reference(signature, as_matrix, value) == reference(signature, as_columns, value)
