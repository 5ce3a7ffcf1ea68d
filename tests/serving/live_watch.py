"""What another caller notices, and what it costs the server, while somebody misbehaves."""

from __future__ import annotations

import threading
import time
from typing import Self

from serving.live import Live, rss_bytes
from serving.live_models import SETOSA
from serving.wire import Wire, request


class Watch:
    """Another caller, and an eye on the server's memory, while something goes on in the ``with`` block."""

    def __init__(self, live: Live) -> None:
        self._live, self._over = live, threading.Event()
        self.stall_s, self.asked, self.failed = 0.0, 0, 0
        self._before = self.peak = rss_bytes(live.pid)

    @property
    def growth(self) -> int:
        return self.peak - self._before

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=job) for job in (self._ask, self._look)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        raw = request(body=SETOSA)
        with Wire(self._live.port) as wire:
            while not self._over.is_set():
                start = time.monotonic()
                wire.send(raw)
                self.failed += wire.answer().status != 200
                self.asked += 1
                self.stall_s = max(self.stall_s, time.monotonic() - start)

    def _look(self) -> None:
        while not self._over.wait(0.002):
            self.peak = max(self.peak, rss_bytes(self._live.pid))
