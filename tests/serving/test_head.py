from __future__ import annotations

import pytest

from daytwo.errors import InvalidInput, MalformedBody, UnsupportedMediaType
from daytwo.serving.head import Head


def test_the_head_says_what_the_body_is_and_what_is_wanted() -> None:
    headers = [
        (b"host", b"x"),
        (b"content-length", b"12"),
        (b"x-prediction-id", b"a:1"),
        (b"content-type", b"application/json"),
    ]
    head = Head.of(headers, b"probabilities=true")
    assert (head.length, head.prediction_id, head.probabilities) == (12, "a:1", True)


def test_nothing_said_is_nothing_wanted() -> None:
    assert Head.of([], b"") == Head(None, None, False)


@pytest.mark.parametrize(("query", "wanted"), [(b"probabilities=1", True), (b"probabilities=no", False), (b"x=1", False),
                                                (b"%ff&probabilities=TRUE", True), (b"probabilities", False)])  # fmt: skip
def test_probabilities_are_asked_for_in_the_query(query: bytes, wanted: bool) -> None:
    assert Head.of([], query).probabilities is wanted


@pytest.mark.parametrize("value", [b"", b"-1", b"1e3", b"abc", b"\xff"])
def test_a_length_that_is_none_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedBody, match="content-length"):
        Head.of([(b"content-length", value)], b"")


@pytest.mark.parametrize("value", [b"", b"text/csv", b"application/x-www-form-urlencoded", b"json", b"\xff"])
def test_only_json_is_json(value: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="expected application/json"):
        Head.of([(b"content-type", value)], b"")


@pytest.mark.parametrize("value", [b"", b"a b", b"x" * 129, b"caf\xe9", b'"quoted"'])
def test_an_id_that_could_do_harm_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidInput, match="x-prediction-id"):
        Head.of([(b"x-prediction-id", value)], b"")
