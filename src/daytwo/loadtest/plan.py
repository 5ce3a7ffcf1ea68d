"""Which stages, and for how long: about so many seconds in all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from daytwo.loadtest.stages import Stage

#: Of the peak, what the open stages offer.
FRACTIONS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1)
BATCH_ROWS = (1, 8, 64, 512, 4096)
#: Connections of the stages that vary the rows of a request.
BATCH_CONNECTIONS = 2
#: Shares of the whole for the three parts; what is left is for waiting between them.
_RAMP, _BATCHES, _OPEN = 0.28, 0.12, 0.52
#: Then between the highest rate that was borne and the lowest that was not, where they are further apart than this.
REFINEMENTS, _APART = 2, 1.15
#: A stage should hold this many requests of a connection; where they are too slow for that, there are fewer stages.
_REQUESTS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured.

    total_s:         about so long, without starting and stopping a server
    max_connections: the ramp ends here
    rate:            a wanted rate, which gets a stage of its own
    """

    total_s: float = 60.0
    max_connections: int = 256
    rate: float | None = None

    def ramp(self, alone_s: float) -> Iterator[Stage]:
        """1, 2, 4, … connections; 1, 4, 16, … where one answer alone takes ``alone_s``, much of a stage."""
        share_s = self.total_s * _RAMP
        counts = self._counts(2)
        if _REQUESTS * alone_s * len(counts) > share_s:
            counts = self._counts(4)
        for count in counts:
            yield Stage("ramp", count, share_s / len(counts))

    def batches(self) -> Iterator[Stage]:
        """More and more rows in a request, over few connections."""
        connections = min(BATCH_CONNECTIONS, self.max_connections)
        for rows in BATCH_ROWS:
            yield Stage("batch", connections, self.total_s * _BATCHES / len(BATCH_ROWS), rows=rows)

    def open(self, peak_per_s: float) -> Iterator[Stage]:
        """Poisson arrivals at fractions of the peak, and at the wanted rate where that is not beyond them."""
        rates = {fraction * peak_per_s for fraction in FRACTIONS}
        if self.rate is not None and self.rate <= FRACTIONS[-1] * peak_per_s:
            # Nearly the same rate twice would say nothing more.
            rates = {rate for rate in rates if abs(rate - self.rate) > 0.04 * peak_per_s} | {self.rate}
        for rate in sorted(rates):
            yield self._open(rate)

    def between(self, borne: float, missed: float) -> Stage | None:
        """A stage at a rate halfway between one that was borne (or 0) and one that was not; None where they are near."""
        return self._open((borne + missed) / 2) if missed > _APART * borne else None

    def _open(self, rate: float) -> Stage:
        return Stage("open", self.max_connections, self.total_s * _OPEN / (len(FRACTIONS) + REFINEMENTS), rate=rate)

    def patience_s(self, stage: Stage) -> float:
        """How long to wait after ``stage`` for the answers that are still to come."""
        return max(2.0, stage.duration_s)

    def _counts(self, factor: int) -> list[int]:
        counts, count = [], 1
        while count < self.max_connections:
            counts.append(count)
            count *= factor
        return [*counts, self.max_connections]
