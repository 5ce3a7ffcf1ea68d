"""What a model saw, as counts that add. Numbers only: no clock, no socket, no disk."""

from __future__ import annotations

from daytwo.monitoring.cells import Bins, Levels
from daytwo.monitoring.counts import Counts, Quantity
from daytwo.monitoring.reference import reference

__all__ = ["Bins", "Counts", "Levels", "Quantity", "reference"]
