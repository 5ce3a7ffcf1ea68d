from __future__ import annotations

import time
import uuid

from daytwo.serving.ids import PredictionIds


def test_ids_are_uuids_of_version_7_that_tell_the_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(PredictionIds().new())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_ids_do_not_repeat_also_not_over_makers() -> None:
    makers = [PredictionIds(), PredictionIds()]
    made = [maker.new() for maker in makers for _ in range(5000)]
    assert len(set(made)) == len(made)


def test_later_ids_sort_later() -> None:
    ids = PredictionIds()
    first = ids.new()
    time.sleep(0.002)
    assert first < ids.new()
