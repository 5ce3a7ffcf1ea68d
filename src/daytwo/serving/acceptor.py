"""How workers share the connections of one listener: whoever has the fewest takes the next.

Left to chance, the worker that wakes first takes a whole burst of connections, and keeps them: with keep-alive they are
its load from then on, while others idle.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

from daytwo.serving.instruments import Instruments

log = logging.getLogger("daytwo.serving")

#: A worker with at most so many connections beyond the fewest takes the next at once: callers who connect for every
#: request are not to wait for a balance that changes with each of them.
_FAIR = 1
#: For each beyond that, it leaves others so long to take it, up to the most: they may be stuck in a model that lets
#: nothing else run, and then the caller is better off here.
_PATIENCE_S, _MOST_S = 0.002, 0.05
#: Who took nobody in so long a wait is stuck, and is not waited for until it moves.
_STUCK_S = 0.01
#: After the process ran out of file descriptors.
_FULL_S = 0.5


class Acceptor:
    """Accepts for one of several workers, on its event loop.

    protocol:    makes the protocol of a connection
    connections: how many connections this worker has now
    """

    def __init__(
        self,
        listener: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        connections: Callable[[], int],
        instruments: Instruments,
    ) -> None:
        self._listener = listener
        self._protocol = protocol
        self._connections = connections
        self._instruments = instruments
        self._open = instruments.counter("daytwo_connections")
        self._loop = asyncio.get_running_loop()
        self._arriving: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._fewest = self._stuck_at = -1.0
        self._watch()

    async def close(self) -> None:
        """Accept nobody any more; returns when those who were accepted have their protocol."""
        self._loop.remove_reader(self._listener.fileno())
        if self._pause is not None:
            self._pause.cancel()
        while self._arriving:
            await asyncio.wait(self._arriving)

    def _watch(self) -> None:
        self._loop.add_reader(self._listener.fileno(), self._knock)

    def _knock(self) -> None:
        """Somebody waits: take them, or leave others the time to."""
        unfair = self._lead() - _FAIR
        if unfair > 0 and self._fewest != self._stuck_at:
            self._rest(min(_MOST_S, unfair * _PATIENCE_S))
        else:
            self._accept()

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._pause = self._loop.call_later(seconds, self._resume, seconds, self._fewest)

    def _resume(self, waited_s: float, fewest: float) -> None:
        self._pause = None
        self._watch()
        self._lead()
        moved = self._fewest != fewest
        self._stuck_at = fewest if waited_s >= _STUCK_S and not moved else -1.0
        self._accept()

    def _lead(self) -> float:
        """How many connections more than the other ready worker with the fewest; not above 0 where there is no other."""
        mine = self._connections() + len(self._arriving)
        self._open.set(mine)
        ready, opened = self._instruments.each("daytwo_ready"), self._instruments.each("daytwo_connections")
        ready[self._instruments.worker] = 0.0
        self._fewest = min((count for count, is_ready in zip(opened, ready, strict=True) if is_ready), default=mine)
        return mine - self._fewest

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the caller has left
        except OSError as error:
            log.warning("cannot accept a connection: %s", error.strerror)
            self._rest(_FULL_S)
            return
        connection.setblocking(False)
        self._open.add(1.0)
        arriving = self._loop.create_task(self._loop.connect_accepted_socket(self._protocol, connection))
        self._arriving.add(arriving)
        arriving.add_done_callback(self._arrived)

    def _arrived(self, arriving: asyncio.Task[object]) -> None:
        self._arriving.discard(arriving)
        if not arriving.cancelled() and (error := arriving.exception()) is not None:
            log.debug("a caller left before it was let in: %s", error)
