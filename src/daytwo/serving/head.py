"""What the head of a request says: length and type of its body, the caller's own id and patience, what is wanted back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from daytwo.errors import InvalidInput, MalformedBody, UnsupportedMediaType

_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_TRUE = frozenset({"1", "true", "yes"})
_TIMEOUT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(s|ms|)\s*", re.ASCII)
#: As gRPC writes it (its document "gRPC over HTTP2"): at most eight digits, and a unit.
_GRPC_TIMEOUT = re.compile(r"(\d{1,8})([HMSmun])", re.ASCII)
_UNITS_S = {"": 1.0, "s": 1.0, "ms": 1e-3, "H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


@dataclass(slots=True)
class Head:
    """What a request says about itself, outside its body.

    length:        of the body in bytes, or None where it comes in chunks
    prediction_id: the caller's own; one in the body wins
    probabilities: whether the answer shall show them
    timeout_s:     how long the caller waits, or None where it does not say
    """

    length: int | None = None
    prediction_id: str | None = None
    probabilities: bool = False
    timeout_s: float | None = None

    @classmethod
    def of(cls, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Head:
        """Read ``headers`` (names in lower case) and ``query``. Raises InvalidInput and its subclasses."""
        head = cls()
        for name, value in headers:
            if name == b"content-length":
                head.length = parse_length(value)
            elif name == b"content-type":
                if value not in _JSON:
                    _require_json(value)
            elif name == b"x-prediction-id":
                head.prediction_id = _checked_id(value)
            elif name == b"content-encoding" and value != b"identity":
                raise UnsupportedMediaType.at("content-encoding", "identity", repr(value.decode("latin-1")))
            elif name in _PATIENCE:
                head._wait_at_most(_PATIENCE[name](name.decode(), value.decode("latin-1")))
        if query:
            head._read_query(query)
        return head

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


_PATIENCE = {b"x-request-timeout": parse_timeout, b"grpc-timeout": parse_grpc_timeout}


def _seconds(name: str, found: re.Match[str] | None, expected: str, text: str) -> float:
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0.0 < seconds < float("inf"):
        raise InvalidInput.at(name, expected, repr(text[:40]))
    return seconds


def _require_json(value: bytes) -> None:
    kind = value.partition(b";")[0].strip().lower()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise UnsupportedMediaType.at("content-type", "application/json", repr(value.decode("latin-1")))


def _checked_id(value: bytes) -> str:
    text = value.decode("latin-1")
    if not (0 < len(text) <= 128 and text.isascii() and all(c.isalnum() or c in "._:-" for c in text)):
        raise InvalidInput.at("x-prediction-id", "1 to 128 letters, digits, '.', '_', ':' or '-'", repr(text[:140]))
    return text
