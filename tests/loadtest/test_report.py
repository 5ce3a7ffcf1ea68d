"""The sentences say what the numbers mean."""

from __future__ import annotations

import json
from typing import Any

from daytwo.loadtest.verdict import Wanted
from loadtest.made import ANYTHING, report, result, results


def words(wanted: Wanted = ANYTHING, **more: Any) -> str:
    return " ".join(report(wanted, **more).sentences)


def test_it_tells_knee_capacity_and_what_to_plan_with():
    said = words()
    assert "The knee is at 4 connections" in said
    assert "its peak is 1,000 requests/s" in said
    assert "The capacity is 900 requests/s arriving at random: every request was answered, with a p99 of 99." in said
    assert "Plan with 630 requests/s for a replica with 1 worker" in said
    assert "30,720 rows/s; 512 a request" in said
    assert "shared this machine's 2 cores" in said


def test_it_says_what_a_wanted_rate_takes_and_what_was_not_measured():
    said = words(Wanted(2000.0, 0.2))
    assert "For 2,000 requests/s run 2 replicas with --workers 2" in said
    assert "was not measured: run this again with --workers 2" in said


def test_it_says_where_nothing_was_borne():
    assert "Not even 100 requests/s arriving at random were all answered with a p99 within 1.00 ms." in words(
        Wanted(p99_s=0.001)
    )


def test_large_requests_that_gain_nothing_are_not_praised():
    flat = [result("batch", 100, rows=1), result("batch", 14, rows=8)]
    assert "no faster than as many requests" in words(given=[*results()[:4], *flat])


def test_it_owns_up():
    assert "load generator was the limit" in words(
        given=[*results()[:3], result("ramp", 1000, cpu=0.99, connections=8)]
    )
    assert "Other processes used up to 1.2" in words(given=[*results(), result("open", 100, rate=100.0, other_cpu=1.2)])
    waiting = [result("ramp", 100.0 * n, connections=n, server_cpu=0.1) for n in (1, 2, 4)]
    assert "it waits for something else" in words(given=waiting)
    assert "too few for a p99" in words(given=[result("open", 20, rate=20.0)])


def test_all_of_it_is_json():
    document = json.loads(json.dumps(report(Wanted(500.0, 0.05)).to_json()))
    assert document["verdict"]["met"] is True
    assert len(document["stages"]) == len(results())
    assert document["setting"]["target"] == "churn:3"
