"""Which dialect a media type means: of a body by its Content-Type, of an answer by Accept (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from daytwo.dialects import MEDIA_TYPES
from daytwo.errors import NotAcceptable, UnsupportedMediaType

#: What each dialect is called; numpy's has no registered name, and both of these are in use.
NAMES: Mapping[str, str] = {media: dialect for dialect, media in MEDIA_TYPES.items()} | {"application/npy": "npy"}
_KNOWN = f"one of {', '.join(MEDIA_TYPES.values())}"
_QUALITY = re.compile(r";\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*(?:;|$)", re.IGNORECASE | re.ASCII)
#: Some clients say * for everything.
_ANY = ("*/*", "*", "application/*")
#: Of a longer Accept no more is read; what browsers send has six.
_MAX_RANGES = 50


def dialect_of(content_type: bytes) -> str:
    """The name of the dialect that a body is in. Raises UnsupportedMediaType."""
    media = content_type.decode("latin-1").partition(";")[0].strip().lower()
    if media in NAMES:
        return NAMES[media]
    if media.startswith("application/") and media.endswith("+json"):
        return "native"
    raise UnsupportedMediaType.at("content-type", _KNOWN, repr(content_type.decode("latin-1")))


def answer_in(accept: bytes, own: str) -> str:
    """The name of the dialect to answer in, for a request in the dialect ``own``.

    The type that the caller prefers, of those that it names. Where it names none of ours and takes any, it is answered
    in kind. Raises NotAcceptable where it takes none: a caller that names what it can read would choke on another.

    >>> answer_in(b"text/html, application/x-npy;q=0.5, */*;q=0.1", "native"), answer_in(b"text/html, */*", "arrow")
    ('npy', 'arrow')
    """
    wanted = [_range(part) for part in accept.decode("latin-1").lower().split(",")[:_MAX_RANGES]]
    named = [(quality, NAMES[media]) for media, quality in wanted if media in NAMES]
    refused = {dialect for quality, dialect in named if quality == 0.0}
    best = max((quality for quality, _ in named), default=0.0)
    if best > 0.0:
        equals = [dialect for quality, dialect in named if quality == best]
        return own if own in equals else equals[0]
    anything = max((quality for media, quality in wanted if media in _ANY), default=0.0)
    offered = [dialect for dialect in (own, *MEDIA_TYPES) if dialect not in refused] if anything > 0.0 else []
    if not offered:
        raise NotAcceptable.at("accept", _KNOWN, repr(accept.decode("latin-1")[:100]))
    return offered[0]


def _range(text: str) -> tuple[str, float]:
    """A media type, or a range of them, and how much it is wanted, from 0 to 1."""
    media, _, rest = text.partition(";")
    quality = _QUALITY.search(";" + rest) if rest else None
    return media.strip(), min(1.0, float(quality[1])) if quality else 1.0
