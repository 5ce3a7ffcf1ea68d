"""The stages in their order, and what ends them early."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from daytwo.errors import OutsideFailure
from daytwo.loadtest.bodies import Bodies
from daytwo.loadtest.clients import clients
from daytwo.loadtest.measure import Measurement
from daytwo.loadtest.plan import FRACTIONS, Plan
from loadtest.made import HANG, said, serving

ROWS = Bodies(rows=([1.0], [2.0]))
PLAN = Plan(2.0, max_connections=4)


def measured(answer: Callable[[int, bytes], bytes | None], bodies: Bodies = ROWS, plan: Plan = PLAN,
             error: str = "") -> tuple[Measurement, list[tuple[str, float]]]:  # fmt: skip
    """All that was measured of a server; with ``error``, until that was raised."""
    told: list[tuple[str, float]] = []
    with serving(answer) as address, clients(1, address) as some:
        it = Measurement(some, address, bodies, plan, lambda: None, lambda *now: told.append(now))
        if error:
            with pytest.raises(OutsideFailure, match=error):
                it.run()
        else:
            it.run()
    return it, told


def test_ramp_batches_and_arrivals_in_turn():
    measurement, told = measured(lambda *_: said())
    stages = [result.stage for result in measurement.results]
    assert [s.connections for s in stages if s.kind == "ramp"] == [1, 2, 4]
    assert [s.rows for s in stages if s.kind == "batch"] == [1, 8, 64, 512, 4096]
    peak = max(result.per_s for result in measurement.results if result.stage.kind == "ramp")
    rates = [s.rate for s in stages if s.kind == "open"]
    assert rates[: len(FRACTIONS)] == [pytest.approx(fraction * peak) for fraction in FRACTIONS]
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0


def test_it_looks_closer_at_where_the_capacity_is():
    with serving(lambda *_: said()) as address, clients(1, address) as some:
        it = Measurement(some, address, ROWS, PLAN, lambda: None, lambda *_: None, p99_s=1e-9)
        it.run()
    rates = [result.stage.rate or 0.0 for result in it.results if result.stage.kind == "open"]
    assert rates[-2:] == [pytest.approx(rates[0] / 2), pytest.approx(rates[0] / 4)]


def test_bodies_that_are_somebody_elses_business_are_not_divided():
    measurement, _ = measured(lambda *_: said(), Bodies(opaque=(b"{}",)))
    assert {result.stage.kind for result in measurement.results} == {"ramp", "open"}


def test_a_limit_on_rows_ends_the_batches_and_nothing_else():
    measurement, _ = measured(lambda _, raw: said(200 if len(raw) < 600 else 413))
    batches = [result for result in measurement.results if result.stage.kind == "batch"]
    assert batches[-1].stage.rows < 4096
    assert batches[-1].failures > 0
    assert measurement.results[-1].stage.kind == "open"


def turning(then: bytes | None, after: int = 40) -> Callable[[int, bytes], bytes | None]:
    return lambda number, _: said() if number < after else then


@pytest.mark.parametrize(
    ("then", "words"),
    [
        (said(500), "status 500 only"),
        (said(503, headers=b"Retry-After: 1\r\n"), "refused every request"),
        (None, "closed or refused every connection"),
        (HANG, "let every request wait"),
    ],
    ids=["500", "503", "closes", "hangs"],
)
def test_a_server_that_turns_bad_ends_it_with_one_sentence(then: bytes | None, words: str):
    measurement, _ = measured(turning(then), error=words)
    assert measurement.results[-1].ok == 0


def test_a_server_that_fails_at_times_is_measured_to_the_end():
    measurement, _ = measured(lambda number, _: said(500 if number % 20 == 19 else 200))
    assert measurement.results[-1].stage.kind == "open"
    assert any(result.failures for result in measurement.results)


def test_nothing_is_measured_where_the_first_request_is_refused():
    measurement, _ = measured(lambda *_: said(422, b'{"detail": "no"}'), error="answered 422: no")
    assert measurement.results == []


def test_a_slow_server_is_not_asked_for_more_than_it_can_answer_in_time():
    lock = threading.Event()

    def slow(number: int, raw: bytes) -> bytes:
        lock.wait(0.2)
        return said()

    measurement, _ = measured(slow, plan=Plan(1.0, max_connections=256))
    ramp = [result.stage.connections for result in measurement.results if result.stage.kind == "ramp"]
    assert ramp[-1] < 256
    assert measurement.results[-1].stage.kind == "open"
