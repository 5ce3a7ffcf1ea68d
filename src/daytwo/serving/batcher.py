"""Joins waiting requests into one Batch. No timers.

An idle model gets what is there at once; while it is busy, what arrives forms the next batch, so batches grow with
load by themselves. A model that costs little against handing work to a thread runs on the event loop, over everything
that became ready in the same turn of it; a slower one runs in a thread, where it releases the GIL.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from daytwo.batch import Batch
from daytwo.errors import DaytwoError, Overloaded, PredictionFailed, TimedOut
from daytwo.serving.cost import Cost
from daytwo.serving.instruments import Counter, Histogram

log = logging.getLogger("daytwo.serving")

Run = Callable[[Batch], Batch]
#: Told once: the outputs for a request's rows, or why there are none.
Answered = Callable[[Batch | DaytwoError], None]


@dataclass(slots=True)
class Gauges:
    """What the batcher counts."""

    queue_depth: Counter
    queue_s: Histogram
    predict_s: Histogram
    batch_rows: Histogram
    rows: Counter


@dataclass(slots=True)
class Ticket:
    """A request that waits for the model."""

    batch: Batch
    answered: Answered
    since: float
    done: bool = False

    def leave(self) -> bool:
        """The caller is gone: nothing need be computed, and nobody is told. False where it was told already."""
        left, self.done = not self.done, True
        return left


class Batcher:
    """One model's queue and its executor, on one event loop.

    run:            the model; called with a Batch of whole requests, in order of arrival
    cost:           what a batch costs, kept up to date
    max_batch_rows: requests are joined up to this many rows; a single larger request goes alone
    max_batch_bytes: likewise in bytes
    max_queue_rows: more waiting rows than this are refused
    timeout_s:      a request that cannot be answered within it is refused at once
    """

    def __init__(
        self,
        run: Run,
        cost: Cost,
        gauges: Gauges,
        *,
        max_batch_rows: int = 1024,
        max_batch_bytes: int = 64 << 20,
        max_queue_rows: int = 65_536,
        timeout_s: float = 30.0,
    ) -> None:
        self._run = run
        self._cost = cost
        self._gauges = gauges
        self._max_rows = max_batch_rows
        self._max_bytes = max_batch_bytes
        self._max_queue_rows = max_queue_rows
        self._timeout_s = timeout_s
        self._queue: deque[Ticket] = deque()
        self._queued_rows = 0
        self._scheduled = False
        self._busy_until = 0.0
        self._running: list[Ticket] = []
        self._timer: asyncio.TimerHandle | None = None
        self._patience_s = min(0.25, timeout_s / 4)
        self._executor: ThreadPoolExecutor | None = None

    @property
    def queued_rows(self) -> int:
        """Rows waiting for the model."""
        return self._queued_rows

    @property
    def busy(self) -> bool:
        """Whether the model is at work in its thread."""
        return bool(self._running)

    def submit(self, batch: Batch, answered: Answered) -> Ticket | None:
        """Have ``answered`` called with the outputs for ``batch``.

        A model that costs less than joining its requests would is asked here and now, and None is returned. Raises
        Overloaded at once where an answer would come too late.
        """
        if not self._scheduled and self._cost.trivial(batch.rows):
            self._gauges.queue_s.observe(0.0)
            self._answer([Ticket(batch, answered, perf_counter())])
            return None
        self._admit(batch.rows)
        ticket = Ticket(batch, answered, perf_counter())
        self._queue.append(ticket)
        self._queued_rows += batch.rows
        self._gauges.queue_depth.set(self._queued_rows)
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._dispatch)
        return ticket

    def close(self) -> None:
        """Let go of the thread. What it is running finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    def _admit(self, rows: int) -> None:
        waiting = self._queued_rows + rows
        if self._queued_rows and waiting > self._max_queue_rows:
            raise Overloaded("queue_full", f"{self._queued_rows:,} rows are waiting", self._drained_in())
        if self._scheduled and self._drained_in() > self._timeout_s:
            raise Overloaded("deadline", f"an answer would take over {self._timeout_s:g} s", self._drained_in())

    def _drained_in(self) -> float:
        """Seconds until what waits now will have been answered, by the measured cost.

        A batch that takes longer than it should is expected to take as long again.
        """
        whole, rest = divmod(self._queued_rows, self._max_rows)
        running = abs(self._busy_until - perf_counter()) if self._running else 0.0
        return running + whole * self._cost.of(self._max_rows) + (self._cost.of(rest) if rest else 0.0)

    def _dispatch(self) -> None:
        """Take the next batch and run it: here, or in the thread. Called with nothing running."""
        taken = self._take()
        rows = sum(ticket.batch.rows for ticket in taken)
        if not taken or self._cost.inline(rows):
            try:
                self._answer(taken)
            finally:
                self._again()
            return
        self._running = taken
        self._busy_until = perf_counter() + self._cost.of(rows)
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "daytwo-model")
        loop = asyncio.get_running_loop()
        done = loop.run_in_executor(self._executor, self._outputs, taken)
        done.add_done_callback(lambda future: self._finish(taken, future))
        self._timer = self._timer or loop.call_later(self._patience_s, self._expire)

    def _finish(self, taken: Sequence[Ticket], done: asyncio.Future[tuple[list[Batch | DaytwoError], float]]) -> None:
        self._running = []
        try:
            if not done.cancelled():
                self._tell(taken, *done.result())
        finally:
            self._again()

    def _expire(self) -> None:
        """Tell those whose time is up, the ones in the model included; look again while the model is at work."""
        now = perf_counter()
        for ticket in (*self._running, *self._queue):
            if now - ticket.since <= self._timeout_s:
                break  # they stand in the order of their arrival
            if not ticket.done:
                self._tell_one(ticket, TimedOut(self._timeout_s))
        busy = bool(self._running)
        self._timer = asyncio.get_running_loop().call_later(self._patience_s, self._expire) if busy else None

    def _again(self) -> None:
        if self._queue:
            asyncio.get_running_loop().call_soon(self._dispatch)
        else:
            self._scheduled = False

    def _take(self) -> list[Ticket]:
        """The requests of the next batch: as many as fit, in order. Those whose caller left are dropped."""
        taken: list[Ticket] = []
        rows = size = 0
        now = perf_counter()
        while self._queue:
            ticket = self._queue[0]
            batch = ticket.batch
            if taken and (rows + batch.rows > self._max_rows or size + batch.nbytes > self._max_bytes):
                break
            self._queue.popleft()
            self._queued_rows -= batch.rows
            if ticket.done:
                continue
            if now - ticket.since > self._timeout_s:
                self._tell_one(ticket, TimedOut(self._timeout_s))
                continue
            self._gauges.queue_s.observe(now - ticket.since)
            taken.append(ticket)
            rows += batch.rows
            size += batch.nbytes
        self._gauges.queue_depth.set(self._queued_rows)
        return taken

    def _answer(self, taken: Sequence[Ticket]) -> None:
        """Run and tell, here."""
        if taken:
            self._tell(taken, *self._outputs(taken))

    def _outputs(self, taken: Sequence[Ticket]) -> tuple[list[Batch | DaytwoError], float]:
        """Outputs per request, and the seconds they took. May run in a thread: touches nothing that others do."""
        start = perf_counter()
        outputs = self._joined(taken)
        return outputs, perf_counter() - start

    def _joined(self, taken: Sequence[Ticket]) -> list[Batch | DaytwoError]:
        try:
            outputs = self._run(Batch.stack([ticket.batch for ticket in taken]))
            return [outputs] if len(taken) == 1 else [*outputs.split([ticket.batch.rows for ticket in taken])]
        except BaseException as error:  # noqa: BLE001  a model may raise anything, a Rust panic too; its callers are told
            if len(taken) == 1:
                return [error if isinstance(error, DaytwoError) else PredictionFailed("the model", error)]
        # One of them is poisoned: each alone, so that only that one fails.
        return [self._joined([ticket])[0] for ticket in taken]

    def _tell(self, taken: Sequence[Ticket], outputs: Sequence[Batch | DaytwoError], seconds: float) -> None:
        rows = sum(ticket.batch.rows for ticket in taken)
        self._cost.learn(rows, seconds)
        self._gauges.predict_s.observe(seconds)
        self._gauges.batch_rows.observe(rows)
        for ticket, output in zip(taken, outputs, strict=True):
            if isinstance(output, Batch):
                self._gauges.rows.add(output.rows)
            if not ticket.done:
                self._tell_one(ticket, output)

    def _tell_one(self, ticket: Ticket, output: Batch | DaytwoError) -> None:
        ticket.done = True
        try:
            ticket.answered(output)
        except Exception:
            log.exception("an answer could not be given")
