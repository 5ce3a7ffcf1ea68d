from __future__ import annotations

import inspect
import json

import pytest

from daytwo import errors
from daytwo.errors import InvalidInput, Overloaded
from daytwo.serving.problems import TABLE, problem_of


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (errors.MalformedBody.at("body", "JSON", "x"), 400, "malformed-body"),
        (errors.UnsupportedMediaType.at("content-type", "application/json", "x"), 415, "unsupported-media-type"),
        (errors.BodyTooLarge(10, "11"), 413, "body-too-large"),
        (errors.TooManyRows(10, 11), 413, "too-many-rows"),
        (InvalidInput.at("age", "an integer", "'x'"), 422, "invalid-input"),
        (errors.UnknownModel("a", None, ["b:1"]), 404, "unknown-model"),
        (errors.SlowBody(3), 408, "slow-body"),
        (errors.NotReady("starting"), 503, "not-ready"),
        (Overloaded("queue_full", "many rows are waiting", 2.5), 503, "overloaded"),
        (errors.TimedOut(3), 504, "timeout"),
        (errors.PredictionFailed("a:1", ValueError("no")), 500, "prediction-failed"),
        (RuntimeError("secret"), 500, "internal"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_every_error_has_its_status_and_type(error: Exception, status: int, slug: str) -> None:
    problem = problem_of(error)
    body = json.loads(problem.body)
    assert (problem.status, body["status"], body["type"]) == (status, status, f"urn:daytwo:error:{slug}")
    assert problem.headers["content-type"] == "application/problem+json"
    assert int(problem.headers["content-length"]) == len(problem.body)
    assert ("retry-after" in problem.headers) == (status == 503)


def test_the_error_of_an_input_names_field_expectation_and_what_came() -> None:
    body = json.loads(problem_of(InvalidInput.at("age", "an integer", "'x'")).body)
    assert body["errors"] == [{"field": "age", "expected": "an integer", "got": "'x'"}]


def test_an_error_that_nobody_foresaw_keeps_its_words_to_itself() -> None:
    assert b"secret" not in problem_of(RuntimeError("secret")).body


def test_overload_says_when_to_come_back_in_whole_seconds() -> None:
    assert problem_of(Overloaded("deadline", "busy", 2.1)).headers["retry-after"] == "3"


def test_every_subclass_of_invalid_input_has_a_row_of_its_own() -> None:
    rows = {row[0] for row in TABLE}
    said = {e for _, e in inspect.getmembers(errors, inspect.isclass) if issubclass(e, InvalidInput)}
    assert said <= rows
