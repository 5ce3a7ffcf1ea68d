"""What a model saw, as counts that add. Numbers only: no clock, no socket, no disk."""

from __future__ import annotations

from daytwo.monitoring.counts import Bins as Bins
from daytwo.monitoring.counts import Counts as Counts
from daytwo.monitoring.counts import Levels as Levels
from daytwo.monitoring.counts import Quantity as Quantity
