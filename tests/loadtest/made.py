"""Results and reports that are made up, and servers that behave as they are told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from daytwo.loadtest.driver import Address
from daytwo.loadtest.latencies import Latencies
from daytwo.loadtest.report import Report, Setting
from daytwo.loadtest.stages import Kind, Result, Stage, Tally
from daytwo.loadtest.verdict import Wanted, judge

#: What a server does instead of answering.
HANG = b"hang"
ANYTHING = Wanted()


def result(kind: Kind, per_s: float, latency_s: float = 0.002, *, connections: int = 8, rows: int = 1,
           rate: float | None = None, failed: int = 0, late_s: float = 0.0, left_s: float = 0.0,
           **more: Any) -> Result:  # fmt: skip
    """A stage of one second that answered ``per_s`` requests, 98 in 100 within ``latency_s`` and 2 at twice that."""
    count = int(per_s)
    latencies = Latencies.of([latency_s * (2 if n % 50 == 0 else 1) for n in range(count)])
    lateness = Latencies.of([late_s] * count if rate else [])
    statuses = {status: n for status, n in ((200, count), (500, failed)) if n}
    tally = Tally(1.0 + left_s, statuses, latencies=latencies, lateness=lateness, cpu=more.pop("cpu", 0.2))
    return Result(Stage(kind, connections, 1.0, rows, rate), tally, **more)


def results() -> list[Result]:
    """Of a server that takes 1,000 a second, at 50 ms from 900 on."""
    ramp = [result("ramp", rate, 0.001 * n, connections=n) for n, rate in ((1, 400), (2, 700), (4, 950), (8, 1000))]
    batches = [
        result("batch", rate, connections=2, rows=rows) for rows, rate in ((1, 600), (8, 500), (64, 400), (512, 60))
    ]
    opened = [
        result("open", rate, 0.002 + rate / 1e6, rate=float(rate), connections=8) for rate in (100, 250, 500, 800)
    ]
    opened.append(result("open", 900, 0.05, rate=900.0))
    opened.append(result("open", 1000, 0.1, rate=1100.0, left_s=0.5))
    return [*ramp, *batches, *opened]


def report(wanted: Wanted = ANYTHING, given: Sequence[Result] | None = None, **more: Any) -> Report:
    """Of those results."""
    made = results() if given is None else list(given)
    setting = Setting("churn:3", "http://127.0.0.1:1/predict", True, 1, 1, True, 2, 64, "the bundle's 64 examples",
                      "2026-01-02T03:04:05+00:00", {"daytwo": "0.1.0"})  # fmt: skip
    return Report(setting, wanted, tuple(made), judge(made, wanted, workers=1, cores=2), **more)


def said(status: int = 200, body: bytes = b'{"class":0}', headers: bytes = b"") -> bytes:
    """An answer as bytes."""
    return b"HTTP/1.1 %d X\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body)


@contextmanager
def serving(answer: Callable[[int, bytes], bytes | None]) -> Iterator[Address]:
    """A server that writes what ``answer(number, request)`` returns: bytes, None to hang up, or HANG."""
    started = threading.Event()
    running: list[tuple[asyncio.AbstractEventLoop, asyncio.Event, int]] = []
    count = iter(range(1 << 30))

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(EOFError, OSError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                head += await reader.readexactly(int(lengths[0])) if lengths else b""
                raw = answer(next(count), head)
                if raw is None:
                    break
                if raw is HANG:
                    await asyncio.sleep(60)
                writer.write(raw)
        writer.close()

    async def main() -> None:
        stop = asyncio.Event()
        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            running.append((asyncio.get_running_loop(), stop, server.sockets[0].getsockname()[1]))
            started.set()
            await stop.wait()
            server.close()
            await asyncio.sleep(0.02)  # who was just let in gets a task of its own first
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.01)  # closed transports are let go of in a later turn

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    started.wait()
    loop, stop, port = running[0]
    try:
        yield Address("127.0.0.1", port, "/predict")
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
