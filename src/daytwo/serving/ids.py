"""Prediction ids: UUID version 7 (RFC 9562, section 5.7), ordered by time, cheap to make."""

from __future__ import annotations

import os
from time import time_ns

#: Random hexadecimal digits that one id takes, and how many ids are drawn from the operating system at once.
_DIGITS = 20
_AT_ONCE = 256
#: The variant's two bits before two random ones.
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


class PredictionIds:
    """Makes ids: 48 bits of milliseconds since 1970, then 74 random bits. One maker for one process.

    >>> ids = PredictionIds()
    >>> len(ids.new()), ids.new()[14]
    (36, '7')
    """

    def __init__(self) -> None:
        self._millisecond = -1
        self._head = self._pool = ""
        self._at = 0

    def new(self) -> str:
        """The next id, as ``018f…-….-7…-….-…``."""
        millisecond = time_ns() // 1_000_000
        if millisecond != self._millisecond:
            text = f"{millisecond:012x}"
            self._millisecond, self._head = millisecond, f"{text[:8]}-{text[8:]}-7"
        if self._at >= len(self._pool):
            self._pool, self._at = os.urandom(_AT_ONCE * _DIGITS // 2).hex(), 0
        at, pool = self._at, self._pool
        self._at = at + _DIGITS
        return (
            f"{self._head}{pool[at : at + 3]}-{_VARIANT[pool[at + 3]]}{pool[at + 4 : at + 7]}-{pool[at + 7 : at + 19]}"
        )
