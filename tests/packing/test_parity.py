from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from daytwo.batch import Batch
from daytwo.packing.parity import Comparison, Judge
from daytwo.signature import Field, Signature

LABELS = Field("class", "string", categories=("a", "b"))
SHARES = Field("probabilities", "float64", (2,), categories=("a", "b"))
SIGNATURE = Signature((Field("x", "float64"),), (LABELS, SHARES))
VALUES = Signature((Field("x", "float64"),), (Field("value", "float64"),))


def answers(labels: str, *first: float) -> Batch:
    share = np.array(first)
    return Batch.from_columns(
        {"class": np.array(list(labels), dtype=object), "probabilities": np.column_stack([share, 1 - share])}
    )


def values(*numbers: float) -> Batch:
    return Batch.from_columns({"value": np.array(numbers)})


def test_equal_answers_are_equal():
    judge = Judge.of(SIGNATURE, answers("ab", 0.7, 0.2))
    found = judge.compare(answers("ab", 0.7, 0.2), answers("ab", 0.7, 0.2))
    assert found == Comparison(2, 0, 0.0, -1)
    assert judge.accepts(found)
    assert judge.reason(found, "here") is None


def test_a_flipped_label_is_never_let_pass():
    judge = Judge.of(SIGNATURE, answers("ab", 0.5, 0.5))
    found = judge.compare(answers("ab", 0.5, 0.5), answers("aa", 0.5, 0.5))
    assert (found.label_flips, found.worst_row) == (1, 1)
    assert judge.reason(found, "here") == "1 of 2 labels differ here"


def test_probabilities_are_compared_as_such():
    judge = Judge.of(SIGNATURE, answers("a", 0.7))
    assert judge.tolerance == 1e-6
    assert judge.accepts(judge.compare(answers("a", 0.7), answers("a", 0.7 + 9e-7)))
    found = judge.compare(answers("a", 0.7), answers("a", 0.7 + 2e-6))
    assert judge.reason(found, "on the data") == "an error of 2e-06 on the data, over 1e-06"


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_numbers_are_compared_at_the_size_they_usually_have(scale: float):
    usual = values(1 * scale, 2 * scale, -3 * scale)
    judge = Judge.of(VALUES, usual)
    assert judge.accepts(judge.compare(usual, values(1 * scale, 2 * scale, -3 * scale * (1 + 1e-7))))
    assert not judge.accepts(judge.compare(usual, values(1 * scale, 2 * scale, -3 * scale * (1 + 1e-5))))


def test_near_zero_is_near_zero():
    judge = Judge.of(VALUES, values(1.0, 2.0, 0.0))
    assert judge.accepts(judge.compare(values(0.0), values(1e-15)))


def test_data_in_float32_is_given_its_own_rounding():
    narrow = Signature((Field("x", "float32"),), VALUES.outputs)
    assert Judge.of(narrow, values(1.0)).tolerance == 1e-5


@pytest.mark.parametrize(("want", "have", "fine"), [
    (np.nan, np.nan, True), (np.inf, np.inf, True), (np.inf, -np.inf, False), (np.nan, 1.0, False), (1.0, np.nan, False),
])  # fmt: skip
def test_what_is_no_number_must_be_none_in_both(want: float, have: float, fine: bool):
    judge = Judge.of(VALUES, values(1.0))
    assert judge.accepts(judge.compare(values(want), values(have))) is fine


@pytest.mark.parametrize("have", [
    Batch.from_columns({"value": np.array([1], dtype=np.int64)}), Batch.from_columns({"value": np.array([[1.0]])}),
])  # fmt: skip
def test_another_shape_or_dtype_is_another_answer(have: Batch):
    judge = Judge.of(VALUES, values(1.0))
    assert judge.compare(values(1.0), have).worst_error == np.inf


def test_comparisons_add_up():
    assert Comparison(2, 1, 0.5, 0) + Comparison(3, 0, 0.7, 1) == Comparison(5, 1, 0.7)


@given(arrays.arrays(np.float64, 5, elements=st.floats(-1e6, 1e6)))
def test_a_model_equals_itself(numbers: np.ndarray):
    answer = values(*numbers)
    judge = Judge.of(VALUES, answer)
    assert judge.compare(answer, answer) == Comparison(5, 0, 0.0, -1)
