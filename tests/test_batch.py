from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from daytwo.batch import DTYPES, Batch, is_missing
from drawn import assert_same

sizes = st.lists(st.integers(0, 5), min_size=1, max_size=6)


def matrix(rows: int, dtype: str = "float64") -> Batch:
    return Batch.from_matrix(("a", "b"), np.arange(rows * 2).reshape(rows, 2).astype(dtype))


def columns(rows: int) -> Batch:
    text = np.array([None if row % 3 == 0 else str(row) for row in range(rows)], dtype=object)
    return Batch.from_columns({"n": np.arange(rows), "t": text, "image": np.zeros((rows, 2, 3), dtype=np.float32)})


@pytest.fixture(params=[matrix, columns], ids=["matrix", "columns"])
def batch(request: pytest.FixtureRequest) -> Batch:
    made: Batch = request.param(5)
    return made


def test_a_matrix_is_not_copied():
    array = np.zeros((3, 2))
    made = Batch.from_matrix(("a", "b"), array)
    assert made.matrix is array
    assert np.shares_memory(made["b"], array)
    assert made.take(slice(1, 3)).matrix.base is array


def test_columns_have_names_rows_and_order(batch: Batch):
    assert len(batch) == batch.rows == 5
    assert tuple(name for name, _ in batch.items()) == batch.names
    assert all(name in batch and len(batch[name]) == 5 for name in batch.names)
    assert "nothing" not in batch
    with pytest.raises(KeyError, match="nothing"):
        batch["nothing"]


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"columns differ in rows: \{'a': 1, 'b': 2\}"):
        Batch.from_columns({"a": np.zeros(1), "b": np.zeros(2)})


def test_nothing_at_all_is_a_batch_without_rows():
    assert (Batch.from_columns({}).rows, bool(Batch.from_columns({}))) == (0, False)


@pytest.mark.parametrize("index", [slice(1, 4), np.array([4, 0, 0]), [2], np.array([True, False, True, False, False])])
def test_taking_rows(batch: Batch, index: slice | np.ndarray | list[int]):
    taken = batch.take(index)
    for name, column in batch.items():
        assert taken[name].tolist() == column[index].tolist()
    assert (taken.matrix is None) == (batch.matrix is None)


@given(sizes, st.sampled_from([matrix, columns]))
def test_split_and_stack_are_inverse(parts: list[int], make):
    whole = make(sum(parts))
    pieces = whole.split(parts)
    assert [piece.rows for piece in pieces] == parts
    assert_same(Batch.stack(pieces), whole)


@given(st.lists(hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(3))), min_size=1, max_size=5))
def test_stack_and_split_are_inverse(arrays: list[np.ndarray]):
    pieces = [Batch.from_matrix(("x", "y", "z"), array) for array in arrays]
    again = Batch.stack(pieces).split([piece.rows for piece in pieces])
    for piece, other in zip(pieces, again, strict=True):
        assert_same(piece, other)


def test_one_batch_is_its_own_stack(batch: Batch):
    assert Batch.stack([batch]) is batch


def test_a_matrix_and_columns_of_the_same_names_stack():
    loose = Batch.from_columns({"a": np.array([9.0]), "b": np.array([8.0])})
    stacked = Batch.stack([matrix(1), loose])
    assert (stacked["a"].tolist(), stacked["b"].tolist(), stacked.matrix) == ([0.0, 9.0], [1.0, 8.0], None)


def test_what_does_not_belong_together_is_not_stacked():
    with pytest.raises(ValueError, match="different columns"):
        Batch.stack([matrix(1), columns(1)])
    with pytest.raises(ValueError, match="nothing to stack"):
        Batch.stack([])


@pytest.mark.parametrize("parts", [[], [4], [3, 3]])
def test_parts_that_do_not_add_up_are_refused(batch: Batch, parts: list[int]):
    with pytest.raises(ValueError, match=rf"sizes add up to {sum(parts)}, the batch has 5 rows"):
        batch.split(parts)


def test_bytes_are_those_of_the_arrays():
    assert matrix(5).nbytes == 80
    assert columns(2).nbytes == 16 + 16 + 48


def test_it_says_what_it_is():
    assert repr(columns(2)) == "Batch(2 rows; n: int64, t: object, image: float32[2, 3])"


@pytest.mark.parametrize(
    ("column", "missing"),
    [
        (np.array([1.0, np.nan, np.inf]), [False, True, False]),
        (np.array(["2026-01-01", "NaT"], dtype="M8[us]"), [False, True]),
        (np.array([1, "NaT"], dtype="m8[s]"), [False, True]),
        (np.array(["", None, "None"], dtype=object), [False, True, False]),
        (np.array([["a", None], [None, "b"]], dtype=object), [[False, True], [True, False]]),
        (np.array([0, 1]), [False, False]),
        (np.array([True, False]), [False, False]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, np.ndarray) else "",
)
def test_what_is_missing(column: np.ndarray, missing: list[bool]):
    assert is_missing(column).tolist() == missing


def test_every_dtype_is_one_that_numpy_holds():
    for name, dtype in DTYPES.items():
        assert np.zeros(1, dtype=dtype).dtype == dtype, name
