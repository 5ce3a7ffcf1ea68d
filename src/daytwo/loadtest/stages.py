"""A stage of load, and what came of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from daytwo.loadtest.latencies import Latencies

Kind = Literal["ramp", "batch", "open"]
#: The quantiles that are reported.
QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}

#: From this share of one core on, a client has no time to spare, and what it measures is also itself.
BUSY_CLIENT = 0.9
#: A client that sends this late, against the latency it reports, has added to it.
_LATE_SHARE = 0.3
_LATE_S = 0.001
#: A queue that takes longer than this share of the stage to clear was growing, but for two latencies of an idle server.
_LEFT = 0.05


@dataclass(frozen=True, slots=True)
class Stage:
    """One kind of load for some seconds.

    kind:        ``ramp`` and ``batch`` send the next request when the last is answered (closed loop); ``open`` sends at
                 the times of a Poisson process, whatever the answers do
    connections: kept alive; those of an open stage are a limit
    rows:        in each request
    rate:        of an open stage, requests a second
    """

    kind: Kind
    connections: int
    duration_s: float
    rows: int = 1
    rate: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {"kind": self.kind, "connections": self.connections, "duration_s": self.duration_s, "rows": self.rows,
                "rate": self.rate}  # fmt: skip

    def share(self, number: int, of: int) -> Stage:
        """The part of this stage that client ``number`` of ``of`` carries."""
        own = self.connections // of + (number < self.connections % of)
        return replace(self, connections=own, rate=None if self.rate is None else self.rate / of)


@dataclass(frozen=True, slots=True)
class Tally:
    """What one client saw of a stage.

    elapsed_s:  from its first request to its last answer
    statuses:   answers by status; 503 counts as ``rejected`` instead where it says when to try again
    lost:       requests whose connection was closed or refused before an answer came
    unanswered: requests that were still waiting when the client gave up; their age is among the latencies
    reconnects: connections that were opened again
    latencies:  of answers with status 200, from when they were meant to be sent
    lateness:   of an open stage: how long after that the client came to send them, its own fault alone: a request that
                then waits for a free connection waits for the server
    cpu:        of a core, that the client itself used
    """

    elapsed_s: float
    statuses: Mapping[int, int] = field(default_factory=dict)
    rejected: int = 0
    lost: int = 0
    unanswered: int = 0
    reconnects: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    lateness: Latencies = field(default_factory=Latencies)
    cpu: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            max(self.elapsed_s, other.elapsed_s),
            dict(Counter(self.statuses) + Counter(other.statuses)),
            self.rejected + other.rejected,
            self.lost + other.lost,
            self.unanswered + other.unanswered,
            self.reconnects + other.reconnects,
            self.latencies + other.latencies,
            self.lateness + other.lateness,
            max(self.cpu, other.cpu),
        )

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "elapsed_s": self.elapsed_s, "statuses": {str(s): n for s, n in sorted(self.statuses.items())},
            "rejected": self.rejected, "lost": self.lost, "unanswered": self.unanswered,
            "reconnects": self.reconnects, "latencies": self.latencies.to_json(),
            "lateness": self.lateness.to_json(), "cpu": self.cpu,
        }  # fmt: skip

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Tally:
        """The inverse of :meth:`to_json`."""
        plain = dict(document)
        plain["statuses"] = {int(status): count for status, count in document["statuses"].items()}
        for name in ("latencies", "lateness"):
            plain[name] = Latencies.from_json(document[name])
        return cls(**plain)


@dataclass(frozen=True, slots=True)
class Result:
    """A stage with its tally, over all clients.

    server_cpu: cores that the server used meanwhile; None where that cannot be known
    other_cpu:  cores of this machine that neither the server nor the clients used, but somebody; likewise
    """

    stage: Stage
    tally: Tally
    server_cpu: float | None = None
    other_cpu: float | None = None

    @property
    def ok(self) -> int:
        """Answers with status 200."""
        return self.tally.statuses.get(200, 0)

    @property
    def per_s(self) -> float:
        """Requests answered with 200, a second."""
        return self.ok / self.tally.elapsed_s if self.tally.elapsed_s else 0.0

    @property
    def rows_per_s(self) -> float:
        """Rows answered, a second."""
        return self.per_s * self.stage.rows

    @property
    def timed_out(self) -> int:
        """Answers that said that it took too long."""
        return self.tally.statuses.get(504, 0)

    @property
    def errors(self) -> int:
        """Whatever else went wrong: other statuses, connections lost, requests without an answer."""
        others = sum(count for status, count in self.tally.statuses.items() if status not in (200, 504))
        return others + self.tally.lost + self.tally.unanswered

    @property
    def failures(self) -> int:
        """Requests that were not answered with a prediction, whatever the reason."""
        return self.errors + self.tally.rejected + self.timed_out

    def latency(self, q: float) -> float:
        """The quantile ``q`` of the latencies, seconds."""
        return self.tally.latencies.quantile(q)

    @property
    def client_limited(self) -> bool:
        """Whether the client had no time to spare, or sent so late that its lateness is much of the latency."""
        late_s = self.tally.lateness.quantile(0.99) if self.tally.lateness.count else 0.0
        return self.tally.cpu >= BUSY_CLIENT or late_s > max(_LATE_S, _LATE_SHARE * self.latency(0.99))

    @property
    def keeps_up(self) -> bool:
        """Of an open stage: whether every request was answered with a prediction, and no queue was left at the end."""
        left_s = self.tally.elapsed_s - self.stage.duration_s
        return self.failures == 0 and self.ok > 0 and left_s <= _LEFT * self.stage.duration_s + 2 * self.latency(0.1)

    def to_json(self) -> dict[str, Any]:
        """As plain values; seconds, and None where there is nothing to say."""
        tally = self.tally
        known = {name: self.latency(q) for name, q in QUANTILES.items()} if tally.latencies.count else {}
        return {
            **self.stage.to_json(), "elapsed_s": tally.elapsed_s, "ok": self.ok, "requests_per_s": self.per_s,
            "rows_per_s": self.rows_per_s, "rejected": tally.rejected, "timed_out": self.timed_out,
            "errors": self.errors, "lost": tally.lost, "unanswered": tally.unanswered, "reconnects": tally.reconnects,
            "statuses": {str(status): count for status, count in sorted(tally.statuses.items())},
            "latency_s": {name: None if math.isnan(value) else value for name, value in known.items()},
            "mean_s": tally.latencies.mean_s, "max_s": tally.latencies.max_s,
            "send_lateness_p99_s": tally.lateness.quantile(0.99), "client_cpu": tally.cpu,
            "client_limited": self.client_limited, "server_cpu": self.server_cpu,
            "other_cpu": self.other_cpu,
            "histogram": tally.latencies.to_json(),
        }  # fmt: skip
