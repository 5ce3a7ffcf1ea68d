"""The catalogue's request metrics, bound to one block of numbers that all workers share.

Label sets are closed, so every series has a fixed place: counting is one addition to a double in shared memory, and
any worker can answer a scrape exactly by adding up the rows of all. A worker that is started again takes over its
predecessor's row, so counters never fall.
"""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from daytwo.metrics import CATALOGUE, CLOSED_LABELS, MODEL_LABELS, Metric

_DOUBLE = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with its label values, at ``offset`` of a worker's row."""

    metric: Metric
    labels: tuple[str, ...]
    offset: int


class Counter:
    """A number that grows (or, as a gauge, moves)."""

    __slots__ = ("_at", "_row")

    def __init__(self, row: memoryview[float], at: int) -> None:
        self._row, self._at = row, at

    def add(self, amount: float = 1.0) -> None:
        """Add ``amount``."""
        self._row[self._at] += amount

    def set(self, value: float) -> None:
        """Set a gauge."""
        self._row[self._at] = value


class Histogram:
    """Counts by bucket, and the sum."""

    __slots__ = ("_at", "_bounds", "_row", "_sum")

    def __init__(self, row: memoryview[float], at: int, bounds: Sequence[float]) -> None:
        self._row, self._at, self._bounds, self._sum = row, at, bounds, at + len(bounds) + 1

    def observe(self, value: float) -> None:
        """Count ``value`` in its bucket (upper bounds are inclusive)."""
        row = self._row
        row[self._at + bisect_left(self._bounds, value)] += 1.0
        row[self._sum] += value

    def observe_nothing(self) -> None:
        """Count a value of 0, which is in the lowest bucket; cheaper."""
        self._row[self._at] += 1.0


class Layout:
    """Where every series of the request metrics lies, for the served models. Equal in all workers.

    models: (name, version) pairs
    """

    def __init__(self, models: Sequence[tuple[str, str]]) -> None:
        self.series: dict[tuple[str, tuple[str, ...]], Series] = {}
        self.width = 1  # the first number of a row is its worker's process id
        for metric in CATALOGUE:
            if metric.scope == "request":
                for labels in _label_sets(metric, models):
                    self.series[metric.name, labels] = Series(metric, labels, self.width)
                    self.width += metric.width


class Instruments:
    """This worker's row of the shared block, and the sums over all rows.

    shared: a block of at least ``size(layout, workers)`` bytes; None keeps one for this process alone
    """

    def __init__(self, layout: Layout, *, worker: int = 0, workers: int = 1, shared: mmap.mmap | None = None) -> None:
        self.layout = layout
        self.worker = worker
        block = shared if shared is not None else mmap.mmap(-1, self.size(layout, workers))
        self._all = memoryview(block).cast("d")
        self._workers = workers
        self._row = self._all[worker * layout.width : (worker + 1) * layout.width]
        self._row[0] = float(os.getpid())
        for series in layout.series.values():
            if series.metric.kind == "gauge":
                self._row[series.offset] = 0.0

    @staticmethod
    def size(layout: Layout, workers: int) -> int:
        """Bytes of the shared block."""
        return max(1, workers * layout.width) * _DOUBLE

    def counter(self, name: str, *labels: str) -> Counter:
        """The counter or gauge ``name`` with ``labels``, in the catalogue's order."""
        return Counter(self._row, self.layout.series[name, labels].offset)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """The histogram ``name`` with ``labels``."""
        series = self.layout.series[name, labels]
        return Histogram(self._row, series.offset, series.metric.buckets)

    def processes(self) -> dict[int, int]:
        """Worker number → process id, of the workers that have started."""
        firsts = (int(self._all[worker * self.layout.width]) for worker in range(self._workers))
        return {worker: pid for worker, pid in enumerate(firsts) if pid}

    def each(self, name: str, *labels: str) -> list[float]:
        """The counter or gauge ``name``, worker by worker."""
        offset = self.layout.series[name, labels].offset
        return [self._all[worker * self.layout.width + offset] for worker in range(self._workers)]

    def total(self, name: str, *labels: str) -> float:
        """The counter or gauge ``name``, added up over the workers."""
        return sum(self.each(name, *labels))

    def totals(self) -> Iterator[tuple[Series, list[float]]]:
        """Every series with its numbers, added up over the workers."""
        rows = np.asarray(self._all)[: self._workers * self.layout.width].reshape(self._workers, -1)
        sums = rows.sum(axis=0)
        for series in self.layout.series.values():
            yield series, sums[series.offset : series.offset + series.metric.width].tolist()


def bury(layout: Layout, shared: mmap.mmap, worker: int) -> None:
    """Note that a worker died: nothing of it waits or runs any more, so its gauges are 0. Its counters stand."""
    row = memoryview(shared).cast("d")[worker * layout.width : (worker + 1) * layout.width]
    row[0] = 0.0
    row[layout.series["daytwo_worker_restarts_total", ()].offset] += 1.0
    for series in layout.series.values():
        if series.metric.kind == "gauge":
            row[series.offset] = 0.0


def _label_sets(metric: Metric, models: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    own = [CLOSED_LABELS[label] for label in metric.labels if label not in MODEL_LABELS]
    of_models: Sequence[tuple[str, ...]] = models if "model" in metric.labels else [()]
    for model in of_models:
        for values in product(*own):
            yield (*model, *values)
