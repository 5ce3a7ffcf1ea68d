"""What the head of a request says: its body's length, type and encoding, the caller's id and patience, what it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from daytwo.errors import InvalidInput, MalformedBody, UnsupportedMediaType
from daytwo.serving.encodings import ENCODINGS
from daytwo.serving.media import answer_in, dialect_of

_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
#: What JSON is mostly asked for with; anything else is looked into.
_JSON_WANTED = frozenset({b"application/json", b"application/json, text/plain, */*"})
_TRUE = frozenset({"1", "true", "yes"})
_TIMEOUT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|ms|)\s*", re.ASCII)
#: As gRPC writes it (its document "gRPC over HTTP2"): at most eight digits, and a unit.
_GRPC_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_UNITS_S = {"": 1.0, "s": 1.0, "ms": 1e-3, "H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass
class Head:
    """What a request says about itself, outside its body.

    length:        of the body in bytes, or None where it comes in chunks
    prediction_id: the caller's own; one in the body wins
    probabilities: whether the answer shall show them
    timeout_s:     how long the caller waits, or None where it does not say
    dialect:       the name of the one that the body is in
    answer:        the name of the one that the answer shall be in
    accept:        media types for the answer, as the caller wrote them
    encoding:      what the body is compressed with, or None
    is_plain:      whether it is JSON, in and out, and not compressed
    """

    length: int | None = None
    prediction_id: str | None = None
    probabilities: bool = False
    timeout_s: float | None = None
    dialect: str = "native"
    answer: str = "native"
    accept: bytes = b""
    encoding: str | None = None
    is_plain: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        self.is_plain = self.dialect == self.answer == "native" and self.encoding is None

    @classmethod
    def of(cls, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Head:
        """Read ``headers`` (names in lower case) and ``query``. Raises InvalidInput and its subclasses."""
        head = cls.__new__(cls)  # the class holds the defaults, so only what is said need be set
        for name, value in headers:
            if name == b"content-length":
                head.length = parse_length(value)
            elif name == b"content-type":
                if value not in _JSON:
                    head.dialect = dialect_of(value)
            elif name == b"accept":
                if value != b"*/*":
                    head._read_accept(value)
            elif name in _READERS:
                _READERS[name](head, value)
        if head.accept or head.dialect != "native" or head.encoding is not None:
            head._choose_answer()
        if query:
            head._read_query(query)
        return head

    def _choose_answer(self) -> None:
        if not self.accept:
            self.answer = self.dialect
        elif self.dialect != "native" or self.accept not in _JSON_WANTED:
            self.answer = answer_in(self.accept, self.dialect)
        self.__post_init__()

    def _read_accept(self, value: bytes) -> None:
        self.accept = self.accept + b"," + value if self.accept else value

    def _read_id(self, value: bytes) -> None:
        self.prediction_id = _checked_id(value)

    def _read_encoding(self, value: bytes) -> None:
        text = value.decode("latin-1").strip().lower()
        if text in ("identity", ""):
            return
        if self.encoding is not None or text not in ENCODINGS:
            expected = f"one of {', '.join(ENCODINGS)}, once"
            raise UnsupportedMediaType.at("content-encoding", expected, repr(text[:100]))
        self.encoding = text

    def _read_timeout(self, value: bytes) -> None:
        self._wait_at_most(parse_timeout("x-request-timeout", value.decode("latin-1")))

    def _read_grpc_timeout(self, value: bytes) -> None:
        self._wait_at_most(parse_grpc_timeout("grpc-timeout", value.decode("latin-1")))

    def _read_query(self, query: bytes) -> None:
        said = parse_qs(query.decode("latin-1"), keep_blank_values=True)
        self.probabilities = said.get("probabilities", [""])[-1].lower() in _TRUE
        if "timeout" in said:
            self._wait_at_most(parse_timeout("timeout", said["timeout"][-1]))

    def _wait_at_most(self, seconds: float) -> None:
        self.timeout_s = seconds if self.timeout_s is None else min(seconds, self.timeout_s)


def parse_length(value: bytes) -> int:
    """A Content-Length. Raises MalformedBody."""
    if not value.isdigit():
        raise MalformedBody.at("content-length", "a number of bytes", repr(value.decode("latin-1")))
    return int(value)


def parse_timeout(name: str, text: str) -> float:
    """Seconds in ``0.25``, ``0.25s`` or ``250ms``. Raises InvalidInput."""
    return _seconds(name, _TIMEOUT.fullmatch(text), "seconds above 0, such as 0.25 or 250ms", text)


def parse_grpc_timeout(name: str, text: str) -> float:
    """Seconds in ``250m`` (milliseconds), ``2S`` (seconds) and so on. Raises InvalidInput."""
    return _seconds(name, _GRPC_TIMEOUT.fullmatch(text), "up to 8 digits and one of H, M, S, m, u, n", text)


_READERS: Mapping[bytes, Callable[[Head, bytes], None]] = {
    b"x-prediction-id": Head._read_id,
    b"content-encoding": Head._read_encoding,
    b"x-request-timeout": Head._read_timeout,
    b"grpc-timeout": Head._read_grpc_timeout,
}


def _seconds(name: str, found: re.Match[str] | None, expected: str, text: str) -> float:
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0.0 < seconds < float("inf"):
        raise InvalidInput.at(name, expected, repr(text[:40]))
    return seconds


def _checked_id(value: bytes) -> str:
    text = value.decode("latin-1")
    if not (0 < len(text) <= 128 and text.isascii() and all(c.isalnum() or c in "._:-" for c in text)):
        raise InvalidInput.at("x-prediction-id", "1 to 128 letters, digits, '.', '_', ':' or '-'", repr(text[:140]))
    return text
