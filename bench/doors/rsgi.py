"""daytwo's endpoints behind granian's own interface: as thin as a door can be that still heeds every head and limit."""

from __future__ import annotations

from typing import Any

from daytwo.errors import BodyTooLarge, DaytwoError, UnknownModel
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.head import Head
from daytwo.serving.problems import problem_of
from daytwo.serving.rest import Application

_ANSWERED = [("content-type", "application/json")]
#: The headers that say something about a prediction.
_HEEDED = ("content-length", "content-type", "content-encoding", "x-prediction-id")


class Door:
    """An RSGI application over the endpoints of an ASGI one. Predictions alone: all else is 404."""

    def __init__(self, application: Application) -> None:
        self._endpoints = application.endpoints
        self._max_body_bytes = application.service.settings.max_body_bytes

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        try:
            endpoint = self._endpoints.get(scope.path)
            if endpoint is None or scope.method != "POST":
                raise UnknownModel(scope.path, None, [*self._endpoints])
            payload = await self._answer(endpoint, scope, protocol)
        except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer
            problem = problem_of(error)
            headers = [(name.decode(), value.decode()) for name, value in problem.raw_headers]
            protocol.response_bytes(problem.status, headers, problem.body)
            return
        protocol.response_bytes(200, _ANSWERED, payload)

    async def _answer(self, endpoint: Endpoint, scope: Any, protocol: Any) -> bytes:
        try:
            said = scope.headers
            heeded = [(name.encode(), value.encode("latin-1")) for name in _HEEDED if (value := said.get(name))]
            head = Head.of(heeded, scope.query_string.encode("latin-1"))
            if (head.length or 0) > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes, f"{head.length:,}")
            body = await protocol() if head.length is not None else await self._chunks(protocol)
        except DaytwoError as error:
            endpoint.count(error)
            raise
        return await endpoint.answer(body, probabilities=head.probabilities, prediction_id=head.prediction_id)

    async def _chunks(self, protocol: Any) -> bytes:
        body = bytearray()
        async for chunk in protocol:
            body += chunk
            if len(body) > self._max_body_bytes:
                raise BodyTooLarge(self._max_body_bytes, f"more than {self._max_body_bytes:,}")
        return bytes(body)
