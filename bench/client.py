"""The load client of last resort, where neither wrk nor a C compiler is installed: asyncio, keep-alive, a fixed request.

    python client.py PORT CONNECTIONS SECONDS REQUEST_FILE

It costs about as much per request as a good server does, so what it reports of a fast one is a lower bound.
It prints the line of JSON that wrk.lua prints.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

PREFIX = "DAYTWO-BENCH "


class Caller(asyncio.Protocol):
    """One connection with one request in flight."""

    def __init__(self, request: bytes, latencies: list[float], errors: dict[str, int]) -> None:
        self.request, self.latencies, self.errors = request, latencies, errors
        self.answer = b""
        self.stopping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self.answer = b""
        self.started = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self.latencies.append(time.perf_counter() - self.started)
            self.errors["status"] += head[9:10] not in b"23"
            if not self.stopping:
                self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        self.errors["read"] += not self.stopping


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


async def drive(port: int, connections: int, seconds: float, request: bytes) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    latencies: list[float] = []
    errors = dict.fromkeys(("connect", "read", "write", "status", "timeout"), 0)
    callers = []
    for _ in range(connections):
        try:
            _, caller = await loop.create_connection(lambda: Caller(request, latencies, errors), "127.0.0.1", port)
            callers.append(caller)
        except OSError:
            errors["connect"] += 1
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - start
    for caller in callers:
        caller.stopping = True
        caller.transport.abort()
    return _summary(sorted(latencies), elapsed, errors)


def _summary(latencies: list[float], elapsed: float, errors: dict[str, int]) -> dict[str, object]:
    def percentile(share: float) -> float:
        return latencies[round(share * (len(latencies) - 1))] if latencies else 0.0

    summary: dict[str, object] = {"requests": len(latencies), "duration_s": elapsed, "errors": errors}
    return summary | {
        "p50_s": percentile(0.50),
        "p95_s": percentile(0.95),
        "p99_s": percentile(0.99),
        "p999_s": percentile(0.999),
        "max_s": percentile(1.0),
    }


def main() -> None:
    port, connections, seconds, file = sys.argv[1:]
    coroutine = drive(int(port), int(connections), float(seconds), Path(file).read_bytes())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(PREFIX + json.dumps(runner.run(coroutine)))


if __name__ == "__main__":
    main()
