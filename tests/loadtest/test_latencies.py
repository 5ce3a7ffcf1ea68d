"""Merging equals seeing both, and every quantile is as near to the sample as promised."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from daytwo.loadtest.latencies import RELATIVE_ERROR, Latencies, bucket, middle_ns

seconds = st.floats(0, 4000, allow_nan=False)
many = st.lists(seconds, max_size=200)


def nearest_rank(sample: list[float], q: float) -> float:
    return sorted(sample)[min(max(math.ceil(q * len(sample)), 1), len(sample)) - 1]


@given(many, many)
def test_merging_equals_seeing_both(first: list[float], second: list[float]):
    assert Latencies.of(first) + Latencies.of(second) == Latencies.of(first + second)


@given(many, many, many)
def test_the_order_of_merging_does_not_matter(a: list[float], b: list[float], c: list[float]):
    first, second, third = map(Latencies.of, (a, b, c))
    assert (first + second) + third == third + (second + first)


@given(st.lists(seconds, min_size=1, max_size=200), st.floats(0, 1))
def test_a_quantile_is_within_the_relative_error_of_the_sample(sample: list[float], q: float):
    exact = nearest_rank(sample, q)
    # Whole nanoseconds are what a clock gives; below 256 of them a bucket is one.
    assert abs(Latencies.of(sample).quantile(q) - exact) <= RELATIVE_ERROR * exact + 1e-9


@given(st.integers(0, (1 << 42) - 1))
def test_buckets_follow_each_other_without_a_gap(value_ns: int):
    assert bucket(value_ns + 1) - bucket(value_ns) in (0, 1)
    assert abs(middle_ns(bucket(value_ns)) - value_ns) <= RELATIVE_ERROR * value_ns


@given(many)
def test_it_survives_json(sample: list[float]):
    seen = Latencies.of(sample)
    again = Latencies.from_json(json.loads(json.dumps(seen.to_json())))
    assert again == seen
    assert again.count == len(sample)


def test_the_mean_is_exact_and_the_maximum_no_bucket():
    seen = Latencies.of([0.001, 0.002, 0.0301234])
    assert math.isclose(seen.mean_s, 0.0331234 / 3)
    assert seen.max_s == seen.quantile(1.0) == 0.0301234


def test_of_nothing_nothing_is_known():
    assert math.isnan(Latencies().quantile(0.5))
    assert math.isnan(Latencies().mean_s)


def test_what_is_beyond_the_range_counts_at_its_ends():
    seen = Latencies.of([-1.0, 1e9])
    assert (seen.count, seen.quantile(0.1)) == (2, 0.0)
    assert seen.quantile(1.0) > 4000
