"""The REST door: a FastAPI application whose inference routes are plain ASGI callables.

FastAPI composes, documents and serves what is not hot. A prediction takes a shorter way: one look-up of the path, one
read, one answer with prepared headers. As soon as somebody adds middleware, that short way is closed and predictions
go through the middleware like everything else.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

import daytwo
from daytwo.dialects import Payload
from daytwo.errors import (
    BodyTooLarge,
    DaytwoError,
    SlowBody,
    UnknownModel,
)
from daytwo.exporters.prometheus import CONTENT_TYPE as METRICS_CONTENT_TYPE
from daytwo.serving.body import BodyReader, ClientLeft, Receive, Scope, Send, discard
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.head import Head
from daytwo.serving.openapi import describe_model, document
from daytwo.serving.problems import FRAMEWORK, Problem, problem_of
from daytwo.serving.service import Service


class Application(FastAPI):
    """The ASGI application of one :class:`Service`. Run it under any ASGI server, or mount it in your own FastAPI."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            title=f"{service.catalog.default.name} on daytwo",
            version=daytwo.__version__,
            description="Predictions, their documentation, health and metrics.",
            lifespan=None,
            redirect_slashes=False,
        )
        self.service = service
        self._reader = BodyReader(service.settings.body_timeout_s)
        self.endpoints = dict(_paths(service))
        self._hot = {path: Predict(endpoint, self._reader) for path, endpoint in self.endpoints.items()}
        for path, predict in self._hot.items():
            self.router.routes.append(Route(path, predict, methods=["POST"], include_in_schema=False))
        _add_routes(self, service)
        self.add_exception_handler(HTTPException, _framework_problem)
        self.add_exception_handler(DaytwoError, _problem)
        self.add_exception_handler(Exception, _problem)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self.user_middleware:
            path, root = scope["path"], scope.get("root_path", "")
            predict = self._hot.get(path.removeprefix(root) if root else path)
            if predict is not None and scope["method"] == "POST":
                await predict(scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, with the models' own fields."""
        if self.openapi_schema is None:
            self.openapi_schema = document(super().openapi(), self.service)
        return self.openapi_schema


class Predict:
    """The inference route of one endpoint, as an ASGI callable."""

    def __init__(self, endpoint: Endpoint, reader: BodyReader) -> None:
        self._endpoint = endpoint
        self._reader = reader

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            payload = await self._answer(scope, receive)
        except ClientLeft:
            # Nobody reads it; but middleware takes a silent route for a broken one.
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        except Exception as error:  # noqa: BLE001  whatever it is, its caller gets an answer (and the log the rest)
            await self._refuse(error, receive, send)
            return
        headers = [*payload.headers, (b"content-length", b"%d" % len(payload.body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": payload.body})

    async def _answer(self, scope: Scope, receive: Receive) -> Payload:
        budget, reserved = self._endpoint.budget, 0

        def grown(size: int) -> None:
            nonlocal reserved
            reserved = budget.grow(reserved, size)

        try:
            try:
                head = Head.of(scope["headers"], scope["query_string"])
                limit = self._endpoint.translator.limits[head.dialect]
                body = await self._reader.read(receive, head.length, limit, grown)
                grown(len(body))
            except ClientLeft:
                raise
            except DaytwoError as error:
                self._endpoint.count(error)
                raise
            return await self._endpoint.answer(body, head)
        finally:
            budget.release(reserved)

    async def _refuse(self, error: Exception, receive: Receive, send: Send) -> None:
        problem = problem_of(error)
        headers = problem.raw_headers
        unread = isinstance(error, BodyTooLarge | SlowBody)
        if unread:
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": problem.status, "headers": headers})
        await send({"type": "http.response.body", "body": problem.body, "more_body": unread})
        if unread:
            # The whole answer is on its way; who is still sending gets the chance to read it.
            await discard(receive)
            await send({"type": "http.response.body", "body": b""})


def _paths(service: Service) -> list[tuple[str, Endpoint]]:
    """Every path that predicts, with what answers there."""
    paths = [("/predict", service.catalog.default)]
    for endpoint in service.catalog:
        paths.append((f"/models/{endpoint.name}/versions/{endpoint.version}/predict", endpoint))
        paths.append((f"/models/{endpoint.name}/predict", service.catalog.find(endpoint.name)))
    return paths


def _add_routes(app: Application, service: Service) -> None:
    """Everything that is not hot."""

    async def predict_unknown(name: str, version: str | None = None) -> None:
        raise UnknownModel(name, version, [f"{e.name}:{e.version}" for e in service.catalog])

    bundles = {(item.name, item.version): item.bundle for item in service.served}

    def described(endpoint: Endpoint, *, brief: bool = False) -> dict[str, Any]:
        return describe_model(endpoint, bundles[endpoint.name, endpoint.version], brief=brief)

    async def models() -> list[dict[str, Any]]:
        return [described(endpoint, brief=True) for endpoint in service.catalog]

    async def model(name: str) -> dict[str, Any]:
        endpoints = service.catalog.versions(name)
        return described(endpoints[0]) | {"versions": [e.version for e in endpoints]}

    async def model_version(name: str, version: str) -> dict[str, Any]:
        return described(service.catalog.find(name, version))

    async def live() -> dict[str, bool]:
        return {"live": True}

    async def ready() -> JSONResponse:
        if service.ready:
            return JSONResponse({"ready": True, "live": True})
        body = {"ready": False, "live": True, "error": service.reason}
        return JSONResponse(body, 503, {"retry-after": "1"})

    async def metrics() -> Response:
        text = await asyncio.to_thread(service.render_metrics)
        return Response(text, media_type=METRICS_CONTENT_TYPE)

    get: Any = app.add_api_route
    absent = {"responses": {404: {"description": "No such model is served"}}}
    hidden = {"include_in_schema": False}
    get("/models", models, tags=["models"], summary="The models served here")
    get("/models/{name}", model, tags=["models"], summary="Signature, metrics and digest of a model", **absent)
    get(
        "/models/{name}/versions/{version}", model_version, tags=["models"], summary="The same of one version", **absent
    )
    get("/v2/health/live", live, tags=["health"], summary="Whether the process is alive")
    get("/v2/health/ready", ready, tags=["health"], summary="Whether it is ready for requests", response_model=None)
    get("/livez", live, **hidden)
    get("/readyz", ready, response_model=None, **hidden)
    get("/metrics", metrics, tags=["monitoring"], summary="Prometheus metrics", response_class=Response)
    get("/models/{name}/predict", predict_unknown, methods=["POST"], **hidden)
    get("/models/{name}/versions/{version}/predict", predict_unknown, methods=["POST"], **hidden)


async def _problem(_: HttpRequest, error: Exception) -> Response:
    return _response(problem_of(error))


async def _framework_problem(_: HttpRequest, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    slug, title = FRAMEWORK.get(error.status_code, ("http", "The request was refused"))
    problem = Problem(error.status_code, slug, title, str(error.detail))
    problem.headers.update(error.headers or {})
    return _response(problem)


def _response(problem: Problem) -> Response:
    return Response(problem.body, problem.status, problem.headers)
