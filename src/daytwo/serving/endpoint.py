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
from time import perf_counter

from daytwo.batch import Batch
from daytwo.dialects import Answer, Request
from daytwo.dialects.native import NativeDialect
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
from daytwo.serving.cost import Cost
from daytwo.serving.head import Head
from daytwo.serving.ids import PredictionIds
from daytwo.serving.instruments import Instruments
from daytwo.serving.processes import ModelProcesses
from daytwo.serving.tickets import Ticket
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

#: Told once: the answer's bytes, or why there is none.
Reply = Callable[[bytes | Exception], None]


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
        self.dialect = NativeDialect(signature, model=name, version=version, max_rows=settings.max_rows)
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
        )

    @property
    def busy(self) -> bool:
        """Whether the model is at work in its thread."""
        return self._batcher is not None and self._batcher.busy

    def close(self) -> None:
        """Let go of the model's threads and processes."""
        if self._batcher is not None:
            self._batcher.close()
        if self._processes is not None:
            self._processes.close()

    def ask(self, body: bytes, head: Head, reply: Reply) -> Ticket | None:
        """Answer ``body`` by ``reply``, now or later on this event loop; whatever happens is counted.

        Returns what the request waits with, if it waits: a caller that leaves says so there.
        """
        start = perf_counter()
        self._inflight.add(1.0)

        def fail(error: Exception) -> None:
            self._inflight.add(-1.0)
            self.count(error)
            reply(error)

        def encode(outputs: Batch | DaytwoError) -> None:
            if isinstance(outputs, DaytwoError):
                fail(outputs)
                return
            predicted = perf_counter()
            ids = self._ids(request, head.prediction_id)
            try:
                payload = self.dialect.encode(Answer(outputs, request.form, ids, head.probabilities))
            except Exception as error:  # noqa: BLE001  what a model answers may be beyond JSON; that is its own failure
                fail(PredictionFailed(f"{self.name}:{self.version}", error))
                return
            end = perf_counter()
            self._inflight.add(-1.0)
            self._ok.add()
            self._decode_s.observe(decoded - start)
            self._encode_s.observe(end - predicted)
            self._request_s.observe(end - start)
            if self._settings.log_requests:
                self._log(ids, end - start)
            reply(payload)

        try:
            if self._batcher is None:
                raise NotReady(f"{self.name}:{self.version} is being loaded")
            self._batcher.consider(head.timeout_s)
            request = self.dialect.decode(body)
            decoded = perf_counter()
            return self._batcher.submit(request.batch, encode, head.timeout_s)
        except Exception as error:
            if not isinstance(error, DaytwoError):
                log.exception("a request to %s:%s failed in a way that nobody foresaw", self.name, self.version)
            fail(error)
            return None

    async def answer(self, body: bytes, head: Head) -> bytes:
        """The answer to ``body``. Raises DaytwoError."""
        answered: asyncio.Future[bytes | Exception] = asyncio.get_running_loop().create_future()

        def reply(said: bytes | Exception) -> None:
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

    def leave(self, ticket: Ticket | None) -> None:
        """The caller is gone, and its request not yet answered."""
        if ticket is not None and self._batcher is not None and self._batcher.leave(ticket):
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
            return (base,) if rows == 1 else [f"{base}-{row}" for row in range(rows)]
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
