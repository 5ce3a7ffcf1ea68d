from __future__ import annotations

import math
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daytwo.exporters.prometheus import CONTENT_TYPE, Sample, render
from daytwo.metrics import BY_NAME, CATALOGUE, Metric

OUTCOME = ("iris", "1", "rest", "ok")


def parsed(*samples: Sample) -> dict[str, float]:
    """Series, as their names with their labels in alphabetical order, and their values; read by a receiver's parser."""
    text = render(samples).decode()
    return {
        " ".join([sample.name, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def sample_of(metric: Metric) -> Sample:
    return metric.name, tuple(f"{label}-1" for label in metric.labels), [1.0] * metric.width


def test_a_counter_and_a_gauge():
    assert parsed(("daytwo_requests_total", OUTCOME, [41.0]), ("daytwo_ready", (), [2.0])) == {
        "daytwo_requests_total model=iris outcome=ok route=rest version=1": 41.0,
        "daytwo_ready": 2.0,
    }


def test_the_buckets_of_a_histogram_add_up():
    metric = BY_NAME["daytwo_batch_rows"]
    numbers = [0.0] * metric.width
    numbers[0], numbers[3], numbers[-2], numbers[-1] = 5.0, 2.0, 1.0, 20_025.0
    series = parsed(("daytwo_batch_rows", ("iris", "1"), numbers))
    labels = "model=iris version=1"
    buckets = {
        le: series[f"daytwo_batch_rows_bucket le={le} {labels}"] for le in ("1.0", "4.0", "8.0", "16384.0", "+Inf")
    }
    assert buckets == {"1.0": 5, "4.0": 5, "8.0": 7, "16384.0": 7, "+Inf": 8}
    assert series[f"daytwo_batch_rows_count {labels}"] == 8
    assert series[f"daytwo_batch_rows_sum {labels}"] == 20_025


def test_small_bounds_are_numbers_that_a_receiver_reads():
    metric = BY_NAME["daytwo_stage_duration_seconds"]
    series = parsed(("daytwo_stage_duration_seconds", ("iris", "1", "decode"), [1.0] * metric.width))
    bounds = {float(bound.group(1)) for name in series if (bound := re.search(r"le=(\S+)", name))}
    assert bounds == {*metric.buckets, math.inf}


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_of_the_catalogue_can_be_told(metric: Metric):
    text = render([sample_of(metric)]).decode()
    assert f"# HELP {metric.name} {metric.help}" in text
    assert f"# TYPE {metric.name} {metric.kind}" in text


def test_the_series_of_one_metric_stand_together_in_order():
    one, two = ("iris", "1", "rest", "ok"), ("iris", "1", "rest", "failed")
    text = render([("daytwo_requests_total", one, [1.0]), ("daytwo_ready", (), [1.0]),
                   ("daytwo_requests_total", two, [2.0])]).decode()  # fmt: skip
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line.partition("{")[0].partition(" ")[0] for line in lines] == ["daytwo_requests_total"] * 2 + [
        "daytwo_ready"
    ]
    assert text.count("# TYPE daytwo_requests_total") == 1


def test_names_of_models_are_escaped():
    hard = 'a "quoted"\\ name\nof two lines'
    [name] = parsed(("daytwo_rows_total", (hard, "1"), [3.0]))
    assert name == f"daytwo_rows_total model={hard} version=1"


def test_what_is_not_in_the_catalogue_is_not_told():
    with pytest.raises(KeyError, match="daytwo_secret_total"):
        render([("daytwo_secret_total", (), [1.0])])


def test_a_histogram_with_other_buckets_is_not_told():
    with pytest.raises(ValueError, match="zip"):
        render([("daytwo_batch_rows", ("iris", "1"), [1.0, 2.0])])


def test_nothing_is_an_empty_page():
    assert render([]) == b""
    assert CONTENT_TYPE.startswith("text/plain; version=")


def test_no_series_comes_from_a_registry_of_the_process():
    assert b"python_info" not in render([("daytwo_ready", (), [1.0])])
