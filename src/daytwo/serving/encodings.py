"""Bodies that come compressed (Content-Encoding), unpacked within a limit: a small body may say that it is a huge one."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from daytwo import _plugins
from daytwo.errors import BodyTooLarge, MalformedBody, MissingLibrary, UnsupportedMediaType

#: What is given to an unpacker, and asked of it, at a time. The limit may be passed by so much, and no more.
_FED_BYTES, _PIECE_BYTES = 64 << 10, 256 << 10
#: gzip and zstd may be several streams, one after the other. Beginning one costs more than most of its bytes.
_MAX_STREAMS = 10_000


class Unpacker(Protocol):
    """One compressed stream, much as ``compression.zstd`` of Python 3.14 has it."""

    @property
    def eof(self) -> bool:
        """Whether the stream has come to its end."""
        ...

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to be had without more of the stream."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What was given beyond the end."""
        ...

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        """Up to ``max_length`` bytes of what ``data``, and what was given before, unpack to. Raises ValueError."""
        ...


class _Inflate:
    """zlib's, in the same words."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    def decompress(self, data: bytes | memoryview, max_length: int) -> bytes:
        try:
            piece = self._zlib.decompress(data or self._zlib.unconsumed_tail, max_length)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        self.needs_input = not self._zlib.unconsumed_tail and len(piece) < max_length
        return piece


def _zstd() -> Unpacker:
    """Raises UnsupportedMediaType where the library is not installed."""
    try:
        made: Unpacker = _plugins.load("daytwo.serving._zstd:Frame", "reading it")()
    except MissingLibrary as error:
        raise UnsupportedMediaType.at("content-encoding", "gzip or deflate", f"zstd ({error})") from None
    return made


#: Encoding → what unpacks it. zlib tells its formats by a number: 15 is its own, 16 more is gzip's.
_UNPACKERS: Mapping[str, Callable[[], Unpacker]] = {
    "gzip": lambda: _Inflate(31),
    "deflate": lambda: _Inflate(15),
    "zstd": _zstd,
}
ENCODINGS = tuple(_UNPACKERS)


def unpacked(body: bytes | bytearray, encoding: str, limit: int) -> bytearray:
    """What ``body`` unpacks to.

    Raises BodyTooLarge as soon as that is more than ``limit`` bytes, MalformedBody where it is cut off or no
    ``encoding``, and UnsupportedMediaType where the library for it is not installed.
    """
    whole = bytearray()
    try:
        for piece in _pieces(memoryview(body), _UNPACKERS[encoding]):
            whole += piece
            if len(whole) > limit:
                raise BodyTooLarge(limit, f"more than {limit:,} once it is unpacked")
    except ValueError as error:
        raise MalformedBody.at("body", encoding, str(error)) from None
    return whole


def _pieces(body: memoryview, begin: Callable[[], Unpacker]) -> Iterator[bytes]:
    start = streams = 0
    while start < len(body) or not streams:
        streams += 1
        if streams > _MAX_STREAMS:
            raise MalformedBody.at("body", f"at most {_MAX_STREAMS:,} compressed streams", "more")
        unpacker = begin()
        while not unpacker.eof:
            fed = body[start : start + _FED_BYTES] if unpacker.needs_input else b""
            if unpacker.needs_input and not fed:
                raise MalformedBody.at("body", "a compressed body to its end", "one that is cut off")
            start += len(fed)
            yield unpacker.decompress(fed, _PIECE_BYTES)
        start -= len(unpacker.unused_data)
