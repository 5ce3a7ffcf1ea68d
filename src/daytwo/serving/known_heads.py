"""Heads of requests that were read before, by their bytes.

A caller that keeps its connection says the same head again and again, but for its length now and then. To look up four
hundred bytes costs a tenth of parsing them.
"""

from __future__ import annotations

from typing import NamedTuple

from daytwo.serving.budget import SMALL_BYTES
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.head import Head

_END = b"\r\n\r\n"
#: Longer heads are seldom the same twice.
_MAX_BYTES = 2048
#: When there are more, all are forgotten; those that come again are soon known again.
_MAX_HEADS = 256


class Known(NamedTuple):
    """What a head was read as."""

    head: Head
    endpoint: Endpoint


class KnownHeads:
    """Of predictions that came whole, in one piece, on connections that stay. Shared by all connections of a server."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> tuple[Known, bytes] | None:
        """What is known of the head that ``data`` begins with, and the body, where the rest of ``data`` is all of it."""
        end = data.find(_END, 0, _MAX_BYTES) + len(_END)
        known = self._known.get(data[:end])
        if known is None or known.head.length != len(data) - end:
            return None
        return known, data[end:]

    def keep(self, data: bytes, head: Head, endpoint: Endpoint) -> None:
        """``data`` is a whole request, whose head was read as ``head`` and which goes to ``endpoint``."""
        end = data.find(_END, 0, _MAX_BYTES) + len(_END)
        if not data.startswith(b"POST ") or end < len(_END) or head.length != len(data) - end:
            return
        if head.prediction_id is not None or head.length > SMALL_BYTES:
            return  # an id of the caller's own will not be said again, and large bodies are counted as they come
        if len(self._known) >= _MAX_HEADS:
            self._known.clear()
        self._known[data[:end]] = Known(head, endpoint)
