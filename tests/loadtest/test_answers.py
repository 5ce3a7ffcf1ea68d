"""A server is loaded only when it answers as the bundle says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

import daytwo
import models
from daytwo.api.predict import predict
from daytwo.bundle import Bundle
from daytwo.errors import ExamplesFailed, OutsideFailure
from daytwo.loadtest.answers import verify
from loadtest.made import said, serving


@pytest.fixture
def iris() -> Bundle:
    model, X, y = models.iris()
    return daytwo.pack(model, X, y, name="iris", compile="never")


def answering(change: Callable[[Any], Any]) -> Callable[[int, bytes], bytes]:
    """Right answers, changed."""

    def answer(number: int, raw: bytes) -> bytes:
        head, _, body = raw.partition(b"\r\n\r\n")
        document = predict("iris", body, probabilities=b"probabilities=true" in head, trust=True)
        return said(body=json.dumps(change(document)).encode())

    return answer


def flipped(document: Any) -> Any:
    document["predictions"][3]["class"] = 2 - document["predictions"][3]["class"] // 2 * 2
    return document


def nudged(document: Any) -> Any:
    first = document["predictions"][0]["probabilities"]
    first["0"] += 0.01
    return document


def test_right_answers_are_counted(iris: Bundle):
    with serving(answering(lambda document: document)) as address:
        assert verify(address, iris) == iris.examples().rows > 0


@pytest.mark.parametrize("change", [flipped, nudged])
def test_one_wrong_answer_is_found(iris: Bundle, change: Callable[[Any], Any]):
    with serving(answering(change)) as address, pytest.raises(ExamplesFailed, match="row"):
        verify(address, iris)


@pytest.mark.parametrize("raw", [said(500, b"oh"), said(body=b"{}"), said(body=b'{"predictions":[{"class":"x"}]}')])
def test_what_is_no_answer_is_one_sentence(iris: Bundle, raw: bytes):
    with serving(lambda *_: raw) as address, pytest.raises(OutsideFailure):
        verify(address, iris)
