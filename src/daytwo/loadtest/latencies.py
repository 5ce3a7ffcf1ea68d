"""Latencies as counts that add: a histogram of logarithmic buckets, in the manner of HdrHistogram."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

#: Buckets per doubling; half of one's width is the error: 1/256, less than 0.4%.
_SUB_BITS = 7
_SUB = 1 << _SUB_BITS
#: About 73 minutes in nanoseconds. Whatever took longer counts as that.
_MAX_NS = (1 << 42) - 1
#: The largest relative error of any quantile, against the sample itself.
RELATIVE_ERROR = 1 / (2 * _SUB)


def bucket(value_ns: int) -> int:
    """The bucket of a latency: exact below 256 ns, then 128 buckets for every doubling.

    >>> bucket(255), bucket(256), bucket(257), bucket(512)
    (255, 256, 256, 384)
    """
    shift = max(0, value_ns.bit_length() - _SUB_BITS - 1)
    return (shift << _SUB_BITS) + (value_ns >> shift)


def middle_ns(index: int) -> float:
    """The latency that bucket ``index`` stands for: the middle of it.

    >>> middle_ns(200), middle_ns(256)
    (200.0, 256.5)
    """
    shift = max(0, (index >> _SUB_BITS) - 1)
    low = (index - (shift << _SUB_BITS)) << shift
    return low + ((1 << shift) - 1) / 2


_BUCKETS = bucket(_MAX_NS) + 1


class Latencies:
    """How many answers took how long.

    >>> seen = Latencies.of([0.001] * 99 + [0.1])
    >>> round(seen.quantile(0.5), 4), round(seen.quantile(0.999), 2), seen.count
    (0.001, 0.1, 100)

    Merging two is adding them, and equals having seen both.
    """

    __slots__ = ("_counts", "count", "max_s", "sum_s")

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS
        self.count = 0
        self.sum_s = 0.0
        self.max_s = 0.0

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Latencies:
        """Those of ``seconds``."""
        seen = cls()
        for value_s in seconds:
            seen.observe(value_s)
        return seen

    def observe(self, value_s: float) -> None:
        """Count one, in seconds; less than nothing counts as nothing."""
        value_ns = min(max(int(value_s * 1e9), 0), _MAX_NS)
        shift = value_ns.bit_length() - _SUB_BITS - 1
        # The same as bucket(), written out: this is called for every answer.
        self._counts[(shift << _SUB_BITS) + (value_ns >> shift) if shift > 0 else value_ns] += 1
        self.count += 1
        self.sum_s += value_s
        self.max_s = max(self.max_s, value_s)

    def __add__(self, other: Latencies) -> Latencies:
        both = Latencies()
        both._counts = [a + b for a, b in zip(self._counts, other._counts, strict=True)]
        both.count = self.count + other.count
        both.sum_s = self.sum_s + other.sum_s
        both.max_s = max(self.max_s, other.max_s)
        return both

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Latencies):
            return NotImplemented
        return (self._counts, self.max_s) == (other._counts, other.max_s) and math.isclose(self.sum_s, other.sum_s)

    __hash__ = None  # type: ignore[assignment]  # it changes with every observation

    @property
    def mean_s(self) -> float:
        """The mean in seconds; NaN where there is nothing."""
        return self.sum_s / self.count if self.count else math.nan

    def quantile(self, q: float) -> float:
        """The latency in seconds that the share ``q`` in [0, 1] of all stays within; NaN where there is nothing.

        It is the nearest-rank quantile of the sample, within :data:`RELATIVE_ERROR` of it.
        """
        if not self.count:
            return math.nan
        rank = min(max(math.ceil(q * self.count), 1), self.count)
        if rank == self.count:
            return max(self.max_s, 0.0)
        reached = next(i for i, below in enumerate(accumulate(self._counts)) if below >= rank)
        return min(middle_ns(reached) / 1e9, self.max_s)

    def to_json(self) -> dict[str, Any]:
        """Only the buckets that hold something, as pairs of bucket and count."""
        pairs = [[index, count] for index, count in enumerate(self._counts) if count]
        return {"buckets": pairs, "sum_s": self.sum_s, "max_s": self.max_s}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Latencies:
        """The inverse of :meth:`to_json`."""
        seen = cls()
        for index, count in document["buckets"]:
            seen._counts[index] = count
            seen.count += count
        seen.sum_s, seen.max_s = document["sum_s"], document["max_s"]
        return seen
