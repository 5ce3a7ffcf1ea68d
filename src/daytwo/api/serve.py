"""``daytwo serve``: REST, metrics and documentation for one or more models, until told to stop."""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from daytwo.api._served import demand_of, served, with_threads
from daytwo.bundle import Bundle
from daytwo.serving import logs
from daytwo.serving.capacity import Plan, plan
from daytwo.serving.limits import read_limits
from daytwo.serving.listener import bind
from daytwo.serving.server import run
from daytwo.serving.service import Served, Service, layout_of
from daytwo.serving.supervisor import Supervisor
from daytwo.serving.template import Template
from daytwo.serving.threads import keep_to, thread_variables
from daytwo.settings import RegistrySettings, ServeSettings, resolve

log = logging.getLogger("daytwo.serving")

#: What a worker may take over its drain before it is killed: an emptied backlog and the end of its process.
_MARGIN_S = 4.0

#: For the template: Arrow's allocator must not keep a thread of its own, which a fork would not survive.
_THREADLESS = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}

#: Told once, when the port is open: the URL and what is served.
Opened = Callable[[str, Sequence[Served]], None]


def serve(
    references: Sequence[str | Path | Bundle],
    settings: ServeSettings | None = None,
    *,
    registry: str | Path | None = None,
    opened: Opened | None = None,
) -> int:
    """Serve ``references`` until SIGTERM or Ctrl-C; returns the exit code. To be called in the main thread.

    Raises, before anything is opened: UnknownReference, CorruptBundle, TrustRequired, EnvironmentMismatch,
    OutsideFailure (the port).
    """
    settings = settings or resolve(ServeSettings, {})
    home = resolve(RegistrySettings, {"registry": registry}).registry
    models = served(references, home, settings)
    logs.configure(settings.log_format)
    chosen = _plan(models, references, settings)
    settings = replace(settings, workers=chosen.workers)
    listener = bind(settings.host, settings.port)

    def tell() -> None:
        if opened is not None:
            opened(url_of(listener), models)

    if chosen.workers == 1:
        keep_to(chosen.threads)
        models = with_threads(models, references, settings, chosen)
        return run(Service(models, settings), settings, listener, opened=tell)
    # Workers get what was verified here, so that an alias that moves meanwhile cannot split them.
    paths = [str(item.bundle.path if item.bundle else reference)
             for item, reference in zip(models, references, strict=True)]  # fmt: skip
    told = {
        "path": sys.path,
        "references": paths,
        "registry": str(home),
        "settings": asdict(settings),
        "plan": asdict(chosen),
    }
    return _supervisor(told, models, settings, chosen, listener).run(tell)


def _plan(models: Sequence[Served], references: Sequence[str | Path | Bundle], settings: ServeSettings) -> Plan:
    """How many workers and threads, said in the log where it was not the user who said so."""
    demands = [demand_of(item, reference, settings) for item, reference in zip(models, references, strict=True)]
    linux = sys.platform == "linux"
    chosen = plan(settings.workers, settings.threads, read_limits(), demands, preload=settings.preload, forks=linux)
    if settings.workers == "auto":
        log.info("workers: %d, by %s", chosen.workers, chosen.why)
    if chosen.unshared_because:
        log.warning("workers load the models each for themselves: %s", chosen.unshared_because)
    return chosen


def _supervisor(
    told: Mapping[str, object], models: Sequence[Served], settings: ServeSettings, chosen: Plan, listener: socket.socket
) -> Supervisor:
    command = [sys.executable, "-P", "-m", "daytwo.api.worker", json.dumps(told)]
    added = thread_variables(chosen.threads, os.environ)
    template = Template(command, os.environ | added | _THREADLESS) if chosen.shared else None
    return Supervisor(
        command,
        chosen.workers,
        listener,
        layout_of(models),
        grace_s=settings.drain_delay_s + settings.drain_timeout_s + _MARGIN_S,
        template=template,
        environments=[added | gpu for gpu in _gpus(chosen)],
    )


def _gpus(chosen: Plan) -> list[dict[str, str]]:
    """What shows each worker its own GPU, where there is one for each."""
    return [{"CUDA_VISIBLE_DEVICES": gpu} for gpu in chosen.gpus] or [{}] * chosen.workers


def url_of(listener: socket.socket) -> str:
    """Where a browser finds ``listener``."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  only to show something that works
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
