from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

from daytwo.batch import Batch
from daytwo.serving.head import Head
from daytwo.serving.rest import Application
from daytwo.serving.service import Service
from serving.service import Line, served, service, value

Ask = Callable[..., httpx.Response]


def asker(app: ASGIApp) -> Ask:
    def ask(method: str, path: str, **more: Any) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        return asyncio.run(call())

    return ask


@pytest.fixture(scope="module")
def line() -> Service:
    return service(served(), served(name="other", version="4"), max_body_bytes=2000, max_rows=5)


@pytest.fixture(scope="module")
def ask(line: Service) -> Ask:
    return asker(Application(line))


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"feature_vector": [1, 2]}, {"value": 1002.0}),
        ({"a": 1, "b": 2}, {"value": 1002.0}),
        ({"feature_vectors": [[1, 2], [3, 4]]}, {"predictions": [{"value": 1002.0}, {"value": 3004.0}]}),
        ([{"a": 1, "b": 2}], {"predictions": [{"value": 1002.0}]}),
        ({"records": [{"b": 2, "a": 1}]}, {"predictions": [{"value": 1002.0}]}),
        ({"columns": {"a": [1, 3], "b": [2, 4]}}, {"columns": {"value": [1002.0, 3004.0]}}),
    ],
    ids=lambda value: "" if "value" in str(value) else str(value)[:20],
)
def test_every_form_of_request_is_answered_in_kind(ask: Ask, body: Any, answer: dict[str, Any]) -> None:
    said = ask("POST", "/predict", json=body).raise_for_status().json()
    assert (said.pop("model"), said.pop("version")) == ("line", "1")
    ids = _take_ids(said)
    assert said == answer
    assert all(re.fullmatch(r"[0-9a-f-]{36}(-\d)?", text) for text in ids)


def _take_ids(said: Any) -> list[str]:
    """Remove every prediction id, wherever it stands."""
    if "columns" in said:
        return list(said["columns"].pop("prediction_id"))
    return [row.pop("prediction_id") for row in said.get("predictions", [said])]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/predict", "line:1"),
        ("/models/line/predict", "line:1"),
        ("/models/other/predict", "other:4"),
        ("/models/other/versions/4/predict", "other:4"),
    ],
)
def test_every_path_asks_its_own_model(ask: Ask, path: str, model: str) -> None:
    said = ask("POST", path, json={"a": 1, "b": 2}).json()
    assert f"{said['model']}:{said['version']}" == model


@pytest.mark.parametrize(
    ("body", "headers", "ids"),
    [
        ({"a": 1, "b": 2, "prediction_id": "mine"}, {}, ["mine"]),
        ({"a": 1, "b": 2}, {"x-prediction-id": "mine"}, ["mine"]),
        ({"a": 1, "b": 2, "prediction_id": "body"}, {"x-prediction-id": "header"}, ["body"]),
        ({"feature_vectors": [[1, 2], [3, 4]]}, {"x-prediction-id": "mine"}, ["mine-0", "mine-1"]),
        ({"feature_vectors": [[1, 2], [3, 4]], "prediction_id": ["x", "y"]}, {}, ["x", "y"]),
        ([{"a": 1, "b": 2, "prediction_id": "p"}], {}, ["p"]),
    ],
    ids=str,
)
def test_the_callers_own_prediction_ids_are_kept(ask: Ask, body: Any, headers: dict[str, str], ids: list[str]) -> None:
    assert _take_ids(ask("POST", "/predict", json=body, headers=headers).json()) == ids


JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "headers", "status", "slug", "field"),
    [
        (b"{", JSON, 400, "malformed-body", "body"),
        (b"", JSON, 400, "malformed-body", "body"),
        (b'{"a": 1, "b": 2}', {"content-type": "text/csv"}, 415, "unsupported-media-type", "content-type"),
        (b'{"a": 1, "b": 2}', JSON | {"content-encoding": "br"}, 415, "unsupported-media-type", "content-encoding"),
        (b'{"a": 1, "b": 2}', JSON | {"x-prediction-id": "a b"}, 422, "invalid-input", "x-prediction-id"),
        (b'{"a": 1, "b": "x"}', JSON, 422, "invalid-input", "b"),
        (b'{"feature_vector": [1]}', JSON, 422, "invalid-input", "feature_vector"),
        (b'{"feature_vectors": [%b[1, 2]]}' % (b"[1, 2]," * 5), JSON, 413, "too-many-rows", "body"),
        (b" " * 2001, JSON, 413, "body-too-large", "body"),
    ],
)
def test_what_cannot_be_answered_is_explained(
    ask: Ask, body: bytes, headers: dict[str, str], status: int, slug: str, field: str
) -> None:
    said = ask("POST", "/predict", content=body, headers=headers)
    problem = said.json()
    assert said.headers["content-type"] == "application/problem+json"
    assert (said.status_code, problem["status"], problem["type"]) == (status, status, f"urn:daytwo:error:{slug}")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("POST", "/predict/", 404, "not-found"),
        ("GET", "/predict", 405, "method-not-allowed"),
        ("POST", "/models", 405, "method-not-allowed"),
        ("GET", "/models/absent", 404, "unknown-model"),
        ("POST", "/models/absent/predict", 404, "unknown-model"),
        ("POST", "/models/line/versions/9/predict", 404, "unknown-model"),
    ],
)
def test_wrong_paths_and_methods_are_problems_too(ask: Ask, method: str, path: str, status: int, slug: str) -> None:
    said = ask(method, path)
    assert (said.status_code, said.json()["type"]) == (status, f"urn:daytwo:error:{slug}")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.api+json", "Application/JSON"])
def test_json_by_another_name_is_read(ask: Ask, kind: str) -> None:
    assert ask("POST", "/predict", content=b'{"a": 1, "b": 2}', headers={"content-type": kind}).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/v2/health/live"])
def test_a_server_that_is_not_ready_is_alive(path: str) -> None:
    ask = asker(Application(service(load=False)))
    assert ask("GET", path).json() == {"live": True}
    assert ask("POST", "/predict", json={"a": 1, "b": 2}).status_code == 503


@pytest.mark.parametrize("path", ["/readyz", "/v2/health/ready"])
def test_readiness_says_why_not(path: str) -> None:
    starting = service(load=False)
    ask = asker(Application(starting))
    said = ask("GET", path)
    assert (said.status_code, said.json()["error"]) == (503, "the models are being loaded")
    assert said.headers["retry-after"] == "1"
    starting.load()
    assert ask("GET", path).json() == {"ready": True, "live": True}


def test_models_are_listed_and_described(ask: Ask) -> None:
    assert [m["name"] for m in ask("GET", "/models").json()] == ["line", "other"]
    said = ask("GET", "/models/line").json()
    assert [f["name"] for f in said["signature"]["inputs"]] == ["a", "b"]
    assert said["versions"] == ["1"]


def test_a_model_that_raises_fails_alone_and_is_counted() -> None:
    def refuse(batch: Batch) -> None:
        if batch["a"][0] == 9:
            raise ArithmeticError("nine is too much")

    made = service(served(Line(refuse)))
    ask = asker(Application(made))
    said = ask("POST", "/predict", json={"a": 9, "b": 2})
    assert (said.status_code, said.json()["type"]) == (500, "urn:daytwo:error:prediction-failed")
    assert "nine is too much" in said.json()["detail"]
    assert ask("POST", "/predict", json={"a": 1, "b": 2}).status_code == 200
    assert value(made.instruments, "daytwo_requests_total", "line", "1", "rest", "failed") == 1


def test_requests_are_counted_by_what_became_of_them() -> None:
    made = service(max_body_bytes=100)
    ask = asker(Application(made))
    for body in (b'{"a": 1, "b": 2}', b'{"a": 1, "b": 2}', b'{"a": 1}', b" " * 101):
        ask("POST", "/predict", content=body, headers=JSON)
    text = ask("GET", "/metrics").text
    families = {f.name: f for f in text_string_to_metric_families(text)}
    outcomes = {s.labels["outcome"]: s.value for s in families["daytwo_requests"].samples}
    assert outcomes == {"ok": 2, "invalid": 1, "rejected": 1, "failed": 0, "left": 0}
    rejected = {s.labels["reason"]: s.value for s in families["daytwo_rejected"].samples}
    assert rejected["body_too_large"] == 1
    count = next(s for s in families["daytwo_request_duration_seconds"].samples if s.name.endswith("_count"))
    assert count.value == 2
    assert families["daytwo_inflight_requests"].samples[0].value == 0


def test_requests_create_no_series(line: Service, ask: Ask) -> None:
    def series() -> set[str]:
        return {text.rpartition(" ")[0] for text in ask("GET", "/metrics").text.splitlines() if text[0] != "#"}

    before = series()
    for number in range(20):
        ask("POST", f"/models/m{number}/predict?x={number}", json={"a": 1, "b": 2})
        ask("POST", "/predict", json={"a": 1, "b": 2}, headers={"x-prediction-id": f"id{number}"})
    assert series() == before


def test_middleware_that_a_user_adds_is_gone_through() -> None:
    app = Application(service())
    app.add_middleware(GZipMiddleware, minimum_size=1)
    said = asker(app)("POST", "/predict", json={"a": 1, "b": 2}, headers={"accept-encoding": "gzip"})
    assert said.headers["content-encoding"] == "gzip"
    assert said.json()["value"] == 1002.0


def test_it_can_be_mounted_in_a_users_own_application() -> None:
    own = FastAPI()
    own.mount("/line", Application(service()))
    ask = asker(own)
    assert ask("POST", "/line/predict", json={"a": 1, "b": 2}).json()["value"] == 1002.0
    assert ask("GET", "/line/readyz").json()["ready"] is True
    assert ask("GET", "/line/openapi.json").json()["paths"]["/predict"]


def test_callers_that_give_up_leave_nothing_in_flight() -> None:
    made = service(served(Line(lambda batch: time.sleep(0.003))))
    endpoint = made.catalog.default

    async def impatient(patience_s: float) -> bool:
        try:
            async with asyncio.timeout(patience_s):
                await endpoint.answer(b'{"a": 1, "b": 2}', Head())
        except TimeoutError:
            return False
        return True

    async def call() -> list[bool]:
        answered = [await impatient(i % 10 / 1000) for i in range(100)]
        await asyncio.sleep(0.05)
        return answered

    answered = asyncio.run(call())
    assert value(made.instruments, "daytwo_inflight_requests", "line", "1") == 0
    counted = [value(made.instruments, "daytwo_requests_total", "line", "1", "rest", o) for o in ("ok", "left")]
    assert sum(counted) == len(answered)


def test_concurrent_callers_get_their_own_answers() -> None:
    app = Application(service())

    async def call() -> list[float]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers = await asyncio.gather(*[client.post("/predict", json={"a": i, "b": 1}) for i in range(50)])
        return [json.loads(answer.content)["value"] for answer in answers]

    assert asyncio.run(call()) == [1000.0 * i + 1 for i in range(50)]
