"""Ten million requests at one server: what grows?

    python bench/soak.py [--requests N] [--minutes M]

wrk sends predictions with bad bodies, scrapes and listings among them, while callers come and leave without waiting for
their answer. Memory (PSS of the server's processes), descriptors, threads and series are read all along. Exit code 0:
memory stayed within 5 % of what it was after the first tenth, and nothing else grew; 1: something grew, or a request was
lost; 3: it could not be measured.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self
from urllib.request import urlopen

import costs
import machine
from clients import HERE, http_request
from services import Running, daytwo, running

_CONNECTIONS = 32
_SLICE_S = 20
_LEAVING_EVERY_S = 0.02
_MOST_GROWTH = 0.05
_PREFIX = "DAYTWO-SOAK "


@dataclass(frozen=True)
class Reading:
    """The server at one moment."""

    pss_bytes: int
    descriptors: int
    threads: int
    series: int

    @classmethod
    def of(cls, server: Running) -> Self:
        pids = machine.tree(server.pid)
        descriptors = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)
        threads = sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids)
        with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
            series = sum(not line.startswith(b"#") for line in answer)
        return cls(machine.pss_bytes(server.pid), descriptors, threads, series)

    def __str__(self) -> str:
        return (
            f"{self.pss_bytes / 2**20:6.1f} MiB, {self.descriptors} descriptors, {self.threads} threads, "
            f"{self.series} series"
        )


class Leavers:
    """Callers who send a request and are gone before its answer, some of them in the middle of it."""

    def __init__(self, port: int, body: bytes) -> None:
        self._port, self._raw, self._over = port, http_request(port, body), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_LEAVING_EVERY_S):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=5) as caller:
                caller.sendall(self._raw if self.count % 2 else self._raw[:-10])
                self.count += 1


def soak(server: Running, body: Path, requests: int, seconds: float) -> tuple[int, int, list[Reading]]:
    """``(answered, lost, readings)``; a reading after each slice, until enough was answered or the time is over."""
    answered = lost = 0
    readings: list[Reading] = []
    until = time.monotonic() + seconds
    with Leavers(server.port, body.read_bytes()) as leavers:
        while answered < requests and time.monotonic() < until:
            said = _slice(server, body)
            answered, lost = answered + said["requests"], lost + said["lost"]
            readings.append(Reading.of(server))
            print(f"{answered:12,} answered, {lost} lost, {leavers.count:,} left: {readings[-1]}", flush=True)
    return answered, lost, readings


def grown(readings: list[Reading]) -> list[str]:
    """What grew, in words: the last third of the readings against those after the first tenth of the time."""
    first, last = readings[len(readings) // 10], max(readings[-max(1, len(readings) // 3) :], key=astuple)
    found = []
    if last.pss_bytes > first.pss_bytes * (1 + _MOST_GROWTH):
        found.append(f"memory by {last.pss_bytes / first.pss_bytes - 1:.1%}")
    for name in ("threads", "series"):
        if getattr(last, name) > getattr(first, name):
            found.append(f"{name} from {getattr(first, name)} to {getattr(last, name)}")
    if readings[-1].descriptors > first.descriptors + _CONNECTIONS:
        found.append(f"descriptors from {first.descriptors} to {readings[-1].descriptors}")
    return found


def _slice(server: Running, body: Path) -> dict[str, int]:
    options = ["-t1", f"-c{_CONNECTIONS}", f"-d{_SLICE_S}s", "--timeout", "10s", "-s", str(HERE / "soak" / "mix.lua")]
    done = subprocess.run(
        ["wrk", *options, f"http://127.0.0.1:{server.port}/", "--", str(body)],
        capture_output=True, text=True, timeout=_SLICE_S + 30, check=True,
    )  # fmt: skip
    said: dict[str, int] = json.loads(
        next(x for x in done.stdout.splitlines() if x.startswith(_PREFIX))[len(_PREFIX) :]
    )
    return said


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--requests", type=int, default=10_000_000)
    parser.add_argument("--minutes", type=float, default=15.0)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("the soak needs wrk", file=sys.stderr)
        return 3
    with tempfile.TemporaryDirectory(prefix="daytwo-soak-") as name:
        folder = Path(name)
        costs.fit(folder)
        costs.packing(folder, folder / "registry")
        with running(daytwo(folder / "iris", folder / "registry")) as server:
            server.verify()
            answered, lost, readings = soak(
                server, folder / "iris" / "body.json", options.requests, options.minutes * 60
            )
            server.verify()
    found = grown(readings)
    print(f"{answered:,} answered, {lost} lost; " + (f"grew: {', '.join(found)}" if found else "nothing grew"))
    return 1 if found or lost else 0


if __name__ == "__main__":
    sys.exit(main())
