"""What results mean, on results whose meaning is known."""

from __future__ import annotations

import pytest

from daytwo.loadtest.verdict import Verdict, Wanted, judge
from loadtest.made import result, results


def verdict(
    rate: float | None = None, p99_s: float | None = None, *, workers: int | None = 1, cores: int = 4
) -> Verdict:
    return judge(results(), Wanted(rate, p99_s), workers=workers, cores=cores)


def test_the_knee_is_where_more_connections_gain_little():
    assert (verdict().peak_per_s, verdict().knee_connections) == (1000.0, 4)


def test_a_knee_takes_some_steps():
    assert judge(results()[:2], Wanted(), workers=1, cores=1).knee_connections is None


def test_the_best_rows_are_the_fewest_with_nearly_the_most_rows_a_second():
    assert (verdict().best_rows, verdict().best_rows_per_s) == (512, 512 * 60.0)
    assert judge(results()[:7], Wanted(), workers=1, cores=1).best_rows == 64


@pytest.mark.parametrize(
    ("p99_s", "capacity"), [(None, 900.0), (0.2, 900.0), (0.05, 800.0), (0.0045, 100.0), (0.001, 0.0)]
)
def test_capacity_is_the_highest_rate_within_the_wanted_p99(p99_s: float | None, capacity: float):
    found = verdict(p99_s=p99_s)
    assert found.capacity_per_s == capacity
    assert found.safe_per_s == pytest.approx(0.7 * capacity)
    assert (found.capacity_p99_s is None) == (capacity == 0)


def test_nothing_above_a_rate_that_was_not_borne_counts():
    opened = [
        result("open", 100, rate=100.0),
        result("open", 200, rate=200.0, failed=1),
        result("open", 300, rate=300.0),
    ]
    assert judge(opened, Wanted(), workers=1, cores=1).capacity_per_s == 100.0


@pytest.mark.parametrize(
    ("rate", "p99_s", "met"),
    [
        (None, None, None), (900.0, None, True), (901.0, None, False), (5000.0, None, False),
        (800.0, 0.01, True), (900.0, 0.01, False), (None, 0.01, True), (None, 0.001, False),
    ],
)  # fmt: skip
def test_whether_what_was_wanted_is_met(rate: float | None, p99_s: float | None, met: bool | None):
    assert verdict(rate, p99_s).met is met


def test_a_client_that_was_late_does_not_speak_against_the_server():
    late = [result("open", 100, 0.01, rate=100.0, late_s=0.02)]
    assert judge(late, Wanted(100.0, 0.005), workers=1, cores=1).met is None
    failing = [result("open", 100, 0.01, rate=100.0, late_s=0.02, failed=1)]
    assert judge(failing, Wanted(100.0, 0.005), workers=1, cores=1).met is False


def test_a_p99_of_a_few_answers_is_none():
    assert judge([result("open", 50, rate=50.0)], Wanted(50.0, 1.0), workers=1, cores=1).met is None
    assert judge([result("open", 50, rate=50.0)], Wanted(50.0), workers=1, cores=1).met is True


@pytest.mark.parametrize(
    ("rate", "workers", "cores", "expected"),
    [
        (None, 1, 4, (1, 1)),
        (600.0, 1, 4, (1, 1)),     # of 900, 630 are planned with
        (1200.0, 1, 4, (2, 1)),
        (2400.0, 1, 2, (2, 2)),
        (5000.0, 1, 4, (4, 2)),
        (500.0, 2, 4, (2, 1)),     # 900 of two workers
        (5000.0, 8, 4, (8, 8)),
        (5000.0, None, 4, (None, None)),
    ],
)  # fmt: skip
def test_workers_and_replicas_for_a_rate(
    rate: float | None, workers: int | None, cores: int, expected: tuple[int, int]
):
    found = verdict(rate, workers=workers, cores=cores)
    assert (found.workers, found.replicas) == expected


def test_replicas_bear_the_rate_with_headroom():
    for rate in range(100, 9000, 137):
        found = verdict(float(rate), cores=4)
        assert found.workers
        assert found.replicas
        assert found.workers * found.replicas * 0.7 * 900 >= rate


@pytest.mark.parametrize(("p99_s", "rows"), [(None, 512), (0.009, 512), (0.003, 1)])
def test_large_requests_must_leave_others_their_time(p99_s: float | None, rows: int):
    assert verdict(p99_s=p99_s).max_rows == rows


def test_of_nothing_nothing_is_said():
    found = judge([], Wanted(10.0, 0.1), workers=1, cores=1)
    assert (found.peak_per_s, found.capacity_per_s, found.met, found.max_rows) == (0.0, None, None, None)
