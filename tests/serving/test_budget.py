from __future__ import annotations

import pytest

from daytwo.errors import Overloaded
from daytwo.serving.budget import SMALL_BYTES, Budget

LARGE = SMALL_BYTES + 1


def test_large_bodies_are_let_in_until_they_are_too_many_together() -> None:
    budget = Budget(3 * LARGE)
    reserved = [budget.reserve(LARGE) for _ in range(3)]
    with pytest.raises(Overloaded, match="bodies of 196,611 bytes are on their way") as refused:
        budget.reserve(LARGE)
    assert refused.value.reason == "queue_full"
    budget.release(reserved[0])
    assert budget.reserve(LARGE) == LARGE


def test_small_bodies_are_not_counted_and_one_alone_is_always_let_in() -> None:
    budget = Budget(1)
    assert budget.reserve(SMALL_BYTES) == 0
    assert budget.reserve(100 * LARGE) == 100 * LARGE
    assert budget.reserve(SMALL_BYTES) == 0
    with pytest.raises(Overloaded):
        budget.reserve(LARGE)
    budget.release(100 * LARGE)
    assert budget.held_bytes == 0
