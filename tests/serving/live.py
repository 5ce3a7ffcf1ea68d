"""A real ``daytwo serve`` process, started, watched from outside and ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.wire import Answer, Wire, request

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
#: The variable by which a server's descendants are known, also when their parent is gone.
_TOKEN = "LIVE_SERVER_TOKEN"


@dataclass
class Live:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    token: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, raw: bytes) -> Answer:
        """The answer to one request on a connection of its own."""
        with Wire(self.port) as wire:
            wire.send(raw)
            return wire.answer()

    def get(self, path: str) -> Answer:
        return self.send(request("GET", path))

    def post(self, body: bytes | Any, path: str = "/predict", headers: Mapping[str, str] | None = None) -> Answer:
        return self.send(request("POST", path, body, headers))

    def terminate(self) -> float:
        """SIGTERM; seconds until the process has ended. TimeoutExpired after 20."""
        start = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STOP_TIMEOUT_S)
        return time.monotonic() - start

    def left(self) -> list[int]:
        """Processes that descend from the server, whoever their parent is by now, and still run."""
        return [pid for pid in _pids() if _holds(pid, self.token)]

    def workers(self) -> list[int]:
        """The processes that hold connections or the listener, the supervisor left out."""
        return [pid for pid in self.left() if pid != self.pid and _listens(pid, self.port)]

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def started(
    registry: Path, *arguments: str, drain_delay: float = 0.0, log: Path, env: Mapping[str, str] | None = None
) -> Iterator[Live]:
    """``daytwo serve`` with ``arguments``, just started; ended when the block ends, gently and then not."""
    port, token = _option(arguments, "--port") or free_port(), uuid.uuid4().hex
    options = ["--registry", str(registry), "--port", str(port), "--drain-delay", str(drain_delay)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "daytwo", "serve", *arguments, *options],
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {_TOKEN: token} | dict(env or {}),
        )  # fmt: skip
    live = Live(process, port, log, token)
    try:
        yield live
    finally:
        _end(live)


@contextmanager
def serving(registry: Path, *arguments: str, drain_delay: float = 0.0, log: Path) -> Iterator[Live]:
    """Likewise, with every worker ready."""
    with started(registry, *arguments, drain_delay=drain_delay, log=log) as live:
        await_ready(live, _option(arguments, "--workers") or 1)
        yield live


def await_ready(live: Live, workers: int = 1, timeout_s: float = START_TIMEOUT_S) -> None:
    """Returns when ``workers`` workers are ready; AssertionError with the log where they never are."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and live.process.poll() is None:
        with suppress(OSError, EOFError):
            ready = re.search(r"^daytwo_ready (\S+)$", live.get("/metrics").body.decode(), re.MULTILINE)
            if ready and float(ready[1]) >= workers and live.get("/readyz").status == 200:
                return
        time.sleep(0.02)
    raise AssertionError(f"never ready (exit code {live.process.poll()}):\n{live.output()[-3000:]}")


def eventually(condition: Any, timeout_s: float = 10.0) -> bool:
    """Whether ``condition()`` comes true in time."""
    deadline = time.monotonic() + timeout_s
    while not (true := bool(condition())) and time.monotonic() < deadline:
        time.sleep(0.02)
    return true


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rss_bytes(pid: int) -> int:
    """The resident memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def holder(live: Live, client_port: int) -> int | None:
    """The process that holds the server's end of the connection from ``client_port``."""
    inodes = _inodes(lambda local, remote: (local, remote) == (live.port, client_port))
    return next((pid for pid in live.left() if inodes & _sockets(pid)), None)


def _option(arguments: tuple[str, ...], name: str) -> int:
    return int(arguments[arguments.index(name) + 1]) if name in arguments else 0


def _listens(pid: int, port: int) -> bool:
    return bool(_inodes(lambda local, remote: (local, remote) == (port, 0)) & _sockets(pid))


def _inodes(wanted: Any) -> set[str]:
    """The sockets whose (local port, remote port) are wanted."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {row[9] for row in rows if wanted(*(int(end.rpartition(":")[2], 16) for end in row[1:3]))}


def _sockets(pid: int) -> set[str]:
    found = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _holds(pid: int, token: str) -> bool:
    """Whether a process runs (a zombie has no environment left) and inherited ``token``."""
    try:
        return token.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def _end(live: Live) -> None:
    if live.process.poll() is None:
        try:
            live.terminate()
        except subprocess.TimeoutExpired:
            live.process.kill()
            live.process.wait()
    for pid in live.left():
        os.kill(pid, signal.SIGKILL)
