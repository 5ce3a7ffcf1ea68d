"""A server as a process of its own, asked over real HTTP with the standard library."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from daytwo.errors import OutsideFailure

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back.

    body:   parsed where it was JSON, else text
    took_s: from the first byte sent to the last byte read
    """

    status: int
    body: Any
    took_s: float


@dataclass
class Server:
    """A running ``daytwo serve`` on a free port of this machine.

    ready_after_s: from the start of the process until it said that it is ready
    """

    process: subprocess.Popen[bytes]
    url: str
    ready_after_s: float = 0.0
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """One request over the kept connection; ``body`` as JSON, or as it is where it is bytes."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers: Mapping[str, str] = {"Content-Type": "application/json"} if data is not None else {}
        start = time.perf_counter()
        try:
            self.connection.request(method, path, data, dict(headers))
            response = self.connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise OutsideFailure(f"the server at {self.url} does not answer: {error}") from error
        took_s = time.perf_counter() - start
        parsed = json.loads(raw) if "json" in response.headers.get("Content-Type", "") else raw.decode()
        return Answer(response.status, parsed, took_s)

    def stop(self) -> int:
        """Ask it to drain and wait; its exit code. To be called once more does no harm."""
        self.connection.close()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextmanager
def running(references: Sequence[str], registry: Path, log: Path) -> Iterator[Server]:
    """A server of ``references`` that is ready; it is gone when the block ends, whatever happens in it."""
    # A free port, told in one line; no drain delay, for there is no load balancer here that would have to notice.
    flags = ["--registry", str(registry), "--port", "0", "--drain-delay", "0", "--quiet"]
    with log.open("wb") as sink:
        process = subprocess.Popen(  # noqa: S603  our own program, our own arguments
            [sys.executable, "-m", "daytwo", "serve", *references, *flags],
            stdout=subprocess.PIPE,
            stderr=sink,
            stdin=subprocess.DEVNULL,
        )
    start = time.perf_counter()
    with process, _killed_at_last(process):
        server = _opened(process, log)
        with closing(server.connection):
            _wait_until_ready(server, log)
            server.ready_after_s = time.perf_counter() - start
            yield server
            server.stop()


@contextmanager
def _killed_at_last(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens inside, ``process`` has ended when this ends."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()


def _opened(process: subprocess.Popen[bytes], log: Path) -> Server:
    """The server, once it has told where it listens."""
    assert process.stdout is not None
    url = process.stdout.readline().decode().strip()
    if not url:
        raise _died(log)
    return Server(process, url)


def _wait_until_ready(server: Server, log: Path) -> None:
    until = time.perf_counter() + _START_LIMIT_S
    while time.perf_counter() < until and server.process.poll() is None:
        try:
            if server.ask("GET", "/v2/health/ready").status == 200:
                return
        except OutsideFailure:  # the port is open before anybody answers there, and also when it has died since
            server.connection.close()
        time.sleep(0.02)
    raise _died(log)


def _died(log: Path) -> OutsideFailure:
    said = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
    return OutsideFailure(f"the server did not become ready; the last it said: {said[0]}")
