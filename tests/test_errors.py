from __future__ import annotations

import copy
import datetime as dt
import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo import errors
from daytwo.errors import InvalidInput, Overloaded, Problem, brief, sentence

#: One of each, with what it says.
SAID: list[tuple[errors.DaytwoError, str]] = [
    (InvalidInput.at("age", "an integer", "'old'"), "age: expected an integer, got 'old'"),
    (InvalidInput.at("", "a table", "int"), "expected a table, got int"),
    (errors.MalformedBody.at("body", "JSON", "nothing"), "body: expected JSON, got nothing"),
    (errors.UnsupportedMediaType.at("content-type", "application/json", "text/plain"),
     "content-type: expected application/json, got text/plain"),
    (errors.NotAcceptable.at("accept", "application/json", "text/plain"),
     "accept: expected application/json, got text/plain"),
    (errors.BodyTooLarge(1024, "2,048"), "body: expected at most 1,024 bytes, got 2,048"),
    (errors.TooManyRows(10_000, 10_001), "body: expected at most 10,000 rows in one request, got 10,001 rows"),
    (errors.UnknownModel("churn", "3", ["iris"]), "no model 'churn:3' is served here; served: iris"),
    (errors.UnknownModel("churn", None, []), "no model 'churn' is served here; served: none"),
    (errors.NotReady("churn:3 is being loaded"), "not ready: churn:3 is being loaded"),
    (Overloaded("queue_full", "64 rows are waiting", 0.2), "overloaded: 64 rows are waiting; try again in 1 s"),
    (errors.SlowBody(30.0), "the body did not arrive within 30 s"),
    (errors.TimedOut(30.0), "no answer within 30 s"),
    (errors.PredictionFailed("churn:3", ValueError("no such row\nat all")), "churn:3 failed on this input: ValueError: no such row"),
    (errors.PredictionFailed("churn:3", KeyError()), "churn:3 failed on this input: KeyError: no message"),
    (errors.PredictionFailed("churn:3", "it gave up"), "churn:3 failed on this input: it gave up"),
    (errors.BundleError("b exists"), "b exists"),
    (errors.CorruptBundle("b", "a is missing"), "the bundle at b is damaged or was changed: a is missing"),
    (errors.UnsupportedFormat("b", 9, [1, 2]), "the bundle at b has format 9; this daytwo reads 1, 2: upgrade daytwo or pack the model again"),
    (errors.EnvironmentMismatch(["x is not installed"], "pip install x"), "this environment cannot run the bundle: x is not installed; pip install x"),
    (errors.ExamplesFailed("churn:3", ["row 1", "row 2"]), "churn:3 does not reproduce its own examples: row 1 (and 1 more)"),
    (errors.RegistryError("the registry is locked"), "the registry is locked"),
    (errors.UnknownReference("churn:9", "it has 3 versions"), "unknown reference 'churn:9': it has 3 versions"),
    (errors.AliasInUse("churn:3", ["prod", "best"]), "churn:3 is in use by @prod, @best: promote another version to it first"),
    (errors.InvalidName("model name", "A b"), "'A b' cannot be a model name: use 1 to 64 lower-case letters, digits, '.', '_' or '-', beginning with a letter or digit"),
    (errors.PackingError("X is empty"), "X is empty"),
    (errors.CompileFailed(["a", "b"]), "no compiled form was proven equal to the model: a; b"),
    (errors.TrustRequired("churn:3", "a pickle"), "churn:3 holds a pickle, which runs code when it is loaded: if you trust where it comes from, say so with --trust (or DAYTWO_TRUST=1)"),
    (errors.MissingLibrary("polars", "polars", "reading this table"), "reading this table needs polars: pip install 'daytwo[polars]'"),
    (errors.InvalidSetting("--port", "an integer", "'http'"), "--port: expected an integer, got 'http'"),
    (errors.OutsideFailure("the disk is full"), "the disk is full"),
    (errors.DaytwoError("no"), "no"),
]  # fmt: skip
EACH = pytest.mark.parametrize("error", [error for error, _ in SAID], ids=lambda error: type(error).__name__)


@pytest.mark.parametrize(("error", "said"), SAID, ids=lambda value: type(value).__name__)
def test_each_is_one_clear_sentence(error: errors.DaytwoError, said: str):
    assert str(error) == said
    assert sentence(error) == said


def test_every_class_is_tried_here():
    kinds = {kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DaytwoError)}
    assert {type(error) for error, _ in SAID} == kinds


@EACH
def test_each_survives_a_process(error: errors.DaytwoError):
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


@EACH
def test_each_holds_what_it_was_told(error: errors.DaytwoError):
    told = inspect.signature(type(error).__init__).parameters.keys() - {"self", "args", "kwargs"}
    assert told <= vars(error).keys()


def test_many_problems_are_counted_and_the_first_are_kept():
    error = InvalidInput([Problem(f"x{n}", "a number", "null") for n in range(1000)])
    assert str(error) == "x0: expected a number, got null (and 999 more)"
    assert len(error.problems) == errors.MAX_PROBLEMS


def test_a_name_cannot_break_the_line():
    assert (
        str(Problem("a\nERROR all is lost", "a number", "null"))
        == r"'a\nERROR all is lost': expected a number, got null"
    )


@pytest.mark.parametrize(("after_s", "said"), [(0.0, 1), (0.9, 1), (1.0, 1), (1.1, 2), (59.5, 60)])
def test_whoever_is_refused_is_told_to_come_back_in_whole_seconds(after_s: float, said: int):
    assert Overloaded("deadline", "late", after_s).retry_after_s == said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError: no message"),
        (ValueError("x" * 1000), "ValueError: " + "x" * 300),
    ],
)
def test_the_errors_of_others_are_one_line_too(error: Exception, said: str):
    assert sentence(error) == said


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "null"),
        (True, "true"),
        (np.bool_(False), "false"),
        (1, "1"),
        (np.int8(-3), "-3"),
        (1.5, "1.5"),
        (np.float64(0.1), "0.1"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (-np.float32("inf"), "-Infinity"),
        (10**30, "1" + "0" * 30),
        ("it's", '"it\'s"'),
        ("a\nb", r"'a\nb'"),
        ([1, None, [True]], "[1, null, [true]]"),
        ({"b": None, "a": 1}, "{'a': 1, 'b': null}"),
        (list(range(100)), "[0, 1, 2, 3, 4, 5, ...]"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "'2026-01-02T00:00:00+00:00'"),
        (dt.date(2026, 1, 2), "'2026-01-02'"),
        (np.datetime64("2026-01-02"), "'2026-01-02'"),
        (np.datetime64("NaT", "us"), "null"),
        (pd.NaT, "null"),
        ([pd.NA], "[null]"),
        (np.array(3), "3"),
        (np.eye(2), "array([[1., 0.], [0., 1.]])"),
    ],
)
def test_values_in_brief(value: Any, said: str):
    assert brief(value) == said


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(), st.lists))
def test_brief_is_one_short_line(value: Any):
    said = brief(value, 40)
    assert len(said) <= 40
    assert said.isprintable()


def test_brief_does_not_mind_what_cannot_be_shown():
    assert "Rude" in brief(Rude())
    assert brief(10**5000) == "an integer of 16610 bits"
    assert brief("x" * 10_000_000, 30).endswith("…")
    assert brief({n: n for n in range(1_000_000)}) == "{0: 0, 1: 1, 2: 2, 3: 3, ...}"
