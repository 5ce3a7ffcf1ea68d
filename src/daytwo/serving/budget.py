"""How much memory the large bodies on their way to a model may take together."""

from __future__ import annotations

from daytwo.errors import Overloaded

#: Smaller bodies are not counted: there can be no more of them at once than connections.
SMALL_BYTES = 64 << 10


class Budget:
    """Of one endpoint. A single body is always let in; each has a limit of its own.

    limit_bytes: all large bodies that are being received or wait to be answered
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self.held_bytes = 0

    def reserve(self, nbytes: int) -> int:
        """Make room for a body, and tell what to release when it is done with. Raises Overloaded."""
        if nbytes <= SMALL_BYTES:
            return 0
        if self.held_bytes and self.held_bytes + nbytes > self._limit:
            raise Overloaded("queue_full", f"bodies of {self.held_bytes:,} bytes are on their way", 1.0)
        self.held_bytes += nbytes
        return nbytes

    def release(self, reserved: int) -> None:
        """Give back what :meth:`reserve` told."""
        self.held_bytes -= reserved
