"""How much memory the large bodies on their way to a model may take together."""

from __future__ import annotations

from daytwo.errors import Overloaded

#: Smaller bodies are not counted: there can be no more of them at once than connections.
SMALL_BYTES = 64 << 10


class Budget:
    """Of one endpoint. A single body is always let in; each has a limit of its own. What counts is what has come, not
    what was announced.

    limit_bytes: all large bodies that are being received or wait to be answered
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.held_bytes = 0

    def grow(self, reserved: int, nbytes: int) -> int:
        """A body that holds ``reserved`` now has ``nbytes``: tells what it holds from now on. Raises Overloaded, and
        then it holds what it held.
        """
        if nbytes <= SMALL_BYTES:
            return reserved
        others = self.held_bytes - reserved
        if others and others + nbytes > self._limit:
            raise Overloaded("queue_full", f"bodies of {self.held_bytes:,} bytes are on their way", 1.0)
        self.held_bytes = others + nbytes
        return nbytes

    def release(self, reserved: int) -> None:
        """Give back what a body holds."""
        self.held_bytes -= reserved
