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
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import machine
from forms import ARTICLE, Form

HERE = Path(__file__).parent
_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 25.0
_KILL_TIMEOUT_S = 5.0
_ASK_TIMEOUT_S = 30.0
_POLL_S = 0.005
#: Callers that verify at the same time, so that a server which joins requests has to tell them apart again.
_VERIFIERS = 8
#: A relative difference that float32 on the way explains, far below one that another row's answer would make.
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Service:
    """A program that answers POSTs to ``path``, in a ``form``.

    ``command`` may hold ``{port}``, and ``{free0}`` to ``{free3}`` for more ports; it runs in ``folder``, which holds
    ``body.json`` (what is asked under load) and ``answers.json`` (rows with what is right). With ``verified`` False any
    answer is right.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    verified: bool = True
    path: str = "/predict"
    form: Form = ARTICLE
    environ: Mapping[str, str] = field(default_factory=dict)
    ready_timeout_s: float = _READY_TIMEOUT_S
    stop_timeout_s: float = _STOP_TIMEOUT_S


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
        """Status and body of one POST on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ASK_TIMEOUT_S)
        try:
            connection.request("POST", self.service.path, body, {"Content-Type": "application/json"})
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

    def verify(self, at_once: int = 1) -> None:
        """Asks every row whose answer is known, ``at_once`` of them at a time; RuntimeError at a wrong answer."""
        if not self.service.verified:
            return
        known = json.loads((self.service.folder / "answers.json").read_bytes())
        with ThreadPoolExecutor(at_once) as callers:
            list(callers.map(lambda pair: self._verify(*pair), known * at_once))

    def verify_joined(self) -> None:
        """Verifies with many callers at once."""
        self.verify(_VERIFIERS)

    def _verify(self, row: list[float], right: float) -> None:
        status, answer = self.ask(self.service.form.ask(row))
        if status != 200 or not _equal(self.service.form.value(answer), right):
            raise RuntimeError(f"{self.service.name} answered {status} {answer[:200]!r}, right is {right}")


def _equal(answer: Any, right: float) -> bool:
    return abs(float(answer) - right) <= _TOLERANCE * max(1.0, abs(right))


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
    """The service, ready; stopped at the end, whatever happens, with everything that it has started."""
    port, *free = _free_ports(5)
    ports = {"port": port} | {f"free{i}": number for i, number in enumerate(free)}
    log = service.folder / f"{service.name}.log"
    mark = f"DAYTWO_BENCH_MARK={uuid.uuid4().hex}"
    start = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [_filled(part, ports) for part in service.command],
            cwd=service.folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, env=_environment(service, ports, mark),
        )  # fmt: skip
    server = Running(service, process, port)
    try:
        _wait(server, log)
        server.ready_s = time.perf_counter() - start
        yield server
    finally:
        _stop(process, mark, service.stop_timeout_s)


def _filled(text: str, ports: Mapping[str, int]) -> str:
    for name, number in ports.items():
        text = text.replace(f"{{{name}}}", str(number))
    return text


def _environment(service: Service, ports: Mapping[str, int], mark: str) -> dict[str, str]:
    name, _, value = mark.partition("=")
    own = {name: value, "PYTHONUNBUFFERED": "1"}
    return os.environ | own | {key: _filled(text, ports) for key, text in service.environ.items()}


def _wait(server: Running, log: Path) -> None:
    """Until the first right answer."""
    body = (server.service.folder / "body.json").read_bytes()
    deadline = time.monotonic() + server.service.ready_timeout_s
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


def _stop(process: subprocess.Popen[bytes], mark: str, timeout_s: float) -> None:
    """SIGTERM to the process, then SIGKILL to all that is left of what it started.

    Some servers start daemons in sessions of their own, which outlive them. They are known by having been in the
    process tree, or by the mark that everything started from here carries in its environment.
    """
    started = machine.started_at(machine.tree(process.pid))
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    deadline = time.monotonic() + _KILL_TIMEOUT_S
    while (left := _left(started, mark)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_POLL_S)


def _left(started: Mapping[int, str], mark: str) -> set[int]:
    """What is alive of the processes that were ``started`` then, or that carry the mark."""
    alive = {pid for pid, at in started.items() if machine.started_at([pid]) == {pid: at}}
    return alive | set(machine.marked(mark))


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
