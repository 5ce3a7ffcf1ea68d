from __future__ import annotations

import pytest

from daytwo.errors import Overloaded
from daytwo.serving.budget import SMALL_BYTES, Budget

LARGE = SMALL_BYTES + 1


def test_large_bodies_are_let_in_until_they_are_too_many_together() -> None:
    budget = Budget(3 * LARGE)
    held = [budget.grow(0, LARGE) for _ in range(3)]
    with pytest.raises(Overloaded, match="bodies of 196,611 bytes are on their way") as refused:
        budget.grow(0, LARGE)
    assert refused.value.reason == "queue_full"
    budget.release(held[0])
    assert budget.grow(0, LARGE) == LARGE


def test_what_counts_is_what_has_come() -> None:
    budget = Budget(10 * LARGE)
    held = budget.grow(0, SMALL_BYTES)
    assert (held, budget.held_bytes) == (0, 0)
    for pieces in (1, 2, 3):
        held = budget.grow(held, pieces * LARGE)
        assert (held, budget.held_bytes) == (pieces * LARGE, pieces * LARGE)
    budget.release(held)
    assert budget.held_bytes == 0


def test_small_bodies_are_not_counted_and_one_alone_is_always_let_in() -> None:
    budget = Budget(1)
    assert budget.grow(0, SMALL_BYTES) == 0
    assert budget.grow(0, 100 * LARGE) == 100 * LARGE
    assert budget.grow(0, SMALL_BYTES) == 0
    with pytest.raises(Overloaded):
        budget.grow(0, LARGE)
    assert budget.held_bytes == 100 * LARGE
