"""Joins waiting requests into one Batch. No timers.

An idle model gets what is there at once; while it is busy, what arrives forms the next batch, so batches grow with
load by themselves. A model that costs little against handing work to a thread runs on the event loop, over everything
that became ready in the same turn of it; a slower one runs in a thread, where it releases the GIL.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter

from daytwo.batch import Batch
from daytwo.errors import DaytwoError, Overloaded, PredictionFailed
from daytwo.serving.cost import Cost
from daytwo.serving.instruments import Counter, Histogram

Run = Callable[[Batch], Batch]


@dataclass(slots=True)
class Gauges:
    """What the batcher counts."""

    queue_depth: Counter
    queue_s: Histogram
    predict_s: Histogram
    batch_rows: Histogram
    rows: Counter


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    answer: asyncio.Future[Batch]
    since: float


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
        self._queue: deque[_Waiting] = deque()
        self._queued_rows = 0
        self._scheduled = False
        self._busy_until = 0.0
        self._executor: ThreadPoolExecutor | None = None

    @property
    def queued_rows(self) -> int:
        """Rows waiting for the model."""
        return self._queued_rows

    def at_once(self, batch: Batch) -> Batch | None:
        """The outputs for ``batch``, computed here and now, where that is cheaper than waiting for company would be.

        None where it is not: then :meth:`submit`.
        """
        if self._scheduled or not self._cost.trivial(batch.rows):
            return None
        start = perf_counter()
        outputs = self._run(batch)
        self._measure(batch.rows, perf_counter() - start)
        return outputs

    def submit(self, batch: Batch) -> asyncio.Future[Batch]:
        """The outputs for ``batch``, to come. Raises Overloaded at once where they would come too late."""
        self._admit(batch.rows)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Batch] = loop.create_future()
        self._queue.append(_Waiting(batch, answer, perf_counter()))
        self._queued_rows += batch.rows
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._dispatch)
        return answer

    def close(self) -> None:
        """Let go of the thread. What it is running finishes."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)

    def _admit(self, rows: int) -> None:
        waiting = self._queued_rows + rows
        if self._queued_rows and waiting > self._max_queue_rows:
            raise Overloaded("queue_full", f"{self._queued_rows:,} rows are waiting", self._drained_in())
        if self._queued_rows and self._drained_in() > self._timeout_s:
            raise Overloaded("deadline", f"an answer would take over {self._timeout_s:g} s", self._drained_in())

    def _drained_in(self) -> float:
        """Seconds until what waits now will have been answered, by the measured cost."""
        whole, rest = divmod(self._queued_rows, self._max_rows)
        running = max(0.0, self._busy_until - perf_counter())
        return running + whole * self._cost.of(self._max_rows) + (self._cost.of(rest) if rest else 0.0)

    def _dispatch(self) -> None:
        """Take the next batch and run it: here, or in the thread. Called with nothing running."""
        taken = self._take()
        if not taken:
            self._scheduled = False
            return
        rows = sum(item.batch.rows for item in taken)
        if self._cost.inline(rows):
            try:
                self._answer(taken, *self._timed(taken))
            finally:
                self._again()
            return
        self._busy_until = perf_counter() + self._cost.of(rows)
        loop = asyncio.get_running_loop()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(1, "daytwo-model")
        done = loop.run_in_executor(self._executor, self._timed, taken)
        done.add_done_callback(lambda future: self._finish(taken, future))

    def _finish(
        self, taken: Sequence[_Waiting], future: asyncio.Future[tuple[list[Batch | DaytwoError], float]]
    ) -> None:
        try:
            self._answer(taken, *future.result())
        except asyncio.CancelledError:
            for item in taken:
                item.answer.cancel()
        finally:
            self._again()

    def _again(self) -> None:
        if self._queue:
            asyncio.get_running_loop().call_soon(self._dispatch)
        else:
            self._scheduled = False
        self._gauges.queue_depth.set(self._queued_rows)

    def _take(self) -> list[_Waiting]:
        """The requests of the next batch: as many as fit, in order. Those whose caller left are dropped."""
        taken: list[_Waiting] = []
        rows = size = 0
        now = perf_counter()
        while self._queue:
            item = self._queue[0]
            if taken and (rows + item.batch.rows > self._max_rows or size + item.batch.nbytes > self._max_bytes):
                break
            self._queue.popleft()
            self._queued_rows -= item.batch.rows
            if item.answer.done():
                continue
            if now - item.since > self._timeout_s:
                late = Overloaded("deadline", f"no answer within {self._timeout_s:g} s", self._drained_in())
                item.answer.set_exception(late)
                continue
            self._gauges.queue_s.observe(now - item.since)
            taken.append(item)
            rows += item.batch.rows
            size += item.batch.nbytes
        self._gauges.queue_depth.set(self._queued_rows)
        return taken

    def _timed(self, taken: Sequence[_Waiting]) -> tuple[list[Batch | DaytwoError], float]:
        """Outputs per request, and the seconds they took. May run in a thread: touches nothing that others do."""
        start = perf_counter()
        outputs = self._outputs(taken)
        return outputs, perf_counter() - start

    def _outputs(self, taken: Sequence[_Waiting]) -> list[Batch | DaytwoError]:
        try:
            joined = self._run(Batch.stack([item.batch for item in taken]))
            return [joined] if len(taken) == 1 else [*joined.split([item.batch.rows for item in taken])]
        except Exception as error:  # noqa: BLE001  a model may raise anything; its callers get it as an answer
            if len(taken) == 1:
                return [error if isinstance(error, DaytwoError) else PredictionFailed("the model", error)]
        # One of them is poisoned: each alone, so that only that one fails.
        return [self._outputs([item])[0] for item in taken]

    def _answer(self, taken: Sequence[_Waiting], outputs: Sequence[Batch | DaytwoError], seconds: float) -> None:
        self._measure(sum(item.batch.rows for item in taken), seconds)
        for item, output in zip(taken, outputs, strict=True):
            if item.answer.done():
                continue
            if isinstance(output, Batch):
                item.answer.set_result(output)
            else:
                item.answer.set_exception(output)

    def _measure(self, rows: int, seconds: float) -> None:
        self._cost.learn(rows, seconds)
        self._gauges.predict_s.observe(seconds)
        self._gauges.batch_rows.observe(rows)
        self._gauges.rows.add(rows)
