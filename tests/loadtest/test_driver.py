"""One client against servers that answer well, badly or not at all: every request is accounted for."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from daytwo.loadtest.driver import Address, Driver
from daytwo.loadtest.stages import Stage, Tally
from loadtest.made import HANG, said, serving

RAMP = Stage("ramp", 3, 0.3)
OPEN = Stage("open", 4, 0.4, rate=250.0)


def drive(answer: Callable[[int, bytes], bytes | None], stage: Stage, patience_s: float = 5.0, **more: Any) -> Tally:
    with serving(answer) as address:
        return asyncio.run(Driver(address, [b'{"a":1}', b'{"a":2}'], patience_s).run(stage, **more))


@pytest.mark.parametrize("stage", [RAMP, OPEN], ids=["closed", "open"])
def test_every_request_is_answered_once(stage: Stage):
    asked: list[bytes] = []

    def answer(number: int, raw: bytes) -> bytes:
        asked.append(raw)
        return said()

    tally = drive(answer, stage)
    assert tally.statuses == {200: len(asked)}
    assert tally.latencies.count == len(asked) > 3
    assert (tally.lost, tally.unanswered, tally.rejected, tally.reconnects) == (0, 0, 0, 0)
    assert {raw[-1:] for raw in asked} == {b"}"}
    assert any(b'{"a":2}' in raw for raw in asked)


def test_an_open_stage_sends_what_arrives_and_says_how_late():
    tally = drive(lambda *_: said(), OPEN)
    assert 50 < tally.statuses[200] < 160
    assert tally.lateness.count == tally.statuses[200]


def test_latency_runs_from_when_a_request_was_due():
    """One connection and a server that thinks for 50 ms: the queue in front of it is part of the latency."""

    def answer(number: int, raw: bytes) -> bytes:
        time.sleep(0.05)
        return said()

    tally = drive(answer, Stage("open", 1, 0.5, rate=60.0))
    assert tally.latencies.quantile(0.9) > 0.2
    assert tally.lateness.quantile(0.5) < tally.latencies.quantile(0.5)


def test_what_is_refused_is_told_apart():
    answers = [said(), said(500), said(503, headers=b"Retry-After: 1\r\n"), said(503), said(504)]
    tally = drive(lambda number, _: answers[number % 5], Stage("ramp", 1, 0.2))
    assert set(tally.statuses) == {200, 500, 503, 504}
    assert abs(tally.rejected - tally.statuses[503]) <= 1
    assert tally.latencies.count == tally.statuses[200]


def test_a_connection_that_is_closed_is_a_loss_and_is_opened_again():
    tally = drive(lambda number, _: None if number % 10 == 9 else said(), Stage("ramp", 2, 0.5))
    assert tally.lost > 0
    assert tally.reconnects >= tally.lost - 2
    assert tally.statuses[200] >= 9 * (tally.lost - 2)


def test_a_connection_that_ends_with_its_answer_is_no_loss():
    tally = drive(lambda *_: said(headers=b"Connection: close\r\n"), Stage("ramp", 2, 0.3))
    assert tally.lost == 0
    assert tally.reconnects >= tally.statuses[200] - 4
    assert tally.statuses[200] > 2


@pytest.mark.parametrize("stage", [Stage("ramp", 3, 0.1), Stage("open", 2, 0.2, rate=100.0)], ids=["closed", "open"])
def test_who_is_never_answered_is_counted_with_its_age(stage: Stage):
    tally = drive(lambda *_: HANG, stage, patience_s=0.3)
    assert tally.statuses == {}
    assert tally.unanswered == tally.latencies.count > 2
    assert tally.latencies.max_s >= 0.3


def test_what_came_before_it_was_warm_does_not_count():
    seen: list[int] = []

    def answer(number: int, raw: bytes) -> bytes:
        seen.append(number)
        return said()

    tally = drive(answer, Stage("ramp", 1, 0.2), warm_s=0.2)
    assert 0 < tally.statuses[200] < len(seen)


def test_where_nobody_listens_every_try_is_a_loss():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tally = asyncio.run(Driver(Address("127.0.0.1", port, "/"), [b"{}"], 0.2).run(Stage("ramp", 2, 0.2)))
    assert (tally.statuses, tally.latencies.count) == ({}, 0)
    assert tally.lost >= 2


@pytest.mark.parametrize(
    ("address", "base"),
    [
        (Address("example", 80, "/"), "http://example"),
        (Address("example", 8443, "/", tls=True), "https://example:8443"),
        (Address("::1", 8000, "/"), "http://[::1]:8000"),
    ],
)
def test_addresses(address: Address, base: str):
    assert address.base == base
