"""``daytwo serve``: REST, metrics and documentation for one or more models, until told to stop."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from daytwo.api._served import served
from daytwo.bundle import Bundle
from daytwo.serving import logs
from daytwo.serving.listener import bind
from daytwo.serving.server import run
from daytwo.serving.service import Served, Service, layout_of
from daytwo.serving.supervisor import Supervisor
from daytwo.settings import RegistrySettings, ServeSettings, resolve

#: What a worker may take over its drain before it is killed: an emptied backlog and the end of its process.
_MARGIN_S = 4.0

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
    listener = bind(settings.host, settings.port)

    def tell() -> None:
        if opened is not None:
            opened(url_of(listener), models)

    if settings.workers == 1:
        return run(Service(models, settings), settings, listener, opened=tell)
    # Workers get what was verified here, so that an alias that moves meanwhile cannot split them.
    paths = [str(item.bundle.path if item.bundle else reference)
             for item, reference in zip(models, references, strict=True)]  # fmt: skip
    told = json.dumps({"references": paths, "registry": str(home), "settings": asdict(settings)})
    command = [sys.executable, "-m", "daytwo.api.worker", told]
    grace_s = settings.drain_delay_s + settings.drain_timeout_s + _MARGIN_S
    return Supervisor(command, settings.workers, listener, layout_of(models), grace_s=grace_s).run(tell)


def url_of(listener: socket.socket) -> str:
    """Where a browser finds ``listener``."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  only to show something that works
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
