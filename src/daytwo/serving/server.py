"""One server process: load → check → ready → serve → drain. Nothing accepted is lost on the way out.

On SIGTERM: not ready, but serving on for ``drain_delay_s`` while load balancers notice; then the listener closes when
its backlog is empty; every open connection has its next request answered with ``Connection: close``; what is in
flight finishes; exit 0. SIGINT (Ctrl-C) leaves the delay out; a second one leaves at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any, cast

import uvicorn

from daytwo.serving import listener
from daytwo.serving.acceptor import Acceptor
from daytwo.serving.http1 import Protocol
from daytwo.serving.known_heads import KnownHeads
from daytwo.serving.rest import Application
from daytwo.serving.service import Service
from daytwo.settings import ServeSettings

log = logging.getLogger("daytwo.serving")

#: Longer than the idle time-outs of common load balancers (60 to 65 s), or they would meet closed connections.
KEEP_ALIVE_S = 75
_CLOSE = (b"connection", b"close")
_TICK_S = 0.02


class Server(uvicorn.Server):
    """uvicorn with a drain that loses nothing.

    one_of_many: whether other workers share the port
    opened:      called when the port is open
    exit_code:   of the process, when all is over
    """

    def __init__(
        self,
        application: Application,
        settings: ServeSettings,
        *,
        one_of_many: bool = False,
        opened: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                http=_protocol(application),
                ws="none",
                loop="uvloop" if _has_uvloop() else "asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=listener.BACKLOG,
            )
        )
        self._application = application
        self._settings = settings
        self._one_of_many = one_of_many
        self._opened = opened
        self._acceptors: list[Acceptor] = []
        self._open = application.service.instruments.counter("daytwo_connections")
        self._hurry = False
        self.exit_code = 0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT begin the drain. Unlike uvicorn's own, the process then exits 0 and not by the signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Begin the drain; SIGINT hurries it, and ends it when it is hurried already. So does a second SIGTERM hurry it,
        but in one of many: whoever stops a whole control group tells each process, and the supervisor tells them again.
        """
        self.force_exit = self.force_exit or (self._hurry and sig == signal.SIGINT)
        self._hurry = self._hurry or sig == signal.SIGINT or (self.should_exit and not self._one_of_many)
        self.should_exit = True

    def begin_drain(self) -> None:
        """As SIGTERM does, from any thread."""
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; each tenth time, look at every connection."""
        self._give_way()
        self._open.set(len(self.server_state.connections))
        if counter % 10 == 0:
            self._look_at_connections(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    def _look_at_connections(self, now: float) -> None:
        """Give up on requests that do not arrive, and close what has long been idle."""
        late, idle = now - self._settings.body_timeout_s, now - KEEP_ALIVE_S
        for connection in self._connections():
            if connection.waiting_since is not None and connection.waiting_since < late:
                connection.give_up()
            elif connection.idle_since is not None and connection.idle_since < idle:
                connection.transport.close()
            elif connection.waiting_since is None and connection.idle_since is None and not connection.owes:
                connection.idle_since = now  # its last bytes were no request

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the port. A worker among others does so when its models are there, so that nobody is sent to one that
        cannot answer; where they fail and no other worker is ready, it opens all the same, to say why.
        """
        service = self._application.service
        while self._one_of_many and not service.settled and not self.should_exit:  # noqa: ASYNC110  many end it
            await asyncio.sleep(_TICK_S)
        self._give_way()
        if not self.should_exit:
            listener.admit(sockets or [])
            await super().startup([] if self._one_of_many else sockets)
            if self._one_of_many:
                self._share(sockets or [])
            self._opened()

    def _share(self, sockets: list[socket.socket]) -> None:
        """Accept as the other workers do: each its fair part."""
        instruments, connections = self._application.service.instruments, self.server_state.connections
        protocol = cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class)
        make = partial(protocol, config=self.config, server_state=self.server_state, app_state={})
        for each in sockets:
            each.listen(listener.BACKLOG)
            self._acceptors.append(Acceptor(each, make, lambda: len(connections), instruments))

    def _give_way(self) -> None:
        """A worker that failed leaves where another is ready: the supervisor will try again."""
        service = self._application.service
        if self._one_of_many and service.failed and service.others_ready:
            self.exit_code, self.should_exit, self._hurry = 1, True, True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """The drain."""
        service = self._application.service
        service.drain()
        log.info("draining: not ready, serving on for %g s", 0 if self._hurry else self._settings.drain_delay_s)
        await self._wait(self._settings.drain_delay_s, lambda: self._hurry)
        await self._close_listeners(sockets or [])
        self.server_state.default_headers = [*self.server_state.default_headers, _CLOSE]
        log.info("listener closed; %d connections are open", len(self.server_state.connections))
        await self._wait(self._settings.drain_timeout_s, self._drained)
        unfinished = sum(connection.owes for connection in self._connections())
        if unfinished:
            log.warning("%d requests were still running after %g s", unfinished, self._settings.drain_timeout_s)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        service.close()
        log.info("drained")

    def _others_ready(self) -> bool:
        return self._application.service.others_ready

    def _drained(self) -> bool:
        """Whether nothing is owed: no connection is left or, in a hurry, no request."""
        if self.force_exit:
            return True
        connections = self._connections()
        owed = self.server_state.tasks or any(connection.owes for connection in connections)
        return not owed and (self._hurry or not connections)

    def _connections(self) -> list[Protocol]:
        return list(self.server_state.connections)  # type: ignore[arg-type]  # all are of the class that we gave

    async def _wait(self, seconds: float, done: Any) -> None:
        """Up to ``seconds``, or until ``done()``; the server goes on as ever."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until and not done() and not self.force_exit:  # noqa: ASYNC110  many things end it
            await asyncio.sleep(_TICK_S)

    async def _close_listeners(self, sockets: list[socket.socket]) -> None:
        """Stop listening once everybody whom the kernel let in has been accepted."""
        if not self._others_ready():  # else they go on with the same socket
            listener.turn_away(sockets)
            if self._others_ready():  # since just now: we shut the port that it had opened
                listener.admit(sockets)
        await listener.emptied(sockets)
        for acceptor in self._acceptors:
            await acceptor.close()
        for server in self.servers:
            server.close()
        for each in sockets:
            each.close()


def run(
    service: Service,
    settings: ServeSettings,
    bound: socket.socket,
    *,
    orphaned: int | None = None,
    opened: Callable[[], None] = lambda: None,
) -> int:
    """Serve on ``bound`` until told to stop; returns the exit code.

    opened:   called when the port is open
    orphaned: a file descriptor that reads end-of-file when the supervisor is gone
    """
    server = Server(Application(service), settings, one_of_many=orphaned is not None, opened=opened)
    threading.Thread(target=service.load, name="daytwo-load", daemon=True).start()
    if orphaned is not None:
        threading.Thread(target=_watch, args=(orphaned, server), name="daytwo-watch", daemon=True).start()
    server.run(sockets=[bound])
    if service.busy:
        # A model that does not come to an end would keep the interpreter from ending; all that is owed has been told.
        logging.shutdown()
        os._exit(server.exit_code)
    return server.exit_code


def _protocol(application: Application) -> type[Protocol]:
    """The class of this server's connections."""
    short = {} if application.user_middleware else {path.encode(): e for path, e in application.endpoints.items()}
    return type("Protocol", (Protocol,), {"short": short, "known": KnownHeads()})


def _watch(orphaned: int, server: Server) -> None:
    select.select([orphaned], [], [])
    server.begin_drain()


def _has_uvloop() -> bool:
    return find_spec("uvloop") is not None
