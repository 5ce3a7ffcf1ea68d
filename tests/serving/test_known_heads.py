"""Heads that are known by their bytes: looked up only where they mean what they meant before."""

from __future__ import annotations

from typing import Any, cast

import pytest

from daytwo.serving.endpoint import Endpoint
from daytwo.serving.head import Head
from daytwo.serving.known_heads import KnownHeads

ENDPOINT = cast("Endpoint", object())


def raw(body: bytes, more: str = "", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"POST /predict HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {size}\r\n\r\n".encode() + body


def head(length: int, **more: Any) -> Head:
    made = Head(length=length)
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_a_head_that_was_kept_is_found_with_any_body_of_its_length() -> None:
    known, kept = KnownHeads(), head(3)
    known.keep(raw(b"abc"), kept, ENDPOINT)
    assert known.find(raw(b"xyz")) == ((kept, ENDPOINT), b"xyz")


@pytest.mark.parametrize(
    "data",
    [raw(b"ab", length=3), raw(b"abcd", length=3), raw(b"abc") + raw(b"abc"), raw(b"abcd"), b"abc", b"", b"\r\n\r\n",
     raw(b"abc", "X: y\r\n"), raw(b"abc").replace(b"POST", b"post")],
    ids=["short", "long", "pipelined", "other-length", "no-head", "nothing", "empty-head", "other-header", "other-case"],
)  # fmt: skip
def test_only_the_very_same_head_with_all_of_its_body_is_found(data: bytes) -> None:
    known = KnownHeads()
    known.keep(raw(b"abc"), head(3), ENDPOINT)
    assert known.find(data) is None


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (raw(b"abc"), head(3, prediction_id="mine")),
        (raw(b"abc", f"X: {'y' * 3000}\r\n"), head(3)),
        (raw(b"abc"), head(2)),
    ],
    ids=["own-id", "long-head", "not-whole"],
)
def test_what_will_not_come_again_or_did_not_come_whole_is_not_kept(data: bytes, kept: Head) -> None:
    known = KnownHeads()
    known.keep(data, kept, ENDPOINT)
    assert len(known) == 0


def test_there_are_never_many() -> None:
    known = KnownHeads()
    for number in range(1000):
        known.keep(raw(b"abc", f"Traceparent: {number}\r\n"), head(3), ENDPOINT)
        assert len(known) <= 256
    assert known.find(raw(b"abc", "Traceparent: 999\r\n")) is not None
