from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.serving.tickets import Piece, Queue, Ticket
from serving.service import Line, rows


def ticket(number: int, count: int) -> Ticket:
    """Of ``count`` rows that tell where they belong."""
    return Ticket(rows(*[(number, i) for i in range(count)]), lambda said: None, 0.0, 0.0, 1.0)


def sizes(pieces: list[Piece]) -> list[tuple[int, int, int]]:
    """Of each piece: whose it is, from which row on, how many rows."""
    return [(int(piece.batch["a"][0]), piece.start, piece.batch.rows) for piece in pieces]


@pytest.mark.parametrize(
    ("counts", "max_rows", "batches"),
    [
        ([1, 1, 1], 8, [[(0, 0, 1), (1, 0, 1), (2, 0, 1)]]),
        ([2, 2], 3, [[(0, 0, 2)], [(1, 0, 2)]]),  # what fits into a batch is not split
        ([5], 2, [[(0, 0, 2)], [(0, 2, 2)], [(0, 4, 1)]]),
        ([5, 1], 2, [[(0, 0, 2)], [(1, 0, 1), (0, 2, 1)], [(0, 3, 2)]]),
        ([1, 5], 2, [[(0, 0, 1), (1, 0, 1)], [(1, 1, 2)], [(1, 3, 2)]]),
    ],
    ids=str,
)
def test_batches_are_taken_in_order_and_the_large_let_others_have_their_turn(
    counts: list[int], max_rows: int, batches: list[list[tuple[int, int, int]]]
) -> None:
    queue = Queue()
    for number, count in enumerate(counts):
        queue.add(ticket(number, count))
    assert [sizes(queue.take(max_rows, 1 << 20)) for _ in batches] == batches
    assert (len(queue), queue.rows, queue.nbytes) == (0, 0, 0)


def test_a_row_larger_than_a_batch_may_be_goes_alone() -> None:
    queue = Queue()
    for number in range(2):
        queue.add(ticket(number, 2))
    assert [sizes(queue.take(100, 1)) for _ in range(4)] == [[(0, 0, 1)], [(1, 0, 1)], [(0, 1, 1)], [(1, 1, 1)]]


def test_who_is_dropped_weighs_nothing_and_is_not_taken() -> None:
    queue = Queue()
    gone, stays = ticket(0, 5), ticket(1, 1)
    queue.add(gone)
    weight = queue.nbytes
    queue.add(stays)
    queue.take(2, 1 << 20)
    gone.done = True
    queue.drop(gone)
    assert (queue.rows, 0 < queue.nbytes < weight) == (1, True)
    assert sizes(queue.take(100, 1 << 20)) == [(1, 0, 1)]


@given(counts=st.lists(st.integers(1, 20), max_size=12), max_rows=st.integers(1, 9), max_bytes=st.integers(1, 300))
def test_every_row_is_taken_once_and_its_outputs_come_together_in_order(
    counts: list[int], max_rows: int, max_bytes: int
) -> None:
    queue, answers = Queue(), {}
    tickets = [ticket(number, count) for number, count in enumerate(counts)]
    for each in tickets:
        queue.add(each)
    while pieces := queue.take(max_rows, max_bytes):
        assert sum(piece.batch.rows for piece in pieces) <= max_rows
        assert len(pieces) == 1 or sum(piece.batch.nbytes for piece in pieces) <= max_bytes
        for piece in reversed(pieces):
            whole = piece.ticket.gather(piece, Line().predict(piece.batch))
            if whole is not None:
                assert id(piece.ticket) not in answers
                answers[id(piece.ticket)] = whole["value"].tolist()
    assert [answers[id(each)] for each in tickets] == [
        [1000.0 * number + i for i in range(count)] for number, count in enumerate(counts)
    ]
    assert (queue.rows, queue.nbytes) == (0, 0)
