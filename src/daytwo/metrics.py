"""The catalogue of metrics: name, type, labels, buckets, help. Data only; no client library, no clock.

Every label has a closed set of values, fixed before the first request, so that no request can create a series.
Dashboards, alerts, the autoscaler's rule and the reference page read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: What became of a request.
OUTCOMES = ("ok", "invalid", "rejected", "failed", "left")
#: Why a request was refused before it reached the model.
REASONS = ("not_ready", "queue_full", "deadline", "body_too_large", "too_many_rows", "slow_body")
#: Where the time went.
STAGES = ("decode", "queue", "predict", "encode")
#: The doors of a model. ``rest`` is the native JSON dialect.
ROUTES = ("rest",)

#: Latency from 100 µs to 10 s in steps of 1, 2.5, 5, where service objectives tend to lie.
LATENCY_BUCKETS_S = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
#: Stages are shorter than requests: from 5 µs.
STAGE_BUCKETS_S = (0.000005, 0.000025, *LATENCY_BUCKETS_S)
BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0)

#: Labels whose values the server knows only when it has its models.
MODEL_LABELS = ("model", "version")
CLOSED_LABELS: Mapping[str, tuple[str, ...]] = {
    "outcome": OUTCOMES,
    "reason": REASONS,
    "route": ROUTES,
    "stage": STAGES,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    kind:    counter (only grows), gauge, or histogram
    labels:  in order; ``model`` and ``version`` take the served models, others a set of CLOSED_LABELS
    buckets: upper bounds of a histogram, +Inf left out
    scope:   ``request`` metrics are counted as requests pass; the rest is read when scraped
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    scope: Literal["request", "process", "container", "gpu", "info"] = "request"

    @property
    def width(self) -> int:
        """How many numbers one series holds: a histogram its buckets, +Inf and the sum; else one."""
        return len(self.buckets) + 2 if self.kind == "histogram" else 1


CATALOGUE: tuple[Metric, ...] = (
    Metric("daytwo_requests_total", "counter", "Requests answered, by outcome.", (*MODEL_LABELS, "route", "outcome")),
    Metric("daytwo_rows_total", "counter", "Rows predicted.", MODEL_LABELS),
    Metric(
        "daytwo_request_duration_seconds",
        "histogram",
        "Time from the request's body to its answer, seconds.",
        MODEL_LABELS,
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "daytwo_stage_duration_seconds",
        "histogram",
        "Time in each stage, seconds: decode and encode per request, queue per request, predict per batch.",
        (*MODEL_LABELS, "stage"),
        STAGE_BUCKETS_S,
    ),
    Metric("daytwo_batch_rows", "histogram", "Rows that went through the model together.", MODEL_LABELS, BATCH_BUCKETS),
    Metric("daytwo_queue_depth", "gauge", "Rows waiting for the model now.", MODEL_LABELS),
    Metric("daytwo_inflight_requests", "gauge", "Requests read and not yet answered now.", MODEL_LABELS),
    Metric("daytwo_rejected_total", "counter", "Requests refused before the model.", (*MODEL_LABELS, "reason")),
    Metric("daytwo_connections", "gauge", "Connections that are open now."),
    Metric("daytwo_ready", "gauge", "Workers that are ready now."),
    Metric("daytwo_worker_restarts_total", "counter", "Workers that died and were started again."),
    Metric("daytwo_process_cpu_seconds_total", "counter", "CPU time of a worker and its models' processes.",
           ("worker",), scope="process"),
    Metric("daytwo_process_resident_memory_bytes", "gauge", "Memory of a worker and its models' processes.", ("worker",),
           scope="process"),
    Metric("daytwo_process_threads", "gauge", "Threads of a worker and its models' processes.", ("worker",),
           scope="process"),
    Metric("daytwo_container_cpu_periods_total", "counter", "CPU quota periods of the container.", scope="container"),
    Metric("daytwo_container_cpu_throttled_periods_total", "counter", "Quota periods in which it was throttled.",
           scope="container"),
    Metric("daytwo_container_cpu_throttled_seconds_total", "counter", "Time it was throttled.", scope="container"),
    Metric("daytwo_container_memory_bytes", "gauge", "Memory used by the container.", scope="container"),
    Metric("daytwo_container_memory_limit_bytes", "gauge", "Memory limit of the container.", scope="container"),
    Metric("daytwo_gpu_utilization_ratio", "gauge", "Share of time the GPU was busy, 0 to 1.", ("gpu", "uuid"),
           scope="gpu"),
    Metric("daytwo_gpu_memory_used_bytes", "gauge", "GPU memory in use.", ("gpu", "uuid"), scope="gpu"),
    Metric("daytwo_gpu_memory_total_bytes", "gauge", "GPU memory there is.", ("gpu", "uuid"), scope="gpu"),
    Metric("daytwo_build_info", "gauge", "Always 1; the versions at work.", ("daytwo", "python"), scope="info"),
    Metric("daytwo_model_info", "gauge", "Always 1; what is served.", (*MODEL_LABELS, "task", "runtime", "digest"),
           scope="info"),
)  # fmt: skip

BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in CATALOGUE}
