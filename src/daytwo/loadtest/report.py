"""A load test as a value: what was loaded, how, what came of it, and what that means, in words too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daytwo.loadtest.stages import Result
from daytwo.loadtest.verdict import ENOUGH, HEADROOM, Verdict, Wanted

#: Cores used by others from which on their use is worth a word.
_NOISE = 0.3
#: Rows a second of large requests, over those of single ones, from which on large ones are worth a word.
_GAIN = 1.3


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how it was measured.

    target:      the reference or the URL
    url:         where requests went
    started:     whether the server was started for this, and so was this command's own
    workers:     of the server that were ready; None where it does not say
    clients:     client processes
    local:       whether client and server shared this machine
    cores:       of this machine that this process may use
    verified:    rows of the bundle's examples that came out as when packed; None where there is no bundle
    rows:        where the rows came from, in words
    when:        ISO 8601, UTC
    versions:    of what matters, by name
    """

    target: str
    url: str
    started: bool
    workers: int | None
    clients: int
    local: bool
    cores: int
    verified: int | None
    rows: str
    when: str
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Report:
    """All of it.

    ended: why it ended before its time, in words; empty where it did not
    interrupted: whether somebody ended it
    """

    setting: Setting
    wanted: Wanted
    results: tuple[Result, ...]
    verdict: Verdict
    ended: str = ""
    interrupted: bool = False

    def of(self, kind: str) -> list[Result]:
        """The results of one kind of stage, in order of the load."""
        return sorted((r for r in self.results if r.stage.kind == kind), key=lambda r: r.stage.rate or 0.0)

    @property
    def sentences(self) -> list[str]:
        """What it means, one thought each."""
        return [*_findings(self), *_advice(self), *_caveats(self)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "setting": self.setting.to_json(),
            "wanted": {"rate": self.wanted.rate, "p99_s": self.wanted.p99_s},
            "verdict": self.verdict.to_json(),
            "sentences": self.sentences,
            "stages": [result.to_json() for result in self.results],
            "ended": self.ended or None,
            "interrupted": self.interrupted,
        }


def duration(value_s: float) -> str:
    """A latency, three digits.

    >>> duration(0.000123), duration(0.0123), duration(2.5)
    ('123 µs', '12.3 ms', '2.50 s')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value_s >= scale * 0.9995:
            return f"{_digits(value_s / scale)} {unit}"
    return f"{value_s * 1e6:.0f} µs" if value_s == value_s else "–"


def short_duration(value_s: float) -> str:
    """A round latency, as it stands on an axis.

    >>> short_duration(0.0005), short_duration(0.02), short_duration(3.0)
    ('500 µs', '20 ms', '3 s')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms")):
        if value_s >= scale * 0.999:
            return f"{value_s / scale:.3g} {unit}"
    return f"{value_s * 1e6:.3g} µs"


def per_second(value: float) -> str:
    """A rate, three digits or whole.

    >>> per_second(21873.4), per_second(94.61), per_second(0.5), per_second(0)
    ('21,873', '94.6', '0.50', '0')
    """
    return _digits(value) if value else "0"


def _digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _findings(report: Report) -> Iterator[str]:
    verdict, wanted = report.verdict, report.wanted
    if verdict.knee_connections is not None:
        many = "connection" if verdict.knee_connections == 1 else "connections"
        yield (
            f"The knee is at {verdict.knee_connections} {many}: from there on throughput gains little"
            f" (its peak is {per_second(verdict.peak_per_s)} requests/s), and more callers only wait longer."
        )
    batches = report.of("batch")
    if batches and verdict.best_rows_per_s is not None and verdict.best_rows_per_s < _GAIN * batches[0].rows_per_s:
        yield f"Many rows in one request are no faster than as many requests: {per_second(verdict.best_rows_per_s)} rows/s."
    elif verdict.best_rows is not None and verdict.best_rows_per_s is not None:
        yield (
            f"Many rows in one request reach {per_second(verdict.best_rows_per_s)} rows/s;"
            f" {verdict.best_rows:,} a request are enough for nine tenths of that."
        )
    within = "" if wanted.p99_s is None else f" with a p99 within {duration(wanted.p99_s)}"
    if verdict.capacity_per_s:
        assert verdict.capacity_p99_s is not None
        yield (
            f"The capacity is {per_second(verdict.capacity_per_s)} requests/s arriving at random{within}:"
            f" every request was answered, with a p99 of {duration(verdict.capacity_p99_s)}."
        )
    elif verdict.capacity_per_s == 0:
        lowest = min(result.stage.rate or 0.0 for result in report.of("open"))
        yield f"Not even {per_second(lowest)} requests/s arriving at random were all answered{within}."


def _advice(report: Report) -> Iterator[str]:
    verdict, wanted, setting = report.verdict, report.wanted, report.setting
    if not verdict.capacity_per_s or verdict.safe_per_s is None:
        return
    measured = "this server" if setting.workers is None else f"a replica with {_count(setting.workers, 'worker')}"
    if wanted.rate is None:
        yield f"Plan with {per_second(verdict.safe_per_s)} requests/s for {measured}: {HEADROOM:.0%} of its capacity."
    elif verdict.workers is not None and verdict.replicas is not None and setting.workers:
        each = verdict.capacity_per_s / setting.workers
        yield (
            f"For {per_second(wanted.rate)} requests/s run {_count(verdict.replicas, 'replica')} with"
            f" --workers {verdict.workers}: a worker bears {per_second(each)}, of which {HEADROOM:.0%} are planned with."
        )
        if verdict.workers > setting.workers:
            yield f"That workers add up was not measured: run this again with --workers {verdict.workers}."
    else:
        replicas = -(-wanted.rate // verdict.safe_per_s)
        yield f"For {per_second(wanted.rate)} requests/s run {_count(int(replicas), 'server')} like this one."
    if verdict.max_rows is not None:
        why = "larger requests are no faster" if wanted.p99_s is None else "they leave others half of the wanted p99"
        yield f"Send, and allow with --max-rows, up to {_count(verdict.max_rows, 'row')} in one request: {why}."


def _caveats(report: Report) -> Iterator[str]:
    setting, verdict = report.setting, report.verdict
    peak = max(report.of("ramp"), key=lambda r: r.per_s, default=None)
    if verdict.client_limited:
        yield (
            "The load generator was the limit, or late, in some stages (marked *), and the server may bear more than was"
            " seen: give it more processes with --clients, or a machine of its own."
        )
    others = max((result.other_cpu or 0.0 for result in report.results), default=0.0)
    if others > _NOISE:
        yield (
            f"Other processes used up to {others:.1f} of this machine's cores meanwhile, which shows in the latencies:"
            " run it again when it is quiet."
        )
    if setting.local:
        yield (
            f"Client and server shared this machine's {_count(setting.cores, 'core')}: a server with cores of its own"
            " is faster than this."
        )
    if peak and setting.workers and peak.server_cpu is not None and peak.server_cpu < 0.5 * setting.workers:
        used = f"{peak.server_cpu:.1f} of {_count(setting.workers, 'core')}"
        if not verdict.client_limited and others <= _NOISE:
            yield f"At its peak the server used {used} only: it waits for something else, such as a disk, a GPU or a lock."
    few = max((result.tally.latencies.count for result in report.of("open")), default=ENOUGH)
    if few < ENOUGH:
        yield f"No stage had more than {few} answers, too few for a p99: give it longer with --duration."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
