"""Joins waiting requests into one Batch. No timers.

An idle model gets what is there at once; while it is busy, what arrives forms the next batch, so batches grow with
load by themselves. A model that costs little against handing work to a thread runs on the event loop, over everything
that became ready in the same turn of it; a slower one runs in lanes, which are threads: one that calls a model that
releases the GIL, or several that each wait for a process of its own (see :mod:`daytwo.serving.processes`).

What a batch costs is measured all the time. It decides how many rows one batch may have, where it runs, and which
requests are refused at once, because their answer would come too late.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from time import perf_counter

from daytwo.batch import Batch
from daytwo.errors import DaytwoError, Overloaded, PredictionFailed, TimedOut
from daytwo.serving.cost import Cost
from daytwo.serving.instruments import Counter, Histogram
from daytwo.serving.tickets import Answered, Piece, Queue, Ticket

log = logging.getLogger("daytwo.serving")

Run = Callable[[Batch], Batch]
#: Of each piece of a batch: its outputs, why there are none, or None where nobody waits for them any more.
Outputs = list[Batch | DaytwoError | None]

#: A batch may take this long, or a quarter of the time that a request may take, or a few times as long as one row:
#: more rows would gain nothing, and whoever comes next would wait for them.
_BATCH_S = 0.025
_BATCH_ROWS_S = 4.0
#: A request is admitted where the time it is expected to take, and this much more, is left.
_DOUBT = 1.25
#: After so many batches the plan for the next is made anew.
_PLAN_EVERY = 16
#: Of so many requests to a trivial model the cost of one is learnt from: learning takes a good part of its time.
_LEARN_EVERY = 4
#: A model that takes so long on the event loop is learnt from each time.
_SLOW_S = 0.0005
#: How exactly those whose time is up are told.
_PATIENCE_S = 0.005


@dataclass(slots=True)
class Gauges:
    """What the batcher counts."""

    queue_depth: Counter
    queue_s: Histogram
    predict_s: Histogram
    batch_rows: Histogram
    rows: Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a batcher keeps to.

    max_batch_rows, max_batch_bytes: of one batch; what is larger is split, and its outputs are joined again
    max_queue_rows, max_queue_bytes: of what waits; more is refused
    timeout_s:                       how long a request may take; its caller may want less
    """

    max_batch_rows: int = 8192
    max_batch_bytes: int = 64 << 20
    max_queue_rows: int = 1_000_000
    max_queue_bytes: int = 512 << 20
    timeout_s: float = 30.0


@dataclass(slots=True, eq=False)
class _Job:
    """A batch in a lane, and when it should be done."""

    pieces: list[Piece]
    until: float


class Batcher:
    """One model's queue and its lanes, on one event loop.

    run:   the model; called with a Batch of rows in order of arrival, by as many threads at once as there are lanes
    cost:  what a batch costs, kept up to date
    lanes: how many batches may run at once
    inline: whether the model may be asked on the event loop; not where it has to be waited for
    """

    def __init__(
        self,
        run: Run,
        cost: Cost,
        gauges: Gauges,
        limits: Limits | None = None,
        *,
        lanes: int = 1,
        inline: bool = True,
    ) -> None:
        self._run = run
        self._cost = cost
        self._gauges = gauges
        self._limits = limits or Limits()
        self._lanes = lanes
        self._inline = inline
        self._queue = Queue()
        self._jobs: list[_Job] = []
        self._plan()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._executor: ThreadPoolExecutor | None = None

    @property
    def queued_rows(self) -> int:
        """Rows waiting for the model."""
        return self._queue.rows

    @property
    def busy(self) -> bool:
        """Whether the model is at work in a lane."""
        return bool(self._jobs)

    def consider(self, timeout_s: float | None = None) -> None:
        """Raise Overloaded where not even one row more would be answered in time; cheaper than reading the request."""
        if self._queue.rows:
            self._admit(1, 0, self._patience(timeout_s))

    def submit(
        self, batch: Batch, answered: Answered, timeout_s: float | None = None, since: float | None = None
    ) -> Ticket | None:
        """Have ``answered`` called with the outputs for ``batch``, which has at least one row.

        A model that costs less than joining its requests would is asked here and now, and None is returned.

        timeout_s: how long the caller waits, if not as long as it may
        since:     from when on (of ``time.perf_counter``), if not from now

        Raises Overloaded at once where an answer would come too late.
        """
        if batch.rows <= self._trivial_rows and not self._queue and not self._jobs:
            self._answer_now(batch, answered)
            return None
        now = perf_counter()
        asked = now if since is None else since
        deadline = asked + self._patience(timeout_s)
        self._admit(batch.rows, batch.nbytes, deadline - now)
        ticket = Ticket(batch, answered, asked, now, deadline)
        self._queue.add(ticket)
        self._gauges.queue_depth.set(self._queue.rows)
        self._watch(deadline - now)
        self._schedule()
        return ticket

    def leave(self, ticket: Ticket) -> bool:
        """The caller is gone: nothing more need be computed, and nobody is told. False where it was told already."""
        if ticket.done:
            return False
        ticket.done = True
        self._queue.drop(ticket)
        self._gauges.queue_depth.set(self._queue.rows)
        return True

    def close(self) -> None:
        """Let go of the lanes. What they are running finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    # -- who may wait ------------------------------------------------------------------------------------------------

    def _patience(self, timeout_s: float | None) -> float:
        return self._limits.timeout_s if timeout_s is None else min(timeout_s, self._limits.timeout_s)

    def _admit(self, rows: int, nbytes: int, patience_s: float) -> None:
        queue, limits = self._queue, self._limits
        if queue.rows and (queue.rows + rows > limits.max_queue_rows or queue.nbytes + nbytes > limits.max_queue_bytes):
            raise Overloaded("queue_full", f"{queue.rows:,} rows are waiting", self._waiting_s(0))
        if not self._jobs and queue.rows + rows <= self._most and self._most_s * _DOUBT < patience_s:
            return  # as it mostly is: one batch, and time enough
        # An idle model is asked though it is thought too slow: how else would it be learnt that it no longer is?
        if (queue.rows or self._jobs) and self._waiting_s(rows) * _DOUBT > patience_s:
            raise Overloaded("deadline", f"an answer would take over {patience_s:.3g} s", self._waiting_s(0))

    def _waiting_s(self, rows: int) -> float:
        """Seconds until ``rows`` more will have been answered, by the measured cost of what is before them.

        A request of more than a batch takes turns with the others, so it delays a small one by a batch only. A batch that
        takes longer than it should is expected to take as long again. The lanes that are free soonest share the work.
        """
        most = self._most
        before = self._queue.turns(most) if rows <= most else self._queue.rows
        whole, rest = divmod(before + rows, most)
        work_s = whole * self._cost.of(most) + (self._cost.of(rest) if rest else 0.0)
        now = perf_counter()
        ends_s = sorted([abs(job.until - now) for job in self._jobs] + [0.0] * (self._lanes - len(self._jobs)))
        return min((busy_s + work_s) / lanes for lanes, busy_s in enumerate(accumulate(ends_s), 1))

    def _plan(self) -> None:
        """How many rows a batch may have, how long that takes, and up to how many are not worth joining, by what has
        been learnt.
        """
        limits = self._limits
        seconds = max(min(_BATCH_S, limits.timeout_s / 4), _BATCH_ROWS_S * self._cost.of(1))
        self._most = self._cost.rows_within(seconds, limits.max_batch_rows)
        self._most_s = self._cost.of(self._most)
        self._trivial_rows = self._cost.trivial_rows(limits.max_batch_rows) if self._inline else 0
        self._planned = _PLAN_EVERY

    # -- running -----------------------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled and self._queue and len(self._jobs) < self._lanes:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        """Give every free lane its batch; or run one here, and let others have the loop before the next."""
        self._scheduled = False
        try:
            while len(self._jobs) < self._lanes and (pieces := self._take()):
                rows = sum(piece.batch.rows for piece in pieces)
                if self._inline and not self._jobs and self._cost.inline(rows):
                    self._tell(pieces, *self._outputs(pieces))
                    break
                self._hand_over(pieces, rows)
        finally:
            self._schedule()

    def _take(self) -> list[Piece]:
        """The pieces of the next batch, of those who still wait."""
        while pieces := self._take_any():
            if waited := [piece for piece in pieces if not piece.ticket.done]:
                return waited
        return []

    def _take_any(self) -> list[Piece]:
        """The pieces of the next batch; those whose time is up are told. Free lanes share what there is."""
        self._planned -= 1
        if self._planned < 0:
            self._plan()
        most = self._most
        free = self._lanes - len(self._jobs)
        if free > 1:
            most = min(most, ceil(self._queue.rows / free)) or 1
        pieces = self._queue.take(most, self._limits.max_batch_bytes)
        now = perf_counter()
        for piece in pieces:
            if now > piece.ticket.deadline:
                self._tell_one(piece.ticket, self._timed_out(piece.ticket))
            elif piece.start == 0:
                self._gauges.queue_s.observe(now - piece.ticket.since)
        self._gauges.queue_depth.set(self._queue.rows)
        return pieces

    def _hand_over(self, pieces: list[Piece], rows: int) -> None:
        """Run a batch in a lane."""
        job = _Job(pieces, perf_counter() + self._cost.of(rows))
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self._lanes, "daytwo-model")
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, self._outputs, pieces)
        self._jobs.append(job)
        done.add_done_callback(lambda future: self._finish(job, future))

    def _finish(self, job: _Job, done: asyncio.Future[tuple[Outputs, float]]) -> None:
        self._jobs.remove(job)
        try:
            if not done.cancelled():
                self._tell(job.pieces, *done.result())
        finally:
            self._schedule()

    def _outputs(self, pieces: Sequence[Piece]) -> tuple[Outputs, float]:
        """Outputs per piece, and the seconds they took. May run in a thread: changes nothing that others see."""
        start = perf_counter()
        outputs = self._joined(pieces)
        return outputs, perf_counter() - start

    def _joined(self, pieces: Sequence[Piece]) -> Outputs:
        try:
            outputs = self._run(Batch.stack([piece.batch for piece in pieces]))
            if len(pieces) == 1 and outputs.rows == pieces[0].batch.rows:
                return [outputs]
            return [*outputs.split([piece.batch.rows for piece in pieces])]
        except BaseException as error:  # noqa: BLE001  a model may raise anything, a Rust panic too; its callers are told
            if len(pieces) == 1:
                return [_deliberate(error)]
        # One of them is poisoned: each alone, so that only that one fails.
        return [None if piece.ticket.done else self._joined([piece])[0] for piece in pieces]

    def _answer_now(self, batch: Batch, answered: Answered) -> None:
        """The whole of it, for a model that costs next to nothing and is idle."""
        start = perf_counter()
        try:
            outputs: Batch | DaytwoError = self._run(batch)
        except BaseException as error:  # noqa: BLE001  as above
            outputs = _deliberate(error)
        gauges = self._gauges
        gauges.queue_s.observe_nothing()
        seconds = perf_counter() - start
        self._planned -= 1
        slow = seconds > _SLOW_S  # it was thought to be trivial
        answers = isinstance(outputs, Batch)
        self._measured(batch.rows, seconds, learn=answers and (slow or not self._planned % _LEARN_EVERY))
        if slow or self._planned < 0:
            self._plan()
        if answers:
            gauges.rows.add(batch.rows)
        _call(answered, outputs)

    # -- telling -----------------------------------------------------------------------------------------------------

    def _tell(self, pieces: Sequence[Piece], outputs: Outputs, seconds: float) -> None:
        good = sum(output.rows for output in outputs if isinstance(output, Batch))
        rows = sum(piece.batch.rows for piece in pieces)
        self._measured(rows, seconds, learn=good == rows)
        self._gauges.rows.add(good)
        for piece, output in zip(pieces, outputs, strict=True):
            ticket = piece.ticket
            if ticket.done or output is None:
                continue
            whole = ticket.gather(piece, output) if isinstance(output, Batch) else output
            if whole is not None:
                self._tell_one(ticket, whole)

    def _measured(self, rows: int, seconds: float, *, learn: bool) -> None:
        if learn:  # one that failed may have stopped early, or been run twice
            self._cost.learn(rows, seconds)
        self._gauges.predict_s.observe(seconds)
        self._gauges.batch_rows.observe(rows)

    def _tell_one(self, ticket: Ticket, output: Batch | DaytwoError) -> None:
        answered = ticket.answered
        self.leave(ticket)
        _call(answered, output)

    def _watch(self, seconds: float) -> None:
        """See to it that whoever waits is told when ``seconds`` are over, though the model is at work."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(seconds, _PATIENCE_S)
        if self._timer is None or when + _PATIENCE_S < self._timer.when():
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(when, self._expire)

    def _expire(self) -> None:
        """Tell those whose time is up, the ones in the model included; look again when the next one's is."""
        self._timer = None
        now, earliest = perf_counter(), float("inf")
        waiting = [piece.ticket for job in self._jobs for piece in job.pieces] + [*self._queue]
        for ticket in waiting:
            if ticket.done:
                continue
            if now >= ticket.deadline:
                self._tell_one(ticket, self._timed_out(ticket))
            else:
                earliest = min(earliest, ticket.deadline)
        if earliest < float("inf"):
            self._watch(earliest - now)

    def _timed_out(self, ticket: Ticket) -> TimedOut:
        return TimedOut(round(ticket.deadline - ticket.asked, 6))


def _deliberate(error: BaseException) -> DaytwoError:
    return error if isinstance(error, DaytwoError) else PredictionFailed("the model", error)


def _call(answered: Answered, output: Batch | DaytwoError) -> None:
    try:
        answered(output)
    except Exception:
        log.exception("an answer could not be given")
