"""What a prediction costs: the model's own time for one row and for a batch, without any server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from daytwo.batch import Batch

_MIN_REPEATS = 5
_MAX_REPEATS = 5000


@dataclass(frozen=True, slots=True)
class Cost:
    """The time that one form of a model takes for ``rows`` rows.

    p50_s, p99_s: of ``repeats`` calls, seconds per call
    """

    form: str
    rows: int
    repeats: int
    p50_s: float
    p99_s: float

    @property
    def per_row_s(self) -> float:
        """The median for one row, seconds.

        >>> Cost("onnx", rows=100, repeats=50, p50_s=0.002, p99_s=0.004).per_row_s
        2e-05
        """
        return self.p50_s / self.rows

    def to_json(self) -> dict[str, Any]:
        """A JSON object; seconds."""
        return {
            "form": self.form,
            "rows": self.rows,
            "repeats": self.repeats,
            "p50_s": self.p50_s,
            "p99_s": self.p99_s,
            "per_row_s": self.per_row_s,
        }


def measure(
    form: str,
    run: Callable[[Batch], object],
    batch: Batch,
    *,
    budget_s: float = 0.3,
    clock: Callable[[], float] = time.perf_counter,
) -> Cost:
    """The cost of ``run(batch)`` over as many calls as fit into ``budget_s``, at least five; the first is not counted."""
    run(batch)
    taken: list[float] = []
    end = clock() + budget_s
    while len(taken) < _MIN_REPEATS or (clock() < end and len(taken) < _MAX_REPEATS):
        start = clock()
        run(batch)
        taken.append(clock() - start)
    p50, p99 = np.percentile(taken, (50, 99)).tolist()
    return Cost(form, batch.rows, len(taken), p50, p99)


def tiled(batch: Batch, rows: int) -> Batch:
    """A Batch of ``rows`` rows: those of ``batch``, over and over."""
    return batch.take(np.resize(np.arange(batch.rows), rows))
