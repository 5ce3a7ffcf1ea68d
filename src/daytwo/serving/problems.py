"""What an error is over HTTP: one table from error class to status, and the body (RFC 9457, problem details)."""

from __future__ import annotations

import json
from typing import Any

from daytwo import errors
from daytwo.errors import DaytwoError, InvalidInput, Overloaded

CONTENT_TYPE = "application/problem+json"

#: Error class → (status, slug of its type, title). The first class that fits, in this order.
TABLE: tuple[tuple[type[Exception], int, str, str], ...] = (
    (errors.MalformedBody, 400, "malformed-body", "The body cannot be read"),
    (errors.UnsupportedMediaType, 415, "unsupported-media-type", "No such content type or encoding is understood"),
    (errors.NotAcceptable, 406, "not-acceptable", "The answer cannot be given in any type that is accepted"),
    (errors.BodyTooLarge, 413, "body-too-large", "The body is too large"),
    (errors.TooManyRows, 413, "too-many-rows", "Too many rows in one request"),
    (errors.InvalidInput, 422, "invalid-input", "The input does not fit the model"),
    (errors.UnknownModel, 404, "unknown-model", "No such model is served"),
    (errors.SlowBody, 408, "slow-body", "The body came too slowly"),
    (errors.NotReady, 503, "not-ready", "The server is not ready"),
    (errors.Overloaded, 503, "overloaded", "The server is overloaded"),
    (errors.TimedOut, 504, "timeout", "The answer took too long"),
    (errors.PredictionFailed, 500, "prediction-failed", "The model failed"),
    (Exception, 500, "internal", "Something went wrong inside the server"),
)

#: What the framework itself refuses.
FRAMEWORK: dict[int, tuple[str, str]] = {
    404: ("not-found", "There is nothing at this path"),
    400: ("malformed-request", "This is not HTTP"),
    431: ("head-too-large", "The head of the request is too large"),
    405: ("method-not-allowed", "This path does not take that method"),
}


class Problem:
    """An answer that is an error: status, headers, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, slug: str, title: str, detail: str, **more: Any) -> None:
        self.status = status
        document = {"type": f"urn:daytwo:error:{slug}", "title": title, "status": status, "detail": detail, **more}
        self.body = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        self.headers = {"content-type": CONTENT_TYPE, "content-length": str(len(self.body))}

    @property
    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as ASGI wants them."""
        return [(name.encode(), value.encode()) for name, value in self.headers.items()]


def problem_of(error: Exception) -> Problem:
    """``error`` as a Problem. An error that nobody foresaw keeps its words to itself (they are in the log)."""
    _, status, slug, title = next(row for row in TABLE if isinstance(error, row[0]))
    detail = str(error) if isinstance(error, DaytwoError) else "the server's log has the details"
    more: dict[str, Any] = {}
    if isinstance(error, InvalidInput):
        more["errors"] = [{"field": p.field, "expected": p.expected, "got": p.got} for p in error.problems]
    problem = Problem(status, slug, title, detail, **more)
    if isinstance(error, Overloaded):
        problem.headers["retry-after"] = str(error.retry_after_s)
    elif status == 503:
        problem.headers["retry-after"] = "1"
    return problem
