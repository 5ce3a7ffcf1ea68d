"""Arrays over REST, in process: negotiation, encodings, limits, and the same answers as in JSON."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import sys
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.dialects import MEDIA_TYPES
from daytwo.serving.head import Head
from daytwo.serving.rest import Application
from serving.service import Line, served, service, value
from serving.test_rest import Ask, asker
from streams import npy, read_stream, stream

ARROW, NPY, JSON = MEDIA_TYPES["arrow"], MEDIA_TYPES["npy"], MEDIA_TYPES["native"]
LIMITS = {"max_body_bytes": 2000, "max_rows": 5, "max_array_bytes": 300_000, "max_array_rows": 12_000}


@pytest.fixture(scope="module")
def ask() -> Ask:
    return asker(Application(service(**LIMITS)))


def body_of(kind: str, rows: Any) -> bytes:
    """``rows`` of (a, b) in the form of a media type."""
    matrix = np.asarray(rows, dtype=np.float64)
    if kind == ARROW:
        return stream(pa.table({"b": matrix[:, 1].copy(), "a": matrix[:, 0].copy()}))
    return npy(matrix) if kind == NPY else json.dumps({"feature_vectors": matrix.tolist()}).encode()


def values_in(said: httpx.Response) -> list[float]:
    """The values of an answer, by its own content type."""
    kind = said.headers["content-type"]
    if kind == ARROW:
        return list(read_stream(said.content)["value"].to_pylist())
    if kind == NPY:
        return list(np.load(io.BytesIO(said.content)).tolist())
    document = said.json()
    return document["columns"]["value"] if "columns" in document else [row["value"] for row in document["predictions"]]


def post(ask: Ask, kind: str, rows: Any, **headers: str) -> httpx.Response:
    return ask("POST", "/predict", content=body_of(kind, rows), headers={"content-type": kind} | headers)


@pytest.mark.parametrize("accept", [None, "*/*", ARROW, NPY, JSON])
@pytest.mark.parametrize("kind", [ARROW, NPY, JSON])
def test_every_type_is_answered_in_every_type(ask: Ask, kind: str, accept: str | None) -> None:
    said = post(ask, kind, [[1, 2], [3, 4]], **({"accept": accept} if accept else {})).raise_for_status()
    assert said.headers["content-type"] == (kind if accept in (None, "*/*") else accept)
    assert values_in(said) == [1002.0, 3004.0]


@given(rows=st.lists(st.tuples(*[st.floats(-1e300, 1e300)] * 2), min_size=1, max_size=5))
def test_the_same_rows_have_the_same_answers(ask: Ask, rows: list[tuple[float, float]]) -> None:
    with np.errstate(over="ignore"):
        answers = [values_in(post(ask, kind, rows, accept=NPY)) for kind in (ARROW, NPY, JSON)]
    assert answers[0] == answers[1] == answers[2]


def test_model_version_and_ids_are_said_in_every_type(ask: Ask) -> None:
    mine = {"x-prediction-id": "mine"}
    table = read_stream(post(ask, ARROW, [[1, 2], [3, 4]], **mine).content)
    assert table["prediction_id"].to_pylist() == ["mine-0", "mine-1"]
    assert table.schema.metadata == {b"model": b"line", b"version": b"1"}
    headers = post(ask, NPY, [[1, 2], [3, 4]], **mine).headers
    assert [headers[n] for n in ("x-prediction-id", "x-model", "x-model-version")] == ["mine", "line", "1"]


@pytest.mark.parametrize(
    ("kind", "body", "more", "status", "slug", "field"),
    [
        (ARROW, b"x", {}, 400, "malformed-body", "body"),
        (NPY, b"x", {}, 400, "malformed-body", "body"),
        (NPY, npy(np.ones((1, 3))), {}, 422, "invalid-input", "body"),
        (ARROW, stream(pa.table({"a": [1.0], "c": [1.0]})), {}, 422, "invalid-input", "c"),
        (NPY, npy(np.ones((12_001, 2), np.float32)), {}, 413, "too-many-rows", "body"),
        (NPY, npy(np.ones((19_000, 2))), {}, 413, "body-too-large", "body"),
        (JSON, b'{"a": 1, "b": 2}', {"accept": "text/html"}, 406, "not-acceptable", "accept"),
        (JSON, b'{"a": 1, "b": 2}', {"content-encoding": "gzip, zstd"}, 415, "unsupported-media-type", "content-encoding"),
        (JSON, b'{"a": 1, "b": 2}', {"content-encoding": "gzip"}, 400, "malformed-body", "body"),
        (JSON, gzip.compress(b" " * 2001, mtime=0), {"content-encoding": "gzip"}, 413, "body-too-large", "body"),
        (NPY, gzip.compress(npy(np.ones((19_000, 2))), mtime=0), {"content-encoding": "gzip"}, 413, "body-too-large", "body"),
        ("text/csv", b"1,2", {}, 415, "unsupported-media-type", "content-type"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_problem_in_json(
    ask: Ask, kind: str, body: bytes, more: dict[str, str], status: int, slug: str, field: str
) -> None:
    said = ask("POST", "/predict", content=body, headers={"content-type": kind, "accept": kind} | more)
    problem = said.json()
    assert said.headers["content-type"] == "application/problem+json"
    assert (said.status_code, problem["type"]) == (status, f"urn:daytwo:error:{slug}")
    assert problem["errors"][0]["field"] == field


@pytest.mark.parametrize("kind", [ARROW, NPY, JSON])
def test_bodies_may_be_compressed(ask: Ask, kind: str) -> None:
    body = gzip.compress(body_of(kind, [[1, 2], [3, 4]]), mtime=0)
    said = ask("POST", "/predict", content=body, headers={"content-type": kind, "content-encoding": "gzip"})
    assert values_in(said) == [1002.0, 3004.0]


def test_arrays_have_limits_of_their_own(ask: Ask) -> None:
    rows = np.arange(24_000.0).reshape(-1, 2)
    for accept in (NPY, ARROW, JSON):  # more rows than are written on the event loop
        assert values_in(post(ask, NPY, rows, accept=accept)) == (rows[:, 0] * 1000 + rows[:, 1]).tolist()
    assert post(ask, JSON, rows[:6]).status_code == 413


@pytest.mark.parametrize(
    ("kind", "accept", "status", "place"), [(ARROW, JSON, 415, "content-type"), (JSON, ARROW, 406, "accept")]
)
def test_without_its_library_arrow_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, kind: str, accept: str, status: int, place: str
) -> None:
    for name in [
        n for n in sys.modules if n.startswith(("pyarrow.", "daytwo.dialects.arrow", "daytwo.dialects._arrow"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # type: ignore[arg-type]
    said = post(asker(Application(service())), kind, [[1, 2]], accept=accept)
    assert (said.status_code, said.json()["errors"][0]["field"]) == (status, place)
    assert "pip install 'daytwo[arrow]'" in said.json()["detail"]


def test_large_and_small_at_once_each_get_their_own() -> None:
    app = Application(service(max_queue_rows=1_000_000))
    large = np.arange(200_000.0).reshape(-1, 2)

    async def call() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:

            def send(kind: str, rows: Any) -> Any:
                return client.post("/predict", content=body_of(kind, rows), headers={"content-type": kind})

            return list(
                await asyncio.gather(send(NPY, large), send(ARROW, large), *[send(JSON, [[i, 1]]) for i in range(20)])
            )

    answers = [values_in(answer) for answer in asyncio.run(call())]
    whole = (large[:, 0] * 1000 + large[:, 1]).tolist()
    assert answers[:2] == [whole, whole]
    assert answers[2:] == [[1000.0 * i + 1] for i in range(20)]


def test_a_caller_that_leaves_while_its_body_is_read_is_counted_once() -> None:
    made = service(served(Line()))
    endpoint = made.catalog.default
    body = npy(np.ones((200_000, 2)))
    head = Head.of([(b"content-type", NPY.encode())], b"")

    async def leave() -> None:
        task = asyncio.ensure_future(endpoint.answer(body, head))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        while endpoint.translator.at_work:
            await asyncio.sleep(0.01)

    asyncio.run(leave())
    counted = {
        o: value(made.instruments, "daytwo_requests_total", "line", "1", "rest", o) for o in ("ok", "left", "failed")
    }
    assert counted == {"ok": 0, "left": 1, "failed": 0}
    assert value(made.instruments, "daytwo_inflight_requests", "line", "1") == 0
