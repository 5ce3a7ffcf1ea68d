from __future__ import annotations

import itertools
import re

import pytest

from daytwo.metrics import BY_NAME, CATALOGUE, CLOSED_LABELS, MODEL_LABELS, Metric

EACH = pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
#: What only the machine or the build knows; none of it comes out of a request.
OUTER_LABELS = {"worker", "gpu", "uuid", "daytwo", "python", "task", "runtime", "digest"}


@EACH
def test_names_follow_the_conventions(metric: Metric):
    assert re.fullmatch(r"daytwo_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    if metric.kind == "histogram":
        assert metric.name.endswith(("_seconds", "_rows"))


@EACH
def test_the_help_is_a_sentence(metric: Metric):
    assert metric.help[0].isupper()
    assert metric.help.endswith(".")


@EACH
def test_labels_are_closed(metric: Metric):
    assert len(set(metric.labels)) == len(metric.labels)
    closed = {*MODEL_LABELS, *CLOSED_LABELS}
    assert set(metric.labels) <= (closed if metric.scope == "request" else closed | OUTER_LABELS)
    assert metric.labels[:2] == MODEL_LABELS or not set(metric.labels) & set(MODEL_LABELS)


@EACH
def test_histograms_and_only_they_have_buckets(metric: Metric):
    assert bool(metric.buckets) == (metric.kind == "histogram")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert metric.width == (len(metric.buckets) + 2 if metric.kind == "histogram" else 1)


def test_names_are_unique():
    assert len(BY_NAME) == len(CATALOGUE)


def test_latency_is_told_apart_from_100_us_to_10_s():
    buckets = BY_NAME["daytwo_request_duration_seconds"].buckets
    assert (buckets[0], buckets[-1]) == (0.0001, 10.0)
    assert all(high / low <= 2.51 for low, high in itertools.pairwise(buckets))


@pytest.mark.parametrize("label", CLOSED_LABELS)
def test_closed_labels_have_values_that_need_no_escaping(label: str):
    values = CLOSED_LABELS[label]
    assert len(set(values)) == len(values) > 0
    assert all(re.fullmatch(r"[a-z_]+", value) for value in values)
