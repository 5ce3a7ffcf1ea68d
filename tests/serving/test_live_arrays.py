"""Large arrays and compressed bodies, against a real server: they arrive, others need not wait, and bombs stay small."""

from __future__ import annotations

import gzip
import io
import select
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from daytwo.dialects import MEDIA_TYPES
from serving.live import Live, eventually, rss_bytes, serving
from serving.live_models import SETOSA, line
from serving.wire import ANSWER_TIMEOUT_S, Answer, Wire, chunk, request
from streams import npy, read_stream, stream

pytestmark = pytest.mark.slow

ARROW, NPY, JSON = MEDIA_TYPES["arrow"], MEDIA_TYPES["npy"], MEDIA_TYPES["native"]
ROWS = np.arange(200_000.0).reshape(-1, 2)
TABLE = pa.table({"x1": ROWS[:, 1].copy(), "x0": ROWS[:, 0].copy()})
RIGHT = line(*ROWS.T)


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    log = tmp_path_factory.mktemp("arrays") / "log"
    with serving(packed, "line", "--max-queue-rows", "1000000", log=log) as server:
        yield server


def post(body: bytes, kind: str, **headers: str) -> bytes:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return request("POST", "/predict", body, {"Content-Type": kind} | named)


def values_in(answer: Answer) -> Any:
    assert answer.status == 200, answer.body[:300]
    if answer.headers["content-type"] == ARROW:
        return read_stream(answer.body)["value"].to_numpy()
    return np.load(io.BytesIO(answer.body))


def names(live: Live) -> list[str]:
    return [item["name"] for item in live.get("/models/line").json()["signature"]["inputs"]]


def bodies(live: Live) -> dict[str, bytes]:
    return {ARROW: stream(TABLE.rename_columns(list(reversed(names(live))))), NPY: npy(ROWS)}


@pytest.mark.parametrize("kind", [ARROW, NPY])
def test_a_hundred_thousand_rows_in_one_request(live: Live, kind: str) -> None:
    body = bodies(live)[kind]
    with Wire(live.port) as wire:
        for _ in range(3):
            wire.send(post(body, kind))
            np.testing.assert_allclose(values_in(wire.answer()), RIGHT)
        wire.send(request("POST", "/predict", {"feature_vector": [1, 2]}))
        assert wire.answer().json()["value"] == pytest.approx(line(1, 2))


def test_two_callers_with_different_types_at_once(live: Live) -> None:
    ways = bodies(live)
    answers: dict[str, list[Answer]] = {ARROW: [], NPY: [], JSON: []}

    def ask(kind: str) -> None:
        with Wire(live.port) as wire:
            for turn in range(3 if kind != JSON else 50):
                wire.send(post(ways[kind], kind) if kind != JSON else request(body={"feature_vector": [turn, 1]}))
                answers[kind].append(wire.answer())

    threads = [threading.Thread(target=ask, args=(kind,)) for kind in answers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for kind in (ARROW, NPY):
        for answer in answers[kind]:
            np.testing.assert_allclose(values_in(answer), RIGHT)
    assert [a.json()["value"] for a in answers[JSON]] == pytest.approx([line(turn, 1) for turn in range(50)])


@pytest.mark.parametrize("kind", [ARROW, NPY])
def test_a_body_in_chunks_goes_the_long_way_and_arrives_too(live: Live, kind: str) -> None:
    body = gzip.compress(bodies(live)[kind], 1)
    head = request("POST", "/predict", b"", {"Content-Type": kind, "Content-Encoding": "gzip", "Content-Length": "",
                                             "Transfer-Encoding": "chunked"})  # fmt: skip
    with Wire(live.port) as wire:
        wire.send(head + b"".join(chunk(body[i : i + 100_000]) for i in range(0, len(body), 100_000)) + chunk(b""))
        np.testing.assert_allclose(values_in(wire.answer()), RIGHT)


def test_a_large_body_may_be_compressed(live: Live) -> None:
    for kind, body in bodies(live).items():
        np.testing.assert_allclose(
            values_in(live.send(post(gzip.compress(body, 1), kind, Content_Encoding="gzip"))), RIGHT
        )


@pytest.mark.parametrize(("kind", "limit"), [(JSON, "8,388,608"), (NPY, "268,435,456")])
def test_a_bomb_is_refused_and_leaves_no_crater(live: Live, kind: str, limit: str) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(600)) + packer.flush()
    assert len(bomb) < 1 << 20
    live.send(post(bomb, kind, Content_Encoding="gzip"))  # the allocator keeps something of the first
    before = rss_bytes(live.pid)
    for _ in range(10):
        answer = live.send(post(bomb, kind, Content_Encoding="gzip"))
        assert (answer.status, answer.json()["type"]) == (413, "urn:daytwo:error:body-too-large")
        assert limit in answer.json()["detail"]
    assert live.post({"feature_vector": [1, 2]}).status == 200
    assert rss_bytes(live.pid) - before < 40 << 20


def test_a_length_over_the_limit_is_refused_at_the_head(live: Live) -> None:
    head = request("POST", "/predict", b"", {"Content-Type": NPY, "Content-Length": str(300 << 20)})
    answer = live.send(head)
    assert (answer.status, answer.json()["errors"][0]["expected"]) == (413, "at most 268,435,456 bytes")


def test_a_caller_that_leaves_in_the_middle_does_no_harm(live: Live) -> None:
    for kind, body in bodies(live).items():
        for part in (len(body) // 2, len(body)):
            with Wire(live.port) as wire:
                wire.send(post(body, kind)[:part])
    assert live.post({"feature_vector": [1, 2]}).status == 200
    np.testing.assert_allclose(values_in(live.send(post(npy(ROWS), NPY))), RIGHT)


def test_many_large_bodies_at_once_are_bounded_and_who_leaves_gives_their_room_back(
    packed: Path, tmp_path: Path
) -> None:
    length, let_in, refused = 1 << 20, 3, 2
    head, most = request(headers={"Content-Length": str(length)}), b" " * (length - 1)
    with serving(packed, "iris", "--max-queue-bytes", str(let_in * length), log=tmp_path / "log") as live:
        callers = {wire.socket: wire for wire in (Wire(live.port) for _ in range(let_in + refused))}
        for wire in callers.values():
            wire.send(head + most)
        told: list[Wire] = []
        while len(told) < refused:
            ready, _, _ = select.select(list(callers), [], [], ANSWER_TIMEOUT_S)
            told += [callers.pop(each) for each in ready]
        for wire in told:
            answer = wire.answer()
            assert (answer.status, "bytes are on their way" in answer.json()["detail"]) == (503, True)
            wire.socket.close()
        assert len(callers) == let_in
        assert live.post(SETOSA).status == 200
        for each in callers:
            each.close()
        body = b'{"feature_vector":[5.1,3.5,1.4,0.2]}'.rjust(length)
        assert eventually(lambda: live.post(body).status == 200)
