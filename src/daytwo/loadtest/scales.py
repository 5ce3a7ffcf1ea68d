"""Axes: where a value stands on one, and the values that are written beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """From ``low`` to ``high``, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def linear(cls, values: Sequence[float]) -> Scale:
        """From 0 to a little beyond the largest value."""
        return cls(0.0, max(values, default=1.0) * 1.04 or 1.0)

    @classmethod
    def logarithmic(cls, values: Sequence[float], margin: float = 1.25) -> Scale:
        """From below the smallest to above the largest positive value, at least a factor of ten apart."""
        positive = [value for value in values if value > 0] or [1.0]
        low, high = min(positive) / margin, max(positive) * margin
        widen = math.sqrt(max(1.0, 10 * low / high))
        return cls(low / widen, high * widen, log=True)

    def place(self, value: float) -> float:
        """Where ``value`` stands, 0 at the low end and 1 at the high one; beyond them for values beyond them.

        >>> Scale(1.0, 100.0, log=True).place(10.0), Scale(0.0, 4.0).place(1.0)
        (0.5, 0.25)
        """
        if self.log:
            return math.log(max(value, 1e-12) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within, about so many.

        >>> Scale(0.0, 104.0).ticks(), Scale(0.5, 2000.0, log=True).ticks()
        ([0.0, 25.0, 50.0, 75.0, 100.0], [1.0, 10.0, 100.0, 1000.0])
        """
        return self._powers(about) if self.log else self._steps(about)

    def _steps(self, about: int) -> list[float]:
        raw = (self.high - self.low) / about
        power = 10.0 ** math.floor(math.log10(raw))
        step = next((power * factor for factor in (1, 2, 2.5, 5) if power * factor >= raw * 0.999), power * 10)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [round(step * number, 12) for number in range(first, last + 1)]

    def _powers(self, about: int) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        for factors in ((1, 2, 5), (1, 3), (1,)):
            found = [
                f * 10.0**p for p in range(first, last + 1) for f in factors if self.low <= f * 10.0**p <= self.high
            ]
            if len(found) <= about + 1:
                return found
        step = math.ceil(len(found) / (about + 1))
        return found[::step]
