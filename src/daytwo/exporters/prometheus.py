"""The Prometheus text format, by way of prometheus_client and without its global registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from daytwo.metrics import BY_NAME, Metric

CONTENT_TYPE = CONTENT_TYPE_LATEST

#: One series: the metric's name, its label values, its numbers (one; a histogram: bucket counts, +Inf, the sum).
Sample = tuple[str, tuple[str, ...], Sequence[float]]


def render(samples: Iterable[Sample]) -> bytes:
    """``samples`` of catalogue metrics as text; series of one metric stand together, in order of first appearance."""
    families: dict[str, Family] = {}
    for name, labels, numbers in samples:
        metric = BY_NAME[name]
        family = families.get(name)
        if family is None:
            family = families[name] = _family(metric)
        _add(family, metric, labels, numbers)
    return generate_latest(_Families(families.values()))


class _Families(Collector):
    """What generate_latest wants of a registry: collect()."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _family(metric: Metric) -> Family:
    kind = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}[metric.kind]
    family: Family = kind(metric.name, metric.help, labels=metric.labels)
    return family


def _add(family: Family, metric: Metric, labels: tuple[str, ...], numbers: Sequence[float]) -> None:
    if isinstance(family, HistogramMetricFamily):
        counts, running = [], 0.0
        for bound, count in zip([*map(str, metric.buckets), "+Inf"], numbers[:-1], strict=True):
            running += count
            counts.append((bound, running))
        family.add_metric(labels, buckets=counts, sum_value=numbers[-1])
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily):
        family.add_metric(labels, numbers[0])
