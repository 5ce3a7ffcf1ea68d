"""uvicorn's HTTP/1.1, with a short way for predictions.

Everything goes the ordinary way through ASGI, but for the one request that matters: a POST to a path that predicts,
with a Content-Length, on a connection that owes no other answer. That one needs no scope, no task and no event: its
body is gathered, the endpoint is asked, and head and payload leave in a single write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from daytwo.dialects import Payload
from daytwo.errors import BodyTooLarge, DaytwoError, SlowBody
from daytwo.serving.endpoint import Endpoint, Errand
from daytwo.serving.head import Head
from daytwo.serving.problems import FRAMEWORK, Problem, problem_of
from daytwo.serving.tickets import Ticket

#: More than common proxies let through (8 to 32 KiB).
_MAX_HEAD_BYTES = 64 << 10
#: A larger answer is not joined to its head: writing twice costs less than copying it.
_LONG_ANSWER_BYTES = 64 << 10
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)

Headers = list[tuple[bytes, bytes]]


class Protocol(HttpToolsProtocol):
    """One connection. ``short`` is set on the subclass that a server makes of it.

    short:         path → the endpoint that answers there
    waiting_since: loop time since which the rest of a request is awaited, or None
    """

    short: Mapping[bytes, Endpoint] = {}
    waiting_since: float | None = None
    _short_is_free = True
    _running: Any = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        self.waiting_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        cycle: Any = self.cycle
        if isinstance(cycle, Exchange):
            cycle.disconnect()
            self.cycle = None  # type: ignore[assignment]  # uvicorn would wake an event that an Exchange does not have
        if self._running is not None:  # of pipelined requests uvicorn tells the newest, not the one at work
            self._running.disconnected = True
            self._running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._short_is_free = True
        cycle: Any = (
            self.cycle
        )  # not searched through the pieces of a body: a large one would take longer than its model
        if (cycle is None or cycle.response_complete) and b"pgrade" in data:
            data = _without_upgrade(data)
        in_head = self._in_head
        super().data_received(data)
        if self._in_head:
            self._head_bytes = self._head_bytes + len(data) if in_head else 0
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(431, "head-too-large", f"the head of a request may have {_MAX_HEAD_BYTES:,} bytes")

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP at all."""
        self._refuse(400, "malformed-request", msg)

    def _refuse(self, status: int, slug: str, detail: str) -> None:
        problem = Problem(status, slug, FRAMEWORK[status][1], detail)
        head = b"".join(b"%b: %b\r\n" % pair for pair in problem.raw_headers)
        self.transport.write(b"%bconnection: close\r\n%b\r\n%b" % (STATUS_LINE[status], head, problem.body))
        self.transport.close()

    def pause_writing(self) -> None:
        """A caller that does not fetch its answers is not read from either."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.flow.resume_reading()

    def on_message_begin(self) -> None:
        self.waiting_since = self.loop.time()
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        path, _, query = self.url.partition(b"?")
        endpoint = self.short.get(path)
        if endpoint is None or not self._is_plain():
            self.waiting_since = None
            super().on_headers_complete()
            return
        self._short_is_free = False
        self.cycle = Exchange(self, endpoint)  # type: ignore[assignment]  # stands where uvicorn's own cycle would
        self.cycle.begin(self.headers, query)  # type: ignore[attr-defined]

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        cycle: Any = self.cycle
        if not isinstance(cycle, Exchange):
            super().on_body(body)
        elif not cycle.response_complete:  # else it is the rest of something refused: read away
            cycle.gather(body)

    def on_message_complete(self) -> None:
        cycle: Any = self.cycle
        if isinstance(cycle, Exchange):
            self.waiting_since = None
            cycle.complete()
        else:
            super().on_message_complete()

    def give_up(self) -> None:
        """The rest of a request did not come in time."""
        cycle: Any = self.cycle
        if not self.owes:
            self.transport.close()
        elif isinstance(cycle, Exchange) and cycle.more_body:
            cycle.reject(SlowBody(self.loop.time() - (self.waiting_since or 0.0)))
            self.transport.close()

    @property
    def owes(self) -> bool:
        """Whether a request was begun here that is not answered yet."""
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _is_plain(self) -> bool:
        """A POST with a Content-Length, by itself on its connection. Of pipelined requests only the first is: they
        would be answered in one go, while all other connections wait.
        """
        return (
            self._short_is_free
            and self.parser.get_method() == b"POST"
            and not self.expect_100_continue
            and not self.owes
            and not self.pipeline
            and any(name == b"content-length" for name, _ in self.headers)
        )


def _without_upgrade(data: bytes) -> bytes:
    """``data`` with an Upgrade header under another name: RFC 9110 lets a server ignore it, the parser would stop."""
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(b"\r\nx-upgrade:", head) + end + body


class Flow(FlowControl):
    """uvicorn's flow control, that does not read more while requests wait in ``pipeline``: they would fill memory."""

    def __init__(self, transport: Any, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if not self._pipeline:
            super().resume_reading()


class Exchange:
    """One prediction on one connection: what uvicorn expects of a cycle, without ASGI."""

    __slots__ = (
        "_body", "_endpoint", "_gathered", "_head", "_protocol", "_waiting", "disconnected", "keep_alive", "more_body",
        "response_complete",
    )  # fmt: skip

    def __init__(self, protocol: Protocol, endpoint: Endpoint) -> None:
        self._protocol = protocol
        self._endpoint = endpoint
        self._waiting: Ticket | Errand | None = None
        self._head: Head | None = None
        self._body: bytes | bytearray = b""
        self._gathered = 0
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        # An HTTP/1.0 caller would have to be told that its connection stays; it is simply closed, as uvicorn does.
        self.keep_alive = protocol.parser.get_http_version() != "1.0" and protocol.parser.should_keep_alive()

    def begin(self, headers: Headers, query: bytes) -> None:
        """Judge the head: what cannot be answered is refused before its body is read, and its body never kept."""
        try:
            self._head = Head.of(headers, query)
            length, limit = self._head.length or 0, self._endpoint.translator.limits[self._head.dialect]
            if length > limit:
                raise BodyTooLarge(limit, f"{length:,}")
        except DaytwoError as error:
            self.reject(error)

    def gather(self, data: bytes) -> None:
        """Keep a part of the body: as it is where it is all of it, else in its place, so that nothing is copied twice."""
        if not self._gathered:
            self._body, self._gathered = data, len(data)
            return
        assert self._head is not None
        if isinstance(self._body, bytes):
            whole = bytearray(self._head.length or 0)  # the system gives the memory only as it is written to
            whole[: self._gathered] = self._body
            self._body = whole
        self._body[self._gathered : self._gathered + len(data)] = data
        self._gathered += len(data)

    def complete(self) -> None:
        """The body is here: ask the endpoint."""
        if self.response_complete:  # refused at its head; the rest has been read away
            self._end()
            return
        self.more_body = False
        assert self._head is not None
        body, self._body = self._body, b""
        self._waiting = self._endpoint.ask(body, self._head, self.reply)

    def reply(self, said: Payload | Exception) -> None:
        """Write the answer, whole."""
        self._waiting = None
        if isinstance(said, Exception):
            self._refuse(said)
            return
        self._write(200, (*said.headers, (b"content-length", b"%d" % len(said.body))), said.body)
        self._end()

    def _refuse(self, error: Exception) -> None:
        """Write a problem; the connection goes on if all of the request was read."""
        problem = problem_of(error)
        if self.more_body:
            self.keep_alive = False
        self._write(problem.status, problem.raw_headers, problem.body)
        if not self.more_body:
            self._end()

    def disconnect(self) -> None:
        """The caller is gone."""
        self.disconnected = True
        self._endpoint.leave(self._waiting)
        self._waiting = None

    def reject(self, error: DaytwoError) -> None:
        """Refuse what never got to the endpoint, and have it counted."""
        self._endpoint.count(error)
        self._refuse(error)

    def _write(self, status: int, headers: Sequence[tuple[bytes, bytes]], payload: bytes) -> None:
        self.response_complete = True
        if self.disconnected or self._protocol.transport.is_closing():
            return
        content = [STATUS_LINE[status]]
        for name, value in (*self._protocol.server_state.default_headers, *headers):
            if name == b"connection":
                self.keep_alive = False
            else:
                content += (name, b": ", value, b"\r\n")
        content.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        if len(payload) > _LONG_ANSWER_BYTES:
            self._protocol.transport.write(b"".join(content))
            self._protocol.transport.write(payload)
            return
        content.append(payload)
        self._protocol.transport.write(b"".join(content))

    def _end(self) -> None:
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()
