"""Everything that a caller can get wrong, against a live server: the status, the field, and life going on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.live import Live, serving
from serving.live_metrics import value
from serving.live_models import PERSON, SETOSA
from serving.wire import Answer, Wire, chunk, request

pytestmark = pytest.mark.slow

VECTOR = SETOSA["feature_vector"]
PEOPLE = "/models/people/predict"


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    log = tmp_path_factory.mktemp("bad") / "log"
    limits = ("--max-rows", "100", "--max-body-bytes", "65536")
    with serving(packed, "iris", "people", "--trust", *limits, log=log) as running:
        yield running


@pytest.fixture(autouse=True)
def lives_on(live: Live) -> Iterator[None]:
    """After every bad request a good one is answered, nothing is in flight, nothing has been logged as unforeseen."""
    said = len(live.output())
    yield
    answer = live.post(SETOSA)
    assert (answer.status, answer.json()["class"]) == (200, 0)
    assert value(live, "daytwo_inflight_requests") == 0.0
    assert "Traceback" not in live.output()[said:]


def assert_problem(answer: Answer, status: int, slug: str, field: str | None = None) -> None:
    """``answer`` is a problem document of that kind; where a field is given, one of its errors is about it."""
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"] == f"urn:daytwo:error:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    if field is not None:
        assert field in [error["field"] for error in document["errors"]], document["errors"]
        assert all(error["expected"] and error["got"] for error in document["errors"])


BY_POSITION: list[tuple[str, bytes | Any, int, str, str]] = [
    ("truncated", b'{"feature_vector": [5.1, 3.5', 400, "malformed-body", "body"),
    ("no-json", b"feature_vector=5.1", 400, "malformed-body", "body"),
    ("empty-body", b"", 400, "malformed-body", "body"),
    ("two-documents", b'{"feature_vector": [5.1,3.5,1.4,0.2]} {}', 400, "malformed-body", "body"),
    ("not-utf-8", b'{"feature_vector": ["\xff\xfe"]}', 400, "malformed-body", "body"),
    ("a-bomb-of-brackets", b"[" * 60_000, 400, "malformed-body", "body"),
    ("empty-object", {}, 422, "invalid-input", None),
    ("a-number", 7, 422, "invalid-input", "body"),
    ("a-text", "setosa", 422, "invalid-input", "body"),
    ("null", None, 422, "invalid-input", "body"),
    ("empty-list", [], 422, "invalid-input", "body"),
    ("too-few-values", {"feature_vector": VECTOR[:3]}, 422, "invalid-input", "feature_vector"),
    ("too-many-values", {"feature_vector": [*VECTOR, 1.0]}, 422, "invalid-input", "feature_vector"),
    ("no-values", {"feature_vector": []}, 422, "invalid-input", "feature_vector"),
    ("vector-is-a-number", {"feature_vector": 5.1}, 422, "invalid-input", "feature_vector"),
    ("vector-is-null", {"feature_vector": None}, 422, "invalid-input", "feature_vector"),
    ("vector-is-rows", {"feature_vector": [VECTOR]}, 422, "invalid-input", "feature_vector"),
    ("a-text-for-a-number", {"feature_vector": [5.1, "wide", 1.4, 0.2]}, 422, "invalid-input", "feature_vector[1]"),
    ("a-number-as-text", {"feature_vector": [5.1, "3.5", 1.4, 0.2]}, 422, "invalid-input", "feature_vector[1]"),
    ("a-boolean", {"feature_vector": [5.1, True, 1.4, 0.2]}, 422, "invalid-input", "feature_vector[1]"),
    ("null-value", {"feature_vector": [5.1, None, 1.4, 0.2]}, 422, "invalid-input", "feature_vector[1]"),
    ("nan", b'{"feature_vector": [5.1, NaN, 1.4, 0.2]}', 422, "invalid-input", "feature_vector[1]"),
    ("infinity", b'{"feature_vector": [5.1, 3.5, -Infinity, 0.2]}', 422, "invalid-input", "feature_vector[2]"),
    ("overflow", b'{"feature_vector": [5.1, 3.5, 1.4, 1e999]}', 422, "invalid-input", "feature_vector[3]"),
    ("a-huge-integer", {"feature_vector": [10**400, 3.5, 1.4, 0.2]}, 422, "invalid-input", "feature_vector[0]"),
    ("extra-key", {"feature_vector": VECTOR, "colour": "red"}, 422, "invalid-input", "colour"),
    ("misspelt-key", {"feature_vectr": VECTOR}, 422, "invalid-input", "feature_vectr"),
    ("a-bad-id", {"feature_vector": VECTOR, "prediction_id": "no spaces"}, 422, "invalid-input", "prediction_id"),
    ("an-id-that-injects", {"feature_vector": VECTOR, "prediction_id": 'x","class":1'}, 422, "invalid-input", "prediction_id"),
    ("ragged", {"feature_vectors": [VECTOR, VECTOR[:2]]}, 422, "invalid-input", "feature_vectors[1]"),
    ("no-rows", {"feature_vectors": []}, 422, "invalid-input", "feature_vectors"),
    ("bad-value-in-a-row", {"feature_vectors": [VECTOR, ["a", *VECTOR[1:]]]}, 422, "invalid-input", "feature_vectors[1][0]"),
    ("too-many-rows", {"feature_vectors": [VECTOR] * 101}, 413, "too-many-rows", "body"),
    ("wrong-number-of-ids", {"feature_vectors": [VECTOR], "prediction_id": ["a", "b"]}, 422, "invalid-input", "prediction_id"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "slug", "field"), [c[1:] for c in BY_POSITION], ids=[c[0] for c in BY_POSITION]
)
def test_bad_rows_by_position(live: Live, body: bytes | Any, status: int, slug: str, field: str | None) -> None:
    assert_problem(live.post(body), status, slug, field)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PERSON.items() if key != name}


BY_NAME: list[tuple[str, Any, int, str, str]] = [
    ("missing", without("plan"), 422, "invalid-input", "plan"),
    ("extra", {**PERSON, "shoe_size": 43}, 422, "invalid-input", "shoe_size"),
    ("misspelt", {**without("income"), "incme": 1.0}, 422, "invalid-input", "incme"),
    ("text-for-an-integer", {**PERSON, "age": "forty"}, 422, "invalid-input", "age"),
    ("fraction-for-an-integer", {**PERSON, "age": 41.5}, 422, "invalid-input", "age"),
    ("above-its-dtype", {**PERSON, "age": 32_768}, 422, "invalid-input", "age"),
    ("below-its-dtype", {**PERSON, "age": -32_769}, 422, "invalid-input", "age"),
    ("null-where-not-allowed", {**PERSON, "age": None}, 422, "invalid-input", "age"),
    ("unseen-category", {**PERSON, "plan": "platinum"}, 422, "invalid-input", "plan"),
    ("number-for-a-category", {**PERSON, "plan": 3}, 422, "invalid-input", "plan"),
    ("null-category", {**PERSON, "plan": None}, 422, "invalid-input", "plan"),
    ("list-for-a-number", {**PERSON, "income": [1.0]}, 422, "invalid-input", "income"),
    ("object-for-a-number", {**PERSON, "income": {"amount": 1.0}}, 422, "invalid-input", "income"),
    ("bad-row-of-a-list", [PERSON, {**PERSON, "age": "x"}], 422, "invalid-input", "[1].age"),
    ("bad-row-of-records", {"records": [PERSON, PERSON, without("age")]}, 422, "invalid-input", "records[2].age"),
    ("not-a-record", [PERSON, 7], 422, "invalid-input", "[1]"),
    ("no-records", {"records": []}, 422, "invalid-input", "records"),
    ("too-many-records", [PERSON] * 101, 413, "too-many-rows", "body"),
    ("unequal-columns", {"columns": {"age": [1, 2], "income": [1.0], "plan": ["pro"]}}, 422, "invalid-input", "columns"),
    ("missing-column", {"columns": {"age": [1], "income": [1.0]}}, 422, "invalid-input", "columns.plan"),
    ("bad-value-in-a-column", {"columns": {"age": [1, "x"], "income": [1.0, 2.0], "plan": ["pro", "pro"]}}, 422,
     "invalid-input", "columns.age[1]"),
    ("no-rows-in-columns", {"columns": {"age": [], "income": [], "plan": []}}, 422, "invalid-input", None),
    ("columns-are-a-list", {"columns": [1, 2]}, 422, "invalid-input", "columns"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "slug", "field"), [c[1:] for c in BY_NAME], ids=[c[0] for c in BY_NAME])
def test_bad_rows_by_name(live: Live, body: Any, status: int, slug: str, field: str | None) -> None:
    assert_problem(live.post(body, PEOPLE), status, slug, field)


def test_good_rows_by_name(live: Live) -> None:
    assert live.post(PERSON, PEOPLE).status == 200
    assert live.post({**PERSON, "income": None}, PEOPLE).status == 200
    assert live.post({**PERSON, "age": 41.0}, PEOPLE).status == 200
    assert len(live.post([PERSON] * 100, PEOPLE).json()["predictions"]) == 100


def test_a_misspelling_is_told_what_was_meant(live: Live) -> None:
    errors = live.post({**without("income"), "incme": 1.0}, PEOPLE).json()["errors"]
    assert any("income" in error["expected"] for error in errors if error["field"] == "incme")


def test_several_wrong_fields_are_all_named(live: Live) -> None:
    answer = live.post({"age": "x", "income": "y", "plan": "z"}, PEOPLE)
    assert {error["field"] for error in answer.json()["errors"]} == {"age", "income", "plan"}


HEADERS: list[tuple[str, dict[str, str], int, str]] = [
    ("form", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported-media-type"),
    ("text", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
    ("nonsense-type", {"Content-Type": ";;="}, 415, "unsupported-media-type"),
    ("brotli", {"Content-Encoding": "br"}, 415, "unsupported-media-type"),
    ("not gzip", {"Content-Encoding": "gzip"}, 400, "malformed-body"),
    ("accept", {"Accept": "text/html"}, 406, "not-acceptable"),
    ("bad-id", {"X-Prediction-Id": "two words"}, 422, "invalid-input"),
    ("long-id", {"X-Prediction-Id": "x" * 129}, 422, "invalid-input"),
]


@pytest.mark.parametrize(("headers", "status", "slug"), [c[1:] for c in HEADERS], ids=[c[0] for c in HEADERS])
def test_bad_headers(live: Live, headers: dict[str, str], status: int, slug: str) -> None:
    assert_problem(live.post(SETOSA, headers=headers), status, slug)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", ""])
def test_good_content_types(live: Live, kind: str) -> None:
    assert live.post(SETOSA, headers={"Content-Type": kind}).status == 200


PATHS = [
    ("GET", "/predict", 405, "method-not-allowed"),
    ("PUT", "/predict", 405, "method-not-allowed"),
    ("DELETE", "/models/iris", 405, "method-not-allowed"),
    ("POST", "/metrics", 405, "method-not-allowed"),
    ("POST", "/", 404, "not-found"),
    ("GET", "/models/../../etc/passwd", 404, "not-found"),
    ("GET", "/models/..%2f..%2fetc%2fpasswd", 404, "not-found"),
    ("GET", "/models/nobody", 404, "unknown-model"),
    ("POST", "/models/nobody/predict", 404, "unknown-model"),
    ("POST", "/models/iris/versions/99/predict", 404, "unknown-model"),
    ("POST", "/models/iris/versions/x%00y/predict", 404, "unknown-model"),
    ("POST", "/models/" + "n" * 5000 + "/predict", 404, "unknown-model"),
]


@pytest.mark.parametrize(("method", "path", "status", "slug"), PATHS, ids=[f"{c[0]}-{c[1][:40]}" for c in PATHS])
def test_wrong_methods_and_paths(live: Live, method: str, path: str, status: int, slug: str) -> None:
    answer = live.send(request(method, path, SETOSA))
    assert_problem(answer, status, slug)
    if status == 405:
        assert answer.headers["allow"]


def test_a_body_over_the_limit_is_refused_from_its_headers(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(body=b"", headers={"Content-Length": "65537"}))
        answer = wire.answer()
    assert_problem(answer, 413, "body-too-large", "body")
    assert answer.closes


def test_a_chunked_body_is_refused_at_the_limit(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(request(headers={"Content-Length": "", "Transfer-Encoding": "chunked"}))
        for _ in range(5):
            wire.send(chunk(b" " * 16_384))
        assert_problem(wire.answer(), 413, "body-too-large", "body")


def test_a_body_at_the_limit_is_read(live: Live) -> None:
    body = b'{"feature_vector": [5.1, 3.5, 1.4, 0.2]}'
    assert live.post(body + b" " * (65_536 - len(body))).status == 200


def test_a_chunked_body_is_read(live: Live) -> None:
    with Wire(live.port) as wire:
        head = request(headers={"Content-Length": "", "Transfer-Encoding": "chunked"})
        wire.send(head + chunk(b'{"feature_vector": [5.1,') + chunk(b" 3.5, 1.4, 0.2]}") + chunk(b""))
        assert wire.answer().json()["class"] == 0
