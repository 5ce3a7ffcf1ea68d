"""Joined batches: every caller gets its own rows, and a bad request spoils nobody else's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.live import Live, serving
from serving.live_load import Ask, Load
from serving.live_metrics import scrape, total
from serving.live_models import SETOSA, line
from serving.wire import Answer, Wire, request

pytestmark = pytest.mark.slow

ROUNDS, GOOD = 20, 15


@pytest.fixture(scope="module")
def live(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    log = tmp_path_factory.mktemp("batching") / "log"
    with serving(packed, "iris", "line", "moody", "--trust", log=log) as running:
        yield running


def together(live: Live, requests: list[bytes]) -> list[Answer]:
    """The answers to requests that were sent at the same time, each on a connection of its own."""
    wires = [Wire(live.port) for _ in requests]
    try:
        for wire, raw in zip(wires, requests, strict=True):
            wire.send(raw[:-1])
        for wire, raw in zip(wires, requests, strict=True):
            wire.send(raw[-1:])
        return [wire.answer() for wire in wires]
    finally:
        for wire in wires:
            wire.socket.close()


BAD = {
    "malformed": b'{"feature_vector": [1.0, 2.0',
    "wrong-length": {"feature_vector": [1.0]},
    "not-a-number": {"feature_vector": [1.0, "two"]},
    "nan": b'{"feature_vector": [1.0, NaN]}',
    "no-rows": {"feature_vectors": []},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_request_fails_alone(live: Live, bad: object) -> None:
    for number in range(ROUNDS):
        place = number % (GOOD + 1)
        inputs = [[float(number), float(caller)] for caller in range(GOOD)]
        requests = [request("POST", "/models/line/predict", {"feature_vector": row}) for row in inputs]
        requests.insert(place, request("POST", "/models/line/predict", bad))
        answers = together(live, requests)
        refused = answers.pop(place)
        assert refused.status in (400, 422)
        assert [answer.status for answer in answers] == [200] * GOOD
        assert [answer.json()["value"] for answer in answers] == pytest.approx([line(*row) for row in inputs], abs=1e-3)


def test_a_row_on_which_the_model_raises_fails_alone(live: Live) -> None:
    path = "/models/moody/predict"
    for _ in range(2):
        requests = [request("POST", path, {"feature_vector": [float(caller)]}) for caller in range(GOOD)]
        requests.insert(7, request("POST", path, {"feature_vector": [-2e6]}))
        answers = together(live, requests)
        failed = answers.pop(7)
        assert (failed.status, failed.json()["type"]) == (500, "urn:daytwo:error:prediction-failed")
        assert "not in the mood" in failed.json()["detail"]
        assert [answer.json()["value"] for answer in answers] == [2.0 * caller for caller in range(GOOD)]


def test_requests_are_joined(live: Live) -> None:
    before = scrape(live)
    requests = [request("POST", "/models/moody/predict", {"feature_vector": [float(n)]}) for n in range(32)]
    assert [a.json()["value"] for a in together(live, requests)] == [2.0 * n for n in range(32)]
    after = scrape(live)

    def grown(name: str) -> float:
        return total(after, name, model="moody") - total(before, name, model="moody")

    assert grown("daytwo_batch_rows_sum") == 32
    assert grown("daytwo_batch_rows_count") <= 8


def distinct(caller: int) -> Ask:
    """Requests in every form and several sizes, each with answers and ids that nobody else has."""
    rng = random.Random(caller)

    def ask(number: int) -> tuple[bytes, Callable[[Answer], bool]]:
        rows = [[float(caller), float(number * 10 + row)] for row in range(rng.choice([1, 1, 1, 2, 7]))]
        values, name = [line(*row) for row in rows], f"c{caller}-{number}"
        if len(rows) == 1:
            body = {"feature_vector": rows[0], "prediction_id": name}
            return send(body), lambda answer: one_right(answer, values[0], name)
        body = {"feature_vectors": rows, "prediction_id": name}
        return send(body), lambda answer: all_right(answer, values, name)

    return ask


def send(body: object) -> bytes:
    return request("POST", "/models/line/predict", body)


def one_right(answer: Answer, expected: float, name: str) -> bool:
    said = answer.json()
    return said["prediction_id"] == name and abs(said["value"] - expected) < 1e-3


def all_right(answer: Answer, expected: list[float], name: str) -> bool:
    said = answer.json()["predictions"]
    ids = [f"{name}-{row}" for row in range(len(expected))]
    values = [item["value"] for item in said]
    return [item["prediction_id"] for item in said] == ids and values == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("rows", [2_000, 10_000])
def test_a_large_request_is_answered_whole(live: Live, rows: int) -> None:
    body = {"feature_vectors": [[float(row), 0.123456789012] for row in range(rows)]}
    predictions = live.post(body, "/models/line/predict").json()["predictions"]
    assert [item["value"] for item in predictions] == pytest.approx([line(row, 0.123) for row in range(rows)], abs=0.1)


def test_pipelined_requests_of_a_slow_model_are_answered_in_order(live: Live) -> None:
    with Wire(live.port) as wire:
        wire.send(b"".join(request("POST", "/models/moody/predict", {"feature_vector": [float(n)]}) for n in range(4)))
        assert [wire.answer().json()["value"] for _ in range(4)] == [0.0, 2.0, 4.0, 6.0]


def test_rows_are_never_mixed_between_callers(live: Live) -> None:
    async def load() -> Load:
        async with Load(live.port, 64, distinct) as load:
            await asyncio.sleep(3.0)
        return load

    tally = asyncio.run(load()).tally
    assert (tally.lost, tally.timeout, tally.wrong, set(tally.statuses)) == (0, 0, [], {200})
    assert tally.answered > 1000


def test_new_prediction_ids_are_unique_and_in_the_order_of_time(live: Live) -> None:
    raw = request(body=SETOSA)
    answers = [answer for _ in range(20) for answer in together(live, [raw] * 10)]
    ids = [answer.json()["prediction_id"] for answer in answers]
    assert len(set(ids)) == 200
    with Wire(live.port) as wire:
        in_turn = []
        for _ in range(50):
            wire.send(raw)
            in_turn.append(wire.answer().json()["prediction_id"][:13])  # the milliseconds of a UUID of version 7
    assert in_turn == sorted(in_turn)
