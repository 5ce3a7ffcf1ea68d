"""``daytwo bench``: a load test of a bundle, on a server of its own, or of a server that runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path

from daytwo.bundle import Bundle
from daytwo.dialects.native import NativeDialect
from daytwo.errors import InvalidInput, InvalidSetting, OutsideFailure
from daytwo.loadtest import bodies as rows_of
from daytwo.loadtest.answers import verify
from daytwo.loadtest.bodies import Bodies
from daytwo.loadtest.child import serving
from daytwo.loadtest.clients import clients
from daytwo.loadtest.driver import Address
from daytwo.loadtest.measure import Measurement, Progress
from daytwo.loadtest.plan import Plan
from daytwo.loadtest.report import Report, Setting
from daytwo.loadtest.target import address_of, cpu_s, example_body, is_url, probe, ready_workers
from daytwo.loadtest.verdict import Wanted, judge
from daytwo.predictor import Predictor
from daytwo.registry.local import LocalRegistry
from daytwo.settings import ServeSettings, registry_path, resolve

_PACKAGES = ("daytwo", "numpy", "onnxruntime", "uvicorn")
_FEW_EXAMPLES = 1


@dataclass(frozen=True, slots=True)
class _Server:
    """A server to be loaded, and all that is known of it."""

    address: Address
    bodies: Bodies
    rows: str
    workers: int | None
    cpu_s: Callable[[], float | None]
    require_alive: Callable[[], None]
    verified: int | None = None
    started: bool = False


def bench(
    target: str,
    *,
    rate: float | None = None,
    p99_s: float | None = None,
    duration_s: float = 60.0,
    data: str | Path | None = None,
    workers: str | int | None = None,
    client_processes: int | None = None,
    max_connections: int = 256,
    registry: str | Path | None = None,
    trust: bool | None = None,
    progress: Progress = lambda *_: None,
) -> Report:
    """Load a model until it is known what it bears.

    target:           a reference, for which a server is started, or the URL of one that runs
    rate, p99_s:      what it should bear: requests a second, and the latency of 99 in 100 of them
    duration_s:       about how long in all, without starting the server
    data:             rows to send: CSV, JSON or JSON Lines; by default the bundle's examples, or the server's own
    workers:          of the server that is started, as ``daytwo serve --workers`` takes them
    client_processes: by default one for each worker while there are cores for it
    max_connections:  the ramp ends there

    What ends it early (the server dies, Ctrl-C) is in the report, with what was measured until then. Raises
    UnknownReference, InvalidInput, TrustRequired, ExamplesFailed and OutsideFailure for what keeps it from beginning.
    """
    wanted = Wanted(rate, p99_s)
    plan = Plan(duration_s, max_connections, rate)
    home = registry_path(registry)
    progress("starting the server" if not is_url(target) else "asking the server", 0.0)
    with _server(target, Path(data) if data else None, home, workers, trust) as server:
        count = client_processes or _client_processes(server.workers)
        setting = _setting(target, server, count)
        with clients(count, server.address, server.cpu_s, local=setting.local) as some:
            measurement = Measurement(some, server.address, server.bodies, plan, server.require_alive, progress, p99_s)
            ended, interrupted = _run(measurement)
    verdict = judge(measurement.results, wanted, workers=setting.workers, cores=setting.cores)
    return Report(setting, wanted, tuple(measurement.results), verdict, ended, interrupted)


def _run(measurement: Measurement) -> tuple[str, bool]:
    """Measure; why it ended before its time, and whether somebody ended it."""
    try:
        measurement.run()
    except KeyboardInterrupt:
        return "it was interrupted", True
    except OutsideFailure as error:
        if not measurement.results:
            raise
        return str(error), False
    return "", False


@contextmanager
def _server(
    target: str, data: Path | None, registry: Path, workers: str | int | None, trust: bool | None
) -> Iterator[_Server]:
    """The server at a URL, or one that is started for a reference and has proven its examples."""
    if is_url(target):
        if workers is not None:
            raise InvalidSetting("--workers", "a reference, for which a server is started", f"a URL, {target}")
        yield _running(target, data)
        return
    settings = resolve(ServeSettings, {"workers": workers, "trust": trust})
    bundle = LocalRegistry(registry).open(target)
    # What the server would refuse in its own process is refused here, where it can be said.
    Predictor.require(bundle, trust=settings.trust, runtime=settings.runtime)
    bodies = _bodies(bundle, data)
    flags = [*(["--workers", str(workers)] if workers is not None else []), *(["--trust"] if trust else [])]
    wanted = int(workers or 1) if str(workers or 1).isdigit() else None
    with serving(target, registry, flags, wanted) as child:
        rows = f"the rows of {data.name}" if data else f"the bundle's {bundle.examples().rows} examples"
        yield _Server(child.address, bodies, rows, child.workers, child.cpu_s, child.require_alive,
                      verified=verify(child.address, bundle), started=True)  # fmt: skip


def _running(url: str, data: Path | None) -> _Server:
    """The server at ``url``, asked once."""
    address = address_of(url)
    ours = ready_workers(address)
    if data is None:
        bodies, rows = rows_of.from_parsed(example_body(address)), "the example of the server's own documentation"
    else:
        bodies, rows = rows_of.from_file(data), f"the rows of {data.name}"
    if ours is not None:
        bodies = rows_of.records(bodies)
    probe(address, bodies.of(1)[0])
    return _Server(address, bodies, rows, ours, lambda: cpu_s(address), lambda: None)


def _bodies(bundle: Bundle, data: Path | None) -> Bodies:
    """Rows for ``bundle``, known to fit it. Raises InvalidInput naming the field."""
    examples = bundle.examples()
    if data is None and examples.rows < _FEW_EXAMPLES:
        raise InvalidInput.at("--data", f"rows, for {bundle.reference} has no examples", "none")
    if data is None:
        return rows_of.from_batch(bundle.signature, examples.inputs)
    bodies = rows_of.records(rows_of.from_file(data, bundle.signature))
    dialect = NativeDialect(bundle.signature, model=bundle.name, version=bundle.version)
    for body in bodies.of(1):
        dialect.decode(body)
    return bodies


def _setting(target: str, server: _Server, count: int) -> Setting:
    return Setting(
        target=target,
        url=f"{server.address.base}{server.address.path}",
        started=server.started,
        workers=server.workers,
        clients=count,
        local=server.started or _is_local(server.address.host),
        cores=_cores(),
        verified=server.verified,
        rows=server.rows,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": sys.version.split()[0], **{name: version(name) for name in _PACKAGES}},
    )


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _client_processes(workers: int | None) -> int:
    """One for each worker, as long as the workers have their cores; half of the cores for a server elsewhere."""
    cores = _cores()
    return max(1, cores // 2 if workers is None else min(workers, cores - workers))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
