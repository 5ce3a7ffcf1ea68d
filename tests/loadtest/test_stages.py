"""Tallies add up, and a result says of a stage what it was."""

from __future__ import annotations

import json

import pytest

from daytwo.loadtest.latencies import Latencies
from daytwo.loadtest.stages import Result, Stage, Tally
from loadtest.made import result


@pytest.mark.parametrize("of", [1, 2, 3, 5])
def test_a_stage_is_shared_out_whole(of: int):
    stage = Stage("open", 17, 2.0, rate=100.0)
    parts = [stage.share(number, of) for number in range(of)]
    assert sum(part.connections for part in parts) == 17
    assert sum(part.rate or 0 for part in parts) == pytest.approx(100.0)
    assert max(p.connections for p in parts) - min(p.connections for p in parts) <= 1


def tally(**more: int) -> Tally:
    return Tally(1.5, {200: 10, 500: 2}, latencies=Latencies.of([0.1] * 10), cpu=0.5, **more)


def test_tallies_add_up():
    both = tally(rejected=1, lost=2) + Tally(2.0, {200: 5, 504: 1}, unanswered=3, reconnects=4, cpu=0.25)
    assert (both.elapsed_s, both.statuses, both.cpu) == (2.0, {200: 15, 500: 2, 504: 1}, 0.5)
    assert (both.rejected, both.lost, both.unanswered, both.reconnects) == (1, 2, 3, 4)
    assert both.latencies.count == 10


def test_a_tally_survives_json():
    before = tally(rejected=1, lost=2, unanswered=3)
    assert Tally.from_json(json.loads(json.dumps(before.to_json()))) == before


def test_failures_are_told_apart():
    seen = Result(Stage("ramp", 1, 1.0), tally(rejected=3, lost=1, unanswered=1) + Tally(1.0, {504: 7}))
    assert (seen.ok, seen.tally.rejected, seen.timed_out, seen.errors, seen.failures) == (10, 3, 7, 4, 14)


@pytest.mark.parametrize(
    ("seen", "keeps_up"),
    [
        (result("open", 100, rate=100.0), True),
        (result("open", 80, rate=100.0), True),  # that few arrived
        (result("open", 100, rate=100.0, failed=1), False),
        (result("open", 100, 0.3, rate=100.0, left_s=0.3), True),  # slow, but no queue
        (result("open", 100, 0.01, rate=100.0, left_s=0.3), False),
        (result("open", 0, rate=100.0), False),
    ],
)
def test_keeping_up_is_answering_all_and_leaving_no_queue(seen: Result, keeps_up: bool):
    assert seen.keeps_up is keeps_up


@pytest.mark.parametrize(
    ("seen", "limited"),
    [
        (result("open", 100, rate=100.0, cpu=0.3), False),
        (result("open", 100, rate=100.0, cpu=0.95), True),
        (result("open", 100, 0.002, rate=100.0, late_s=0.003), True),
        (result("open", 100, 0.5, rate=100.0, late_s=0.003), False),  # it hardly matters beside half a second
        (result("ramp", 100, cpu=0.95), True),
    ],
)
def test_a_client_that_is_the_limit_says_so(seen: Result, limited: bool):
    assert seen.client_limited is limited


def test_a_result_as_plain_values_is_json():
    plain = json.loads(json.dumps(result("open", 100, rate=100.0).to_json()))
    assert plain["requests_per_s"] == 100.0
    assert plain["latency_s"]["p50"] == pytest.approx(0.002, rel=0.01)
    assert json.dumps(result("ramp", 0).to_json()).count("NaN") > 0  # which the command line writes as null
