"""zstd, where there is a library for it."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: 8 MiB, which is what RFC 9659 lets an HTTP message ask for. A body of twenty bytes could else claim 128 MiB.
_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: 23}


class Frame:
    """One frame, as an :class:`daytwo.serving.encodings.Unpacker`."""

    def __init__(self) -> None:
        self._zstd = zstd.ZstdDecompressor(options=_OPTIONS)

    @property
    def eof(self) -> bool:
        """Whether the frame has come to its end."""
        return self._zstd.eof

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to be had without more of the frame."""
        return self._zstd.needs_input

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the end."""
        return self._zstd.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        """Up to ``max_length`` bytes of what ``data``, and what was given before, unpack to. Raises ValueError."""
        try:
            return self._zstd.decompress(data, max_length)
        except zstd.ZstdError as error:
            raise ValueError(str(error)) from None
