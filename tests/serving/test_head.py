from __future__ import annotations

import pytest

from daytwo.errors import InvalidInput, MalformedBody, NotAcceptable, UnsupportedMediaType
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
    assert Head.of([], b"") == Head()


@pytest.mark.parametrize(("query", "wanted"), [(b"probabilities=1", True), (b"probabilities=no", False), (b"x=1", False),
                                                (b"%ff&probabilities=TRUE", True), (b"probabilities", False)])  # fmt: skip
def test_probabilities_are_asked_for_in_the_query(query: bytes, wanted: bool) -> None:
    assert Head.of([], query).probabilities is wanted


@pytest.mark.parametrize("value", [b"", b"-1", b"1e3", b"abc", b"\xff"])
def test_a_length_that_is_none_is_malformed(value: bytes) -> None:
    with pytest.raises(MalformedBody, match="content-length"):
        Head.of([(b"content-length", value)], b"")


@pytest.mark.parametrize("value", [b"", b"text/csv", b"application/x-www-form-urlencoded", b"json", b"\xff"])
def test_a_type_that_nobody_reads_is_refused(value: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match="expected one of application/json"):
        Head.of([(b"content-type", value)], b"")


@pytest.mark.parametrize("value", [b"", b"a b", b"x" * 129, b"caf\xe9", b'"quoted"'])
def test_an_id_that_could_do_harm_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidInput, match="x-prediction-id"):
        Head.of([(b"x-prediction-id", value)], b"")


@pytest.mark.parametrize(
    ("header", "value", "seconds"),
    [(b"x-request-timeout", b"0.25", 0.25), (b"x-request-timeout", b"3", 3.0), (b"x-request-timeout", b"250ms", 0.25),
     (b"x-request-timeout", b"2s", 2.0), (b"x-request-timeout", b" 1 s ", 1.0), (b"grpc-timeout", b"250m", 0.25),
     (b"grpc-timeout", b"2S", 2.0), (b"grpc-timeout", b"1M", 60.0), (b"grpc-timeout", b"500000u", 0.5)],
)  # fmt: skip
def test_a_header_says_how_long_the_caller_waits(header: bytes, value: bytes, seconds: float) -> None:
    assert Head.of([(header, value)], b"").timeout_s == seconds


def test_the_query_says_how_long_the_caller_waits_and_the_shorter_time_holds() -> None:
    assert Head.of([], b"timeout=0.5").timeout_s == 0.5
    assert Head.of([(b"x-request-timeout", b"2")], b"timeout=0.5").timeout_s == 0.5
    assert Head.of([(b"x-request-timeout", b"0.1")], b"timeout=0.5").timeout_s == 0.1


@pytest.mark.parametrize("value", [b"", b"0", b"-1", b"soon", b"nan", b"inf", b"1h", b"\xff", b"1e999", b"1 2"])
def test_a_time_that_is_none_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidInput, match="timeout: expected"):
        Head.of([(b"x-request-timeout", value)], b"")


@pytest.mark.parametrize("value", [b"", b"250", b"m", b"-1S", b"1.5S", b"123456789S", b"0S"])
def test_a_time_in_the_manner_of_grpc_is_as_strict_as_grpc(value: bytes) -> None:
    with pytest.raises(InvalidInput, match="grpc-timeout: expected"):
        Head.of([(b"grpc-timeout", value)], b"")


ARROW = b"application/vnd.apache.arrow.stream"


def test_the_answer_is_in_kind_where_nothing_else_is_asked_for() -> None:
    for headers in ([], [(b"accept", b"*/*")]):
        head = Head.of([(b"content-type", ARROW), *headers], b"")
        assert (head.dialect, head.answer) == ("arrow", "arrow")


@pytest.mark.parametrize("first", [b"accept", b"content-type"])
def test_the_answer_is_in_what_is_asked_for_whatever_the_order(first: bytes) -> None:
    headers = [(b"content-type", ARROW), (b"accept", b"text/html"), (b"accept", b"application/json")]
    head = Head.of(sorted(headers, key=lambda pair: pair[0] != first), b"")
    assert (head.dialect, head.answer) == ("arrow", "native")


def test_nobody_is_answered_in_what_it_cannot_read() -> None:
    with pytest.raises(NotAcceptable):
        Head.of([(b"accept", b"text/html")], b"")


@pytest.mark.parametrize(("value", "encoding"), [(b"gzip", "gzip"), (b" ZSTD ", "zstd"), (b"deflate", "deflate"),
                                                  (b"identity", None), (b"", None)])  # fmt: skip
def test_a_body_may_be_compressed(value: bytes, encoding: str | None) -> None:
    assert Head.of([(b"content-encoding", value)], b"").encoding == encoding


@pytest.mark.parametrize(
    ("headers", "plain"),
    [([], True), ([(b"accept", b"application/json")], True), ([(b"content-type", ARROW)], False),
     ([(b"accept", ARROW)], False), ([(b"content-encoding", b"gzip")], False), ([(b"content-encoding", b"identity")], True)],
)  # fmt: skip
def test_what_is_plain_takes_the_shortest_way(headers: list[tuple[bytes, bytes]], plain: bool) -> None:
    head = Head.of(headers, b"")
    assert head.is_plain is plain
    assert head == Head(dialect=head.dialect, answer=head.answer, encoding=head.encoding, accept=head.accept)


@pytest.mark.parametrize("values", [[b"br"], [b"gzip, gzip"], [b"gzip", b"zstd"], [b"\xff"]])
def test_one_encoding_is_enough(values: list[bytes]) -> None:
    with pytest.raises(UnsupportedMediaType, match="content-encoding: expected one of gzip, deflate, zstd, once"):
        Head.of([(b"content-encoding", value) for value in values], b"")
