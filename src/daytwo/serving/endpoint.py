"""A Predictor being served: the road that every request takes.

    bytes ─decode→ request ─batch─→ Model ─→ outputs ─encode→ bytes

Decoding validates against types generated from the signature, so what leaves it fits (conform is part of it): bad
input ends there, before it can spoil a batch. The road is walked by call-back, for a coroutine and a task per request
would cost more than many a model; :meth:`Endpoint.answer` is the same road for those who await.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from daytwo.batch import Batch
from daytwo.dialects import Answer, Payload, Request, RowIds
from daytwo.errors import (
    BodyTooLarge,
    DaytwoError,
    InvalidInput,
    NotReady,
    Overloaded,
    PredictionFailed,
    SlowBody,
    TimedOut,
    TooManyRows,
)
from daytwo.metrics import OUTCOMES, REASONS
from daytwo.predictor import Predictor
from daytwo.serving.batcher import Batcher, Gauges, Limits
from daytwo.serving.budget import Budget
from daytwo.serving.cost import Cost
from daytwo.serving.head import Head
from daytwo.serving.ids import PredictionIds
from daytwo.serving.instruments import Instruments
from daytwo.serving.processes import ModelProcesses
from daytwo.serving.tickets import Ticket
from daytwo.serving.translator import MANY_ROWS, Translator
from daytwo.settings import ServeSettings
from daytwo.signature import Signature

log = logging.getLogger("daytwo.serving")

_REASONS: dict[type[Exception], str] = {
    BodyTooLarge: "body_too_large",
    NotReady: "not_ready",
    TimedOut: "deadline",
    SlowBody: "slow_body",
    TooManyRows: "too_many_rows",
}

#: Told once: the answer, or why there is none.
Reply = Callable[[Payload | Exception], None]


@dataclass(slots=True)
class Errand:
    """A request whose body is read in a thread.

    reading: whether the thread is still at it
    left:    whether its caller has gone meanwhile
    ticket:  what it waits with afterwards
    """

    reading: bool = True
    left: bool = False
    ticket: Ticket | None = None


class Endpoint:
    """One version of one model, as it is served.

    It exists, documents itself and refuses requests before its model is there; :meth:`attach` opens it.
    """

    def __init__(
        self, name: str, version: str, signature: Signature, instruments: Instruments, settings: ServeSettings
    ) -> None:
        self.name = name
        self.version = version
        self.signature = signature
        self.translator = Translator(signature, model=name, version=version, settings=settings)
        self.budget = Budget(settings.max_queue_bytes)
        self.predictor: Predictor | None = None
        self._settings = settings
        self._batcher: Batcher | None = None
        self._processes: ModelProcesses | None = None
        self._new_id = PredictionIds().new
        self._bind(instruments)

    def attach(self, predictor: Predictor, cost: Cost, processes: ModelProcesses | None = None) -> None:
        """Open: from now on requests are answered by ``predictor``, or by ``processes`` that hold the same model, whose
        batches cost ``cost``.
        """
        self.predictor = predictor
        self._processes = processes
        self._batcher = Batcher(
            processes.run if processes else predictor.run,
            cost,
            self._gauges,
            Limits(
                max_batch_rows=self._settings.max_batch_rows,
                max_queue_rows=self._settings.max_queue_rows,
                max_queue_bytes=self._settings.max_queue_bytes,
                timeout_s=self._settings.timeout_s,
            ),
            lanes=processes.size if processes else 1,
            inline=processes is None,
        )

    @property
    def busy(self) -> bool:
        """Whether the model is at work in a thread or process."""
        return self._batcher is not None and self._batcher.busy

    def close(self) -> None:
        """Let go of threads and processes."""
        self.translator.close()
        if self._batcher is not None:
            self._batcher.close()
        if self._processes is not None:
            self._processes.close()

    def ask(self, body: bytes | bytearray, head: Head, reply: Reply) -> Ticket | Errand | None:
        """Answer ``body`` by ``reply``, now or later on this event loop; whatever happens is counted.

        Returns what the request waits with, if it waits: a caller that leaves says so there.
        """
        start = perf_counter()
        self._inflight.add(1.0)
        try:
            if self._batcher is None:
                raise NotReady(f"{self.name}:{self.version} is being loaded")
            self._batcher.consider(head.timeout_s)
            if head.is_plain:  # the way of nearly all requests, without a further question
                return self._submit(self.translator.native.decode(body), head, reply, start)
            if self.translator.is_long(body, head):
                return self._read_aside(body, head, reply, start)
            return self._submit(self.translator.decode(body, head), head, reply, start)
        except Exception as error:  # noqa: BLE001  whatever it is, its caller is told
            self._fail(error, reply)
            return None

    def _read_aside(self, body: bytes | bytearray, head: Head, reply: Reply, start: float) -> Errand:
        """Have a thread decode ``body``, and go on from there."""
        errand = Errand()
        patience_s = min(head.timeout_s or self._settings.timeout_s, self._settings.timeout_s)

        def read() -> Request:
            if errand.left or perf_counter() > start + patience_s:
                raise TimedOut(patience_s)
            return self.translator.decode(body, head)

        def proceed(said: Request | Exception) -> None:
            errand.reading = False
            if errand.left:
                return
            if isinstance(said, Exception):
                self._fail(said, reply)
                return
            try:
                errand.ticket = self._submit(said, head, reply, start)
            except Exception as error:  # noqa: BLE001  likewise
                self._fail(error, reply)

        self.translator.aside(read, proceed)
        return errand

    def _submit(self, request: Request, head: Head, reply: Reply, start: float) -> Ticket | None:
        """The road on from a decoded request."""
        decoded = perf_counter()

        def encode(outputs: Batch | DaytwoError) -> None:
            if isinstance(outputs, DaytwoError):
                self._fail(outputs, reply)
                return
            predicted = perf_counter()
            answer = Answer(outputs, request.form, self._ids(request, head.prediction_id), head.probabilities)
            write = self.translator.dialects[head.answer].encode
            if outputs.rows > MANY_ROWS:
                self.translator.aside(
                    lambda: write(answer), lambda said: self._finish(said, answer, reply, start, decoded, predicted)
                )
                return
            try:
                payload: Payload | Exception = write(answer)
            except Exception as error:  # noqa: BLE001  see _finish
                payload = error
            self._finish(payload, answer, reply, start, decoded, predicted)

        assert self._batcher is not None
        return self._batcher.submit(request.batch, encode, head.timeout_s, start)

    def _finish(
        self, payload: Payload | Exception, answer: Answer, reply: Reply, start: float, decoded: float, predicted: float
    ) -> None:
        if isinstance(payload, Exception):  # what a model says may be beyond a dialect; that is its own failure
            self._fail(PredictionFailed(f"{self.name}:{self.version}", payload), reply)
            return
        end = perf_counter()
        self._inflight.add(-1.0)
        self._ok.add()
        self._decode_s.observe(decoded - start)
        self._encode_s.observe(end - predicted)
        self._request_s.observe(end - start)
        if self._settings.log_requests:
            self._log(answer.prediction_ids, end - start)
        reply(payload)

    def _fail(self, error: Exception, reply: Reply) -> None:
        if not isinstance(error, DaytwoError):
            log.error("a request to %s:%s failed in a way that nobody foresaw", self.name, self.version, exc_info=error)
        self._inflight.add(-1.0)
        self.count(error)
        reply(error)

    async def answer(self, body: bytes | bytearray, head: Head) -> Payload:
        """The answer to ``body``. Raises DaytwoError."""
        answered: asyncio.Future[Payload | Exception] = asyncio.get_running_loop().create_future()

        def reply(said: Payload | Exception) -> None:
            if not answered.done():  # it is where the one who awaits was cancelled in this very turn of the loop
                answered.set_result(said)

        ticket = self.ask(body, head, reply)
        try:
            said = await answered
        except asyncio.CancelledError:
            self.leave(ticket)
            raise
        if isinstance(said, Exception):
            raise said
        return said

    def leave(self, waiting: Ticket | Errand | None) -> None:
        """The caller is gone, and its request not yet answered."""
        if isinstance(waiting, Errand):
            if not waiting.reading:
                waiting = waiting.ticket
            elif not waiting.left:
                waiting.left = True
                self._count_left()
                return
        if isinstance(waiting, Ticket) and self._batcher is not None and self._batcher.leave(waiting):
            self._count_left()

    def _count_left(self) -> None:
        self._inflight.add(-1.0)
        self._outcomes["left"].add()

    def _reject(self, reason: str) -> None:
        self._outcomes["rejected"].add()
        self._rejected[reason].add()

    def _ids(self, request: Request, given: str | None) -> Sequence[str]:
        """One id a row: the caller's where there is one (``id-0``, ``id-1``, … over several rows), else new."""
        own, rows = request.prediction_ids, request.batch.rows
        if own is None:
            base = given or self._new_id()
            return (base,) if rows == 1 else RowIds(base, rows)
        return [said if said is not None else self._new_id() for said in own]

    def count(self, error: Exception) -> None:
        """Count a request that was refused, by what it was refused for."""
        if type(error) in _REASONS:
            self._reject(_REASONS[type(error)])
        elif isinstance(error, InvalidInput):
            self._outcomes["invalid"].add()
        elif isinstance(error, Overloaded):
            self._reject(error.reason)
        else:
            self._outcomes["failed"].add()

    def _log(self, ids: Sequence[str], seconds: float) -> None:
        extra = {"model": self.name, "version": self.version, "prediction_id": ids[0], "rows": len(ids),
                 "duration_ms": round(seconds * 1e3, 3)}  # fmt: skip
        log.info("predicted", extra=extra)

    def _bind(self, instruments: Instruments) -> None:
        """Look every series up once, so that counting is an addition."""
        model = (self.name, self.version)
        self._inflight = instruments.counter("daytwo_inflight_requests", *model)
        self._request_s = instruments.histogram("daytwo_request_duration_seconds", *model)
        stage = "daytwo_stage_duration_seconds"
        self._decode_s = instruments.histogram(stage, *model, "decode")
        self._encode_s = instruments.histogram(stage, *model, "encode")
        self._outcomes = {
            outcome: instruments.counter("daytwo_requests_total", *model, "rest", outcome) for outcome in OUTCOMES
        }
        self._ok = self._outcomes["ok"]
        self._rejected = {r: instruments.counter("daytwo_rejected_total", *model, r) for r in REASONS}
        self._gauges = Gauges(
            queue_depth=instruments.counter("daytwo_queue_depth", *model),
            queue_s=instruments.histogram(stage, *model, "queue"),
            predict_s=instruments.histogram(stage, *model, "predict"),
            batch_rows=instruments.histogram("daytwo_batch_rows", *model),
            rows=instruments.counter("daytwo_rows_total", *model),
        )
