"""The services under test: how each is started, asked, verified and stopped. One worker each, on loopback."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 25.0
_POLL_S = 0.005


@dataclass(frozen=True)
class Service:
    """A program that answers ``POST /predict``. ``command`` may hold ``{port}``; it runs in ``folder``."""

    name: str
    command: tuple[str, ...]
    folder: Path
    verified: bool = True


@dataclass
class Running:
    """A started service. ``ready_s``: from the start of the process to its first right answer."""

    service: Service
    process: subprocess.Popen[bytes]
    port: int
    ready_s: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of one ``POST /predict`` on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def metric(self, name: str) -> float:
        """The value of a series without labels at ``/metrics``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def verify(self) -> None:
        """Asks every row whose class is known; RuntimeError at the first wrong answer."""
        if not self.service.verified:
            return
        for row, label in json.loads((self.service.folder / "answers.json").read_bytes()):
            status, answer = self.ask(json.dumps({"feature_vector": row}).encode())
            if status != 200 or json.loads(answer)["class"] != label:
                raise RuntimeError(f"{self.service.name} answered {status} {answer[:200]!r}, right is class {label}")


def uvicorn(name: str, app_folder: Path, folder: Path, *, verified: bool = True) -> Service:
    """An application served by plain uvicorn, uvloop and httptools stated, no access log (which makes it faster)."""
    options = ("--port", "{port}", "--loop", "uvloop", "--http", "httptools", "--no-access-log")
    command = (sys.executable, "-m", "uvicorn", "--app-dir", str(app_folder), "main:app", *options)
    return Service(name, command, folder, verified)


def baseline(folder: Path) -> Service:
    """The article's service on the subject in ``folder``."""
    return uvicorn("baseline", HERE / "baseline", folder)


def echo(folder: Path) -> Service:
    """The ceiling."""
    return uvicorn("echo", HERE / "echo", folder, verified=False)


def daytwo(folder: Path, registry: Path) -> Service:
    """``daytwo serve`` with its defaults: validation, ids, metrics and batching on. It need not wait before it stops."""
    options = ("--registry", str(registry), "--port", "{port}", "--drain-delay", "0")
    return Service("daytwo", (sys.executable, "-m", "daytwo", "serve", folder.name, *options), folder)


@contextmanager
def running(service: Service) -> Iterator[Running]:
    """The service, ready; stopped at the end, whatever happens."""
    port = _free_port()
    log = service.folder / f"{service.name}.log"
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [part.format(port=port) for part in service.command],
            cwd=service.folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    server = Running(service, process, port)
    try:
        _wait(server, log)
        server.ready_s = time.perf_counter() - start
        yield server
    finally:
        _stop(process)


def _wait(server: Running, log: Path) -> None:
    body = (server.service.folder / "body.json").read_bytes()
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            if server.ask(body)[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(_POLL_S)
    tail = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"{server.service.name} did not become ready:\n{tail}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the process, then SIGKILL to what is left of the session it started."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
