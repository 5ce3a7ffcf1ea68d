"""``/metrics`` of a live server: well formed, right over workers, and closed to whatever callers send."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.live import Live, serving
from serving.live_load import Ask, Load
from serving.live_metrics import scrape, total
from serving.live_models import SETOSA
from serving.wire import Wire, request

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["1", "2"], ids=["one-worker", "two-workers"])
def live(request: pytest.FixtureRequest, packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    flags, log = ("--workers", request.param, "--max-rows", "50"), tmp_path_factory.mktemp("metrics") / "log"
    with serving(packed, "iris", "line", *flags, log=log) as running:
        yield running


class Grown:
    """What has been added to the series of ``iris`` since it was made."""

    def __init__(self, live: Live) -> None:
        self._live, self._before = live, scrape(live)
        self.now = self._before

    def look(self) -> Grown:
        self.now = scrape(self._live)
        return self

    def __call__(self, name: str, **labels: str) -> float:
        return total(self.now, name, model="iris", **labels) - total(self._before, name, model="iris", **labels)


def mixture(_: int) -> Ask:
    """Per five requests: three good ones of one row, one good one of three rows, one that is invalid."""
    good = request(body=SETOSA)
    rows = request(body={"feature_vectors": [SETOSA["feature_vector"]] * 3})
    bad = request(body={"feature_vector": [1.0, 2.0]})
    pattern = [(good, 200), (rows, 200), (good, 200), (bad, 422), (good, 200)]

    def ask(number: int):
        raw, status = pattern[number % 5]
        return raw, lambda answer: answer.status == status

    return ask


async def some_load(live: Live) -> Load:
    async with Load(live.port, 16, mixture) as load:
        await asyncio.sleep(1.0)
    return load


def test_counters_add_up_with_what_was_sent(live: Live) -> None:
    grown = Grown(live)
    tally = asyncio.run(some_load(live)).tally
    assert (tally.lost, tally.timeout, tally.wrong) == (0, 0, [])
    too_many = live.post({"feature_vectors": [SETOSA["feature_vector"]] * 51})
    assert too_many.status == 413
    grown.look()
    good, bad = tally.statuses[200], tally.statuses[422]
    assert grown("daytwo_requests_total", outcome="ok") == good
    assert grown("daytwo_requests_total", outcome="invalid") == bad
    assert grown("daytwo_requests_total", outcome="rejected") == 1
    assert grown("daytwo_requests_total", outcome="failed") == 0
    assert grown("daytwo_rejected_total", reason="too_many_rows") == 1
    assert grown("daytwo_request_duration_seconds_count") == good
    rows = grown("daytwo_rows_total")
    assert good < rows <= good * 3
    assert grown("daytwo_batch_rows_sum") == rows
    stage = "daytwo_stage_duration_seconds_count"
    assert 0 < grown(stage, stage="queue") <= good  # some never waited
    assert grown(stage, stage="predict") == grown("daytwo_batch_rows_count")
    assert total(grown.now, "daytwo_requests_total", model="line") == 0


def test_every_scrape_sees_all_workers(live: Live) -> None:
    grown = Grown(live)
    for _ in range(40):
        assert live.post(SETOSA).status == 200
    assert {grown.look()("daytwo_requests_total", outcome="ok") for _ in range(20)} == {40.0}


def test_histograms_are_cumulative_and_end_at_their_count(live: Live) -> None:
    for _ in range(20):
        live.post(SETOSA)
    series = scrape(live)
    name = "daytwo_request_duration_seconds"
    buckets = {dict(labels)["le"]: v for (n, labels), v in series.items()
               if n == f"{name}_bucket" and dict(labels)["model"] == "iris"}  # fmt: skip
    in_order = [buckets[le] for le in sorted(buckets, key=float)]
    assert in_order == sorted(in_order)
    assert buckets["+Inf"] == total(series, f"{name}_count", model="iris") >= 20
    assert {float(le) for le in buckets} >= {0.0001, 10.0}


def test_no_request_can_create_a_series(live: Live) -> None:
    live.post(SETOSA)
    before = set(scrape(live))
    rng = random.Random(0)
    for number in range(200):
        word = "".join(rng.choices(string.ascii_lowercase + "%/.{}\"'", k=12))
        method = rng.choice(["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"])
        path = rng.choice(["/{}", "/models/{}/predict", "/models/iris/versions/{}/predict", "/predict?{}=1"])
        body = {word: number} if number % 2 else {"feature_vector": [5.1, 3.5, 1.4, 0.2], "prediction_id": word}
        headers = {"X-Prediction-Id": word, "User-Agent": word, f"X-{number}": word}
        with Wire(live.port) as wire:
            wire.send(request(method, path.format(word), body, headers))
            wire.answer()
    assert set(scrape(live)) == before


def test_values_are_sane(live: Live) -> None:
    for _ in range(30):
        live.post(SETOSA)
    series = scrape(live)
    assert total(series, "daytwo_process_cpu_seconds_total") > 0
    assert total(series, "daytwo_process_resident_memory_bytes") > 10 << 20
    assert total(series, "daytwo_inflight_requests") == 0
    assert total(series, "daytwo_queue_depth") == 0
    assert total(series, "daytwo_build_info") == 1
    assert total(series, "daytwo_model_info", model="iris") == 1
    assert all(v >= 0 for v in series.values())
