"""One service on one model: start, verify, load at 1, 32 and 256 connections, verify again, stop."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import machine
from clients import Client
from forms import FORMS
from loads import Loader, Plan, Slice
from peers.catalog import Peer, Variant, filled
from peers.environments import Environment
from services import Running, Service, running

#: Connections of the three phases; memory is read at the end of the middle one.
PHASES = (1, 32, 256)
MIDDLE = 32
_PREPARE_TIMEOUT_S = 120.0
#: scikit-learn's boosting takes a thread for each core otherwise; they wait for each other by spinning, and where a core
#: is shared with the client one row then takes a hundred times as long. This favours everybody who calls scikit-learn.
_FOR_ALL = {"OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Bench:
    """What stays the same over a run: the fitted models and registry below ``folder``, client, plan, progress.

    ``limit_s``: how long one service on one model may take between its start and its last slice.
    """

    folder: Path
    client: Client
    plan: Plan
    say: Callable[[str], None]
    limit_s: float = 150.0

    def loader(self, service: Service, connections: int = MIDDLE) -> Loader:
        """Load in the service's own form. The middle phase has the plan's whole slice, the others two thirds."""
        share = 1 if connections == MIDDLE else 2 / 3
        plan = replace(self.plan, slice_s=max(1.0, self.plan.slice_s * share))
        return Loader(self.client, service.folder / "body.json", plan, self.say)


@dataclass
class Outcome:
    """What came of one service on one model; ``problem`` says what went wrong, and what was measured before is kept.

    ``phases``: by connections. ``baseline_rps``: the article's service just before and after, at 32 connections.
    """

    service: str
    model: str
    problem: str | None = None
    ready_s: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None
    phases: dict[str, dict[str, Any]] = field(default_factory=dict)
    baseline_rps: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain objects, lists and numbers."""
        return asdict(self)


def service(bench: Bench, peer: Peer, variant: Variant, environment: Environment, model: str) -> Service:
    """The service in a fresh folder of its own, with the model, a body in its form and the known answers in it."""
    place = bench.folder / "runs" / f"{model}-{variant.name}"
    scratch = bench.folder / f"s{len(list(bench.folder.glob('s[0-9]*')))}"
    shutil.rmtree(place, ignore_errors=True)
    for folder in (place, scratch):
        folder.mkdir(parents=True)
    fitted, form = bench.folder / model, FORMS[variant.form]
    shutil.copyfile(fitted / "model.joblib", place / "model.joblib")
    shutil.copyfile(fitted / "answers.json", place / "answers.json")
    (place / "body.json").write_bytes(form.ask(json.loads((fitted / "answers.json").read_bytes())[0][0]))
    values = environment.values | {
        "folder": str(place), "scratch": str(scratch), "registry": str(bench.folder / "registry"),
    }  # fmt: skip

    def fill(parts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(filled(part, peer, model, values) for part in parts)

    environ = {key: filled(text, peer, model, values) for key, text in variant.environ.items()}
    environ = _FOR_ALL | {"TMPDIR": str(scratch)} | environ
    for command in variant.prepare:
        _prepare(fill(command), place, environ)
    return Service(
        variant.name, fill(variant.command), place, variant.verified, variant.path, form, environ,
        variant.ready_timeout_s, variant.stop_timeout_s,
    )  # fmt: skip


def _prepare(command: tuple[str, ...], place: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=place,
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=_PREPARE_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"preparing failed: {' '.join((done.stderr or done.stdout).split())[-300:]}")


def outcome(bench: Bench, peer: Peer, variant: Variant, environment: Environment, model: str) -> Outcome:
    """Measures; what goes wrong is in the outcome, never raised."""
    found = Outcome(variant.name, model)
    try:
        ready = service(bench, peer, variant, environment, model)
        with running(ready) as server:
            found.ready_s = server.ready_s
            _measure(bench, server, found)
    except (RuntimeError, ValueError, OSError, http.client.HTTPException, subprocess.SubprocessError) as error:
        found.problem = _told(error, bench.folder, environment.folder)
        bench.say(f"  {variant.name}: {found.problem}")
    return found


def _told(error: Exception, *folders: Path) -> str:
    """The end of what is said, on one line, without the folders of this machine."""
    text = " ".join(str(error).split())
    for folder in folders:
        text = text.replace(str(folder), "…")
    return text[-400:] or type(error).__name__


def _measure(bench: Bench, server: Running, found: Outcome) -> None:
    deadline = time.monotonic() + bench.limit_s
    server.verify()
    bench.loader(server.service).warm_up(server)
    for connections in PHASES:
        if time.monotonic() > deadline:
            raise RuntimeError(f"took longer than {bench.limit_s:.0f} s")
        found.phases[str(connections)] = figures(bench.loader(server.service, connections).take(server, connections))
        if connections == MIDDLE:
            found.memory_bytes = machine.pss_bytes(server.pid)
            found.processes = len(machine.tree(server.pid))
    server.verify_joined()


def figures(taken: Slice) -> dict[str, Any]:
    """The figures of one slice: seconds, and the CPU seconds of the whole process tree for 1,000 requests."""
    load = taken.load
    return {
        "rps": load.rps,
        "p50_s": load.p50_s,
        "p99_s": load.p99_s,
        "p999_s": load.p999_s,
        "requests": load.requests,
        "errors": load.failed,
        "cpu_s_per_1000": taken.server_cpu_s / load.requests * 1000 if load.requests else None,
        "client_cores": load.client_cpu_s / load.duration_s,
        "foreign_cores": taken.foreign_cores,
    }
