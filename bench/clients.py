"""The load: wrk where it is installed, else the C client beside this file, else the Python one. All on one thread."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

HERE = Path(__file__).parent
Kind = Literal["wrk", "c", "python"]
_PREFIX = "DAYTWO-BENCH "
#: What a load may take beyond its own seconds before it is given up.
_GRACE_S = 20.0


@dataclass(frozen=True)
class Load:
    """What one slice of load measured. Latencies in seconds, as the client saw them."""

    connections: int
    requests: int
    duration_s: float
    p50_s: float
    p95_s: float
    p99_s: float
    p999_s: float
    max_s: float
    errors: Mapping[str, int] = field(default_factory=dict)
    client_cpu_s: float = 0.0

    @property
    def rps(self) -> float:
        """Answers per second, failed ones included; :attr:`failed` says how many those are."""
        return self.requests / self.duration_s

    @property
    def failed(self) -> int:
        """Answers with a status of 400 and above, and requests without one."""
        return sum(self.errors.values())


@dataclass(frozen=True)
class Client:
    """A program that posts one fixed body to one path over keep-alive connections."""

    kind: Kind
    program: tuple[str, ...]

    def __str__(self) -> str:
        return {"wrk": "wrk", "c": "bench/client.c", "python": "bench/client.py"}[self.kind]

    def load(self, port: int, body: Path, connections: int, seconds: float, path: str = "/predict") -> Load:
        """Loads for ``seconds`` and returns what came of it; RuntimeError where the client itself failed."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            self._command(port, body, connections, seconds, path),
            capture_output=True, text=True, timeout=seconds + _GRACE_S, check=False,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = next((text for text in done.stdout.splitlines() if text.startswith(_PREFIX)), None)
        if line is None:
            raise RuntimeError(f"{self} failed: {(done.stderr or done.stdout).strip()[-400:]}")
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        measured: dict[str, Any] = json.loads(line[len(_PREFIX) :])
        return Load(connections=connections, client_cpu_s=cpu_s, **measured)

    def _command(self, port: int, body: Path, connections: int, seconds: float, path: str) -> list[str]:
        if self.kind == "wrk":
            url = f"http://127.0.0.1:{port}{path}"
            options = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
            return [*self.program, *options, "-s", str(HERE / "wrk.lua"), url, "--", str(body)]
        request = body.with_suffix(".http")
        request.write_bytes(http_request(port, body.read_bytes(), path))
        return [*self.program, str(port), str(connections), str(seconds), str(request)]


def http_request(port: int, body: bytes, path: str = "/predict") -> bytes:
    """The request that every client sends, head and body."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def choose(wanted: Kind | None, folder: Path) -> Client:
    """The best client that this machine has, or the wanted one; the C client is built into ``folder``."""
    if wanted in (None, "wrk") and (wrk := shutil.which("wrk")):
        return Client("wrk", (wrk,))
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if wanted in (None, "c") and compiler:
        program = folder / "client"
        subprocess.run([compiler, "-O2", "-o", str(program), str(HERE / "client.c")], check=True)
        return Client("c", (str(program),))
    if wanted in (None, "python"):
        return Client("python", (sys.executable, str(HERE / "client.py")))
    raise SystemExit(f"the load client {wanted!r} cannot be had here")
