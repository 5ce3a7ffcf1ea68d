"""A service over a real linear function, in this process: the answer to a row (a, b) is 1000·a + b."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from daytwo.batch import Batch
from daytwo.predictor import Predictor
from daytwo.serving.instruments import Instruments
from daytwo.serving.service import Served, Service
from daytwo.settings import ServeSettings
from daytwo.signature import Field, Signature

LINE = Signature(
    inputs=(Field("a", "float64", minimum=0, maximum=9), Field("b", "float64", minimum=0, maximum=9)),
    outputs=(Field("value", "float64"),),
    array_dtype="float64",
)


class Line:
    """A model that is a line of numpy. ``before`` is told every batch, and may raise."""

    releases_gil = True

    def __init__(self, before: Callable[[Batch], None] = lambda batch: None) -> None:
        self.before = before

    def predict(self, batch: Batch) -> Batch:
        self.before(batch)
        return Batch.from_columns({"value": batch["a"] * 1000.0 + batch["b"]})


def rows(*pairs: tuple[float, float]) -> Batch:
    return Batch.from_matrix(LINE.names, np.array(pairs, dtype=np.float64).reshape(-1, 2))


def served(model: Line | None = None, name: str = "line", version: str = "1") -> Served:
    def load() -> Predictor:
        return Predictor(model or Line(), LINE, name=name, version=version, runtime="python")

    return Served(name, version, LINE, load, rows((1, 2), (3, 4)))


def service(*models: Served, load: bool = True, **settings: Any) -> Service:
    """A service of ``models`` (default: one line), ready unless ``load`` is False."""
    made = Service(models or (served(),), ServeSettings(**settings))
    if load:
        made.load()
    return made


def value(instruments: Instruments, name: str, *labels: str) -> float:
    """The one number of a counter or gauge; of a histogram, how many observations it has."""
    series, numbers = next((s, n) for s, n in instruments.totals() if (s.metric.name, s.labels) == (name, labels))
    return sum(numbers[:-1]) if series.metric.kind == "histogram" else numbers[0]
