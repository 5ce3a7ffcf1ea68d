"""uvicorn's HTTP/1.1, with a short way for predictions.

Everything goes the ordinary way through ASGI, but for the one request that matters: a POST to a path that predicts,
with a Content-Length, on a connection that owes no other answer. That one needs no scope, no task and no event: its
body is gathered, the endpoint is asked, and head and payload leave in a single write. Where its head was read before,
byte for byte, it is not even parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Sized
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from daytwo.dialects import Payload
from daytwo.errors import BodyTooLarge, DaytwoError, Overloaded, SlowBody
from daytwo.serving.endpoint import Endpoint, Errand
from daytwo.serving.head import Head
from daytwo.serving.known_heads import Known, KnownHeads
from daytwo.serving.problems import FRAMEWORK, Problem, problem_of
from daytwo.serving.tickets import Ticket

#: More than common proxies let through (8 to 32 KiB).
_MAX_HEAD_BYTES = 64 << 10
#: After so many heads in a row that were not known, a connection's are not looked up any more.
_UNKNOWN_IN_A_ROW = 64
#: A larger answer is not joined to its head: writing twice costs less than copying it.
_LONG_ANSWER_BYTES = 64 << 10
_HEAD_END = b"\r\n\r\n"
_UPGRADE = re.compile(rb"\r\nupgrade:", re.IGNORECASE)

Headers = list[tuple[bytes, bytes]]


class Protocol(HttpToolsProtocol):
    """One connection. ``short`` and ``known`` are set on the subclass that a server makes of it.

    short:         path → the endpoint that answers there
    known:         heads that were read before
    waiting_since: loop time since which the rest of a request is awaited, or None
    idle_since:    loop time of the last answer, where nothing has come since, or None
    """

    short: Mapping[bytes, Endpoint] = {}
    known = KnownHeads()
    waiting_since: float | None = None
    idle_since: float | None = None
    _between = True
    _unknown = 0
    _short_is_free = True
    _running: Any = None
    _in_head = False
    _tail = b""
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
        self.idle_since = None
        # The parser must stand between two requests, or what is in the middle of a body could pass for a head.
        is_fresh = self._between and not self.owes and not self.pipeline
        if is_fresh and self._unknown < _UNKNOWN_IN_A_ROW:
            if (found := self.known.find(data)) is not None:
                self._unknown = 0
                self._answer_known(*found)
                return
            self._unknown += 1
        before: Any = self.cycle
        self._parse(data, is_fresh=is_fresh)
        cycle: Any = self.cycle
        is_whole = is_fresh and self._between and isinstance(cycle, Exchange) and cycle is not before
        if is_whole and cycle.was_fit and 0 < self._unknown < _UNKNOWN_IN_A_ROW:
            cycle.tell_head(self.known, data)

    def _parse(self, data: bytes, *, is_fresh: bool) -> None:
        self._short_is_free = True
        in_head = self._in_head
        # Pieces of a body are not searched: in a large one that would take longer than its model.
        if is_fresh or in_head:
            before = self._tail if in_head else b""
            self._tail = (before + data[1 - len(_HEAD_END) :])[1 - len(_HEAD_END) :]
            if b"pgrade" in data:
                data = _without_upgrade(data, before)
        super().data_received(data)
        if self._in_head:
            self._head_bytes = self._head_bytes + len(data) if in_head else 0
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._refuse(431, "head-too-large", f"the head of a request may have {_MAX_HEAD_BYTES:,} bytes")

    def _answer_known(self, known: Known, body: bytes) -> None:
        exchange = Exchange(self, known.endpoint, keep_alive=True)
        self.cycle = exchange  # type: ignore[assignment]  # stands where uvicorn's own cycle would
        self.waiting_since = None
        exchange.follow(known.head, body)

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
        """As uvicorn does, but for the ASGI scope, which a prediction does not need."""
        self.waiting_since = self.loop.time()
        self._in_head, self._between = True, False
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        """Decide which way the request takes. ValueError (400, and the end of the connection) for an Upgrade that came in
        pieces: the parser would take the body that follows for the next request.
        """
        self._in_head = False
        if self.parser.should_upgrade():
            raise ValueError("this server upgrades no connection")
        path, _, query = self.url.partition(b"?")
        endpoint = self.short.get(path)
        if endpoint is None or not self._is_plain():
            self.waiting_since = None
            self._take_ordinary_way()
            return
        self._short_is_free = False
        # An HTTP/1.0 caller would have to be told that its connection stays; it is simply closed, as uvicorn does.
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        exchange = Exchange(self, endpoint, keep_alive=keep_alive)
        self.cycle = exchange  # type: ignore[assignment]  # as above
        exchange.begin(self.headers, query)

    def _take_ordinary_way(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects
        self.scope["headers"] = headers
        super().on_headers_complete()

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
        self._between = True
        cycle: Any = self.cycle
        if isinstance(cycle, Exchange):
            self.waiting_since = None
            cycle.complete()
        else:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn does, without a timer for each answer: the server looks at all its connections now and then."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = self.loop.time()

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
        if not self._short_is_free or self.expect_100_continue or self.owes or self.pipeline:
            return False
        if self.parser.get_method() != b"POST":
            return False
        for name, _ in self.headers:  # noqa: SIM110  a generator would cost more than the loop
            if name == b"content-length":
                return True
        return False


def _without_upgrade(data: bytes, before: bytes) -> bytes:
    """``data`` with an Upgrade header in its head under another name of the same length: RFC 9110 lets a server ignore
    it, the parser would stop. ``before`` is what came last of the same head.
    """
    found = (before + data).find(_HEAD_END)
    end = len(data) if found < 0 else max(0, found + len(_HEAD_END) - len(before))
    return _UPGRADE.sub(b"\r\nx-grade:", data[:end]) + data[end:]


class Flow(FlowControl):
    """uvicorn's flow control, that does not read more while requests wait in ``pipeline``, or answers to be fetched: they would
    fill memory.
    """

    def __init__(self, transport: Any, pipeline: Sized) -> None:
        super().__init__(transport)
        self._pipeline = pipeline

    def resume_reading(self) -> None:
        if not self._pipeline and not self.write_paused:
            super().resume_reading()


class Exchange:
    """One prediction on one connection: what uvicorn expects of a cycle, without ASGI."""

    __slots__ = (
        "_body", "_endpoint", "_head", "_protocol", "_reserved", "_waiting", "disconnected", "keep_alive",
        "more_body", "response_complete",
    )  # fmt: skip

    def __init__(self, protocol: Protocol, endpoint: Endpoint, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self._endpoint = endpoint
        self._waiting: Ticket | Errand | None = None
        self._head: Head | None = None
        self._body: bytes | bytearray = b""
        self._reserved = 0
        self.more_body = True
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = keep_alive

    @property
    def was_fit(self) -> bool:
        """Whether all of it was read and got to the endpoint, on a connection that stays."""
        return self.keep_alive and not self.more_body

    def tell_head(self, known: KnownHeads, data: bytes) -> None:
        """``data`` was all of this request: have its head known."""
        assert self._head is not None
        known.keep(data, self._head, self._endpoint)

    def follow(self, head: Head, body: bytes) -> None:
        """All of a request, whose head was judged before."""
        self._head, self._body = head, body
        self.complete()

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
        """Keep a part of the body: as it is where it is all of it, else at the end of what came before."""
        held = len(self._body)
        if not held:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body)
            self._body += data
        try:
            self._reserved = self._endpoint.budget.grow(self._reserved, held + len(data))
        except Overloaded as error:
            self._body = b""
            self.reject(error)

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
        headers: Headers = [*said.headers, (b"content-length", b"%d" % len(said.body))]
        self._write(200, headers, said.body)
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
        self._release()

    def reject(self, error: DaytwoError) -> None:
        """Refuse what never got to the endpoint, and have it counted."""
        self._endpoint.count(error)
        self._refuse(error)

    def _write(self, status: int, headers: Sequence[tuple[bytes, bytes]], payload: bytes) -> None:
        self.response_complete = True
        self._release()
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

    def _release(self) -> None:
        if self._reserved:
            self._endpoint.budget.release(self._reserved)
            self._reserved = 0

    def _end(self) -> None:
        if not self.keep_alive:
            self._protocol.transport.close()
        self._protocol.on_response_complete()
