"""A running server: where it is, what it says of itself, and what is said where it does not answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bundles import is_sentence
from daytwo.errors import OutsideFailure, UnknownReference
from daytwo.loadtest.driver import Address
from daytwo.loadtest.target import address_of, ask, cpu_s, example_body, is_url, probe, ready_workers
from loadtest.made import HANG, said, serving

METRICS = b'daytwo_ready 2\ndaytwo_process_cpu_seconds_total{worker="1"} 1.5\ndaytwo_process_cpu_seconds_total{worker="2"} 2\n'


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost", Address("localhost", 80, "/predict")),
        ("http://localhost:8000/", Address("localhost", 8000, "/predict")),
        ("https://h/models/iris/predict?a=b", Address("h", 443, "/models/iris/predict?a=b", True)),
        ("http://[::1]:9/x", Address("::1", 9, "/x")),
    ],
)
def test_urls(url: str, address: Address):
    assert is_url(url)
    assert address_of(url) == address


@pytest.mark.parametrize("url", ["ftp://h/", "http://", "http://h:http/", "http://h:99999/", "://"])
def test_what_is_no_url_of_a_server(url: str):
    with pytest.raises(UnknownReference) as caught:
        address_of(url)
    assert is_sentence(str(caught.value))


def test_a_server_of_ours_says_how_many_workers_it_has_and_what_they_used():
    with serving(lambda *_: said(body=METRICS)) as address:
        assert (ready_workers(address), cpu_s(address)) == (2, 3.5)
    with serving(lambda *_: said(404)) as address:
        assert (ready_workers(address), cpu_s(address)) == (None, None)


def operation(content: Any, **more: Any) -> bytes:
    body = {"content": {"application/json": content}}
    return json.dumps({"paths": {"/predict": {"post": {"requestBody": body}}}, **more}).encode()


REFERRED = {"components": {"schemas": {"Row": {"properties": {"a": {"example": 1}, "b": {"default": 2}}}}}}


@pytest.mark.parametrize(
    ("document", "example"),
    [
        (operation({"examples": {"list": {"value": [{"a": 1}]}, "record": {"value": {"a": 1}}}}), {"a": 1}),
        (operation({"examples": {"mine": {"value": {"x": 1}}}}), {"x": 1}),
        (operation({"example": {"x": 2}}), {"x": 2}),
        (operation({"schema": {"examples": [{"x": 3}]}}), {"x": 3}),
        (operation({"schema": {"$ref": "#/components/schemas/Row"}}, **REFERRED), {"a": 1, "b": 2}),
    ],
)
def test_the_example_of_a_servers_documentation(document: bytes, example: Any):
    with serving(lambda *_: said(body=document)) as address:
        assert example_body(address) == example


@pytest.mark.parametrize("document", [b"{", b"{}", b"[]", operation({}), operation({"schema": {"$ref": "#/nowhere"}})])
def test_where_there_is_no_example_it_says_what_to_do(document: bytes):
    with serving(lambda *_: said(body=document)) as address, pytest.raises(OutsideFailure, match="--data FILE"):
        example_body(address)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (said(422, b'{"detail": "age: expected a number"}'), "answered 422: age: expected a number; give rows"),
        (said(404, b""), "answered 404: an empty body; give the URL of its route"),
        (said(500, b"<html>"), "answered 500: '<html>'; see the log"),
        (said(503, b"[]"), "answered 503"),
        (None, "does not answer"),
        (b"nonsense\r\n\r\n", "does not answer"),
    ],
)
def test_a_probe_that_is_not_answered_with_a_prediction(answer: bytes | None, words: str):
    with serving(lambda *_: answer) as address, pytest.raises(OutsideFailure, match=words) as caught:
        probe(address, b"{}")
    assert is_sentence(str(caught.value))


def test_a_server_that_hangs_is_not_waited_for_for_ever():
    with serving(lambda *_: HANG) as address, pytest.raises(OutsideFailure, match=r"within 0\.2 s"):
        ask(address, "GET", "/", timeout_s=0.2)


def test_nobody_there():
    with serving(lambda *_: said()) as address:
        probe(address, b"{}")
    with pytest.raises(OutsideFailure, match="nothing listens at"):
        probe(address, b"{}")
