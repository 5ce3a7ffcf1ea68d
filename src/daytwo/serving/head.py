"""What the head of a request says about its body: length, type, the caller's own id, what is wanted back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs

from daytwo.errors import InvalidInput, MalformedBody, UnsupportedMediaType

_JSON = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
_TRUE = frozenset({"1", "true", "yes"})


@dataclass(slots=True)
class Head:
    """length: bytes, or None where the body comes in chunks; the rest as in ``Endpoint.ask``."""

    length: int | None = None
    prediction_id: str | None = None
    probabilities: bool = False

    @classmethod
    def of(cls, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> Head:
        """Read ``headers`` (names in lower case) and ``query``. Raises InvalidInput and its subclasses."""
        head = cls(probabilities=bool(query) and _flag(query, "probabilities"))
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
        return head


def parse_length(value: bytes) -> int:
    """A Content-Length. Raises MalformedBody."""
    if not value.isdigit():
        raise MalformedBody.at("content-length", "a number of bytes", repr(value.decode("latin-1")))
    return int(value)


def _require_json(value: bytes) -> None:
    kind = value.partition(b";")[0].strip().lower()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise UnsupportedMediaType.at("content-type", "application/json", repr(value.decode("latin-1")))


def _checked_id(value: bytes) -> str:
    text = value.decode("latin-1")
    if not (0 < len(text) <= 128 and text.isascii() and all(c.isalnum() or c in "._:-" for c in text)):
        raise InvalidInput.at("x-prediction-id", "1 to 128 letters, digits, '.', '_', ':' or '-'", repr(text[:140]))
    return text


def _flag(query: bytes, name: str) -> bool:
    return parse_qs(query.decode("latin-1")).get(name, [""])[-1].lower() in _TRUE
