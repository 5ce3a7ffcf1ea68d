"""Between bytes and the model's rows, in whichever dialect and encoding a head names; in a thread where that takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from daytwo import _plugins
from daytwo.dialects import MEDIA_TYPES, Dialect, Request
from daytwo.dialects.native import NativeDialect
from daytwo.errors import DaytwoError, MissingLibrary, NotAcceptable, UnsupportedMediaType
from daytwo.serving.encodings import unpacked
from daytwo.serving.head import Head
from daytwo.settings import ServeSettings
from daytwo.signature import Signature

T = TypeVar("T")

#: From so many bytes on an array takes over half a millisecond to read, which others would have to wait for. JSON is
#: read on the event loop at any size: its reader holds the interpreter anyway.
_LONG_BYTES = 1 << 20
#: Of a body that is still to be unpacked: there is no telling what becomes of it.
_LONG_PACKED_BYTES = 1024
#: So many rows take a millisecond to write as Arrow, and more as JSON: from there on a thread does it.
MANY_ROWS = 10_000
#: Threads for bodies: enough that one large body does not keep the next waiting, few enough to bound the memory.
_THREADS = 2


class Translator:
    """All dialects of one model. Those of arrays are made when they are first spoken: their libraries are large.

    native:   the one that is always there
    dialects: those that are there by now, by name; after :meth:`decode` also the one to answer in
    limits:   of the bytes of a body, also once it is unpacked, by dialect
    at_work:  how many bodies and answers are in the hands of threads
    """

    def __init__(self, signature: Signature, *, model: str, version: str, settings: ServeSettings) -> None:
        self.native = NativeDialect(signature, model=model, version=version, max_rows=settings.max_rows)
        self.limits = dict.fromkeys(MEDIA_TYPES, settings.max_array_bytes) | {"native": settings.max_body_bytes}
        self.dialects: dict[str, Dialect] = {"native": self.native}
        self._signature = signature
        self._model, self._version = model, version
        self._max_array_rows = settings.max_array_rows
        self._executor: ThreadPoolExecutor | None = None
        self.at_work = 0

    def is_long(self, body: bytes | bytearray, head: Head) -> bool:
        """Whether to decode in a thread."""
        if head.encoding is not None:
            return len(body) > _LONG_PACKED_BYTES
        if head.dialect == "native":
            return head.answer not in self.dialects
        return len(body) > _LONG_BYTES or head.dialect not in self.dialects or head.answer not in self.dialects

    def decode(self, body: bytes | bytearray, head: Head) -> Request:
        """The Request in ``body``. Raises InvalidInput and its subclasses."""
        if head.answer not in self.dialects:
            try:
                self._load(head.answer)
            except MissingLibrary as error:
                raise NotAcceptable.at(
                    "accept", "another media type", f"{MEDIA_TYPES[head.answer]} ({error})"
                ) from None
        if head.encoding is not None:
            body = unpacked(body, head.encoding, self.limits[head.dialect])
        return self._reader(head.dialect).decode(body)

    def aside(self, work: Callable[[], T], done: Callable[[T | Exception], None]) -> None:
        """Do ``work`` in a thread, and tell ``done`` on this event loop what it returned or raised."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_THREADS, "daytwo-bodies")

        def tell(future: asyncio.Future[T | Exception]) -> None:
            self.at_work -= 1
            if not future.cancelled():
                done(future.result())

        self.at_work += 1
        asyncio.get_running_loop().run_in_executor(self._executor, _caught, work).add_done_callback(tell)

    def close(self) -> None:
        """Let go of the threads. What they do finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    def _reader(self, name: str) -> Dialect:
        if name not in self.dialects:
            try:
                self._load(name)
            except MissingLibrary as error:
                said = f"{MEDIA_TYPES[name]} ({error})"
                raise UnsupportedMediaType.at("content-type", "another media type", said) from None
        return self.dialects[name]

    def _load(self, name: str) -> None:
        kind = _plugins.load(_plugins.DIALECTS[name], "reading and writing it")
        made: Dialect = kind(self._signature, model=self._model, version=self._version, max_rows=self._max_array_rows)
        self.dialects[name] = made


def _caught(work: Callable[[], T]) -> T | Exception:
    try:
        return work()
    except DaytwoError as error:
        return error.with_traceback(None)  # nobody reads it, and its frames hold the body: a quarter of a gigabyte
    except Exception as error:  # noqa: BLE001  whatever it is, it is told
        return error
