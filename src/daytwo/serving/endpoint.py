"""A Predictor being served: the road that every request takes.

    bytes ─decode→ request ─batch─→ Model ─→ outputs ─encode→ bytes

Decoding validates against types generated from the signature, so what leaves it fits (conform is part of it): bad
input ends there, before it can spoil a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from daytwo.dialects import Answer, Request
from daytwo.dialects.native import NativeDialect
from daytwo.errors import DaytwoError, InvalidInput, NotReady, Overloaded, TooManyRows
from daytwo.metrics import OUTCOMES, REASONS
from daytwo.predictor import Predictor
from daytwo.serving.batcher import Batcher, Gauges
from daytwo.serving.cost import Cost
from daytwo.serving.ids import PredictionIds
from daytwo.serving.instruments import Instruments
from daytwo.settings import ServeSettings
from daytwo.signature import Signature


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
        self._new_id = PredictionIds().new
        self._bind(instruments)

    def attach(self, predictor: Predictor, cost: Cost) -> None:
        """Open: from now on requests are answered by ``predictor``, whose batches cost ``cost``."""
        self.predictor = predictor
        self._batcher = Batcher(
            predictor.run,
            cost,
            self._gauges,
            max_queue_rows=self._settings.max_queue_rows,
            timeout_s=self._settings.timeout_s,
        )

    def close(self) -> None:
        """Let go of the model's thread."""
        if self._batcher is not None:
            self._batcher.close()

    async def answer(self, body: bytes, *, probabilities: bool = False, prediction_id: str | None = None) -> bytes:
        """The answer to ``body``. Raises DaytwoError; whatever happens is counted.

        prediction_id: the caller's own, from outside the body; the body's wins
        """
        batcher = self._batcher
        if batcher is None:
            raise NotReady(f"{self.name}:{self.version} is being loaded")
        start = perf_counter()
        self._inflight.add(1.0)
        try:
            request = self.dialect.decode(body)
            decoded = perf_counter()
            outputs = batcher.at_once(request.batch) or await batcher.submit(request.batch)
            predicted = perf_counter()
            ids = self._ids(request, prediction_id)
            payload = self.dialect.encode(Answer(outputs, request.form, ids, probabilities))
            end = perf_counter()
        except DaytwoError as error:
            self._count(error)
            raise
        finally:
            self._inflight.add(-1.0)
        self._decode_s.observe(decoded - start)
        self._encode_s.observe(end - predicted)
        self._request_s.observe(end - start)
        self._ok.add()
        return payload

    def _ids(self, request: Request, given: str | None) -> Sequence[str]:
        """One id a row: the caller's where there is one (``id-0``, ``id-1``, … over several rows), else new."""
        own, rows = request.prediction_ids, request.batch.rows
        if own is None:
            if rows == 1:
                return (given or self._new_id(),)
            base = given or self._new_id()
            return [f"{base}-{row}" for row in range(rows)]
        return [said if said is not None else self._new_id() for said in own]

    def _count(self, error: DaytwoError) -> None:
        if isinstance(error, TooManyRows):
            self.reject("too_many_rows")
        elif isinstance(error, InvalidInput):
            self._outcomes["invalid"].add()
        elif isinstance(error, Overloaded):
            self.reject(error.reason)
        else:
            self._outcomes["failed"].add()

    def reject(self, reason: str) -> None:
        """Count a request that was refused before the model, by one of ``daytwo.metrics.REASONS``."""
        self._outcomes["rejected"].add()
        self._rejected[reason].add()

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
