"""Opens one door on one port and serves until told to stop.

    python serve.py DOOR PORT      in the folder of a model; the registry comes from the environment

Doors: uvicorn, h11, granian-asgi, granian-rsgi, silent (daytwo's own, with nothing counted and no ids made), and the
echoes: echo (uvicorn), echo-short (daytwo's own short way, without an endpoint behind it), echo-asgi, echo-rsgi.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from daytwo.api.serve import serve
from daytwo.serving.endpoint import Endpoint
from daytwo.serving.ids import PredictionIds
from daytwo.serving.instruments import Counter, Histogram
from daytwo.settings import ServeSettings, resolve

ECHO = Path(__file__).parent.parent / "echo"


def plain_uvicorn(target: str, http: str, port: int) -> None:
    """uvicorn as anyone would run it, without its access log. ``target`` is a factory here, or a module's ``app``."""
    factory = not target.endswith(":app")
    uvicorn.run(target, factory=factory, http=http, loop="uvloop", ws="none", port=port, access_log=False, backlog=2048,
                app_dir=str(ECHO), log_level="warning", server_header=False)  # fmt: skip


def granian(target: str, interface: str, port: int) -> None:
    """granian with one worker and one runtime thread, as its own benchmarks run it."""
    from granian.constants import HTTPModes, Interfaces, Loops  # noqa: PLC0415  only this door needs it installed
    from granian.server import Server  # noqa: PLC0415

    sys.path.append(str(ECHO))
    Server(target, port=port, interface=Interfaces(interface), factory="model" in target, loop=Loops.uvloop,
           http=HTTPModes.http1, websockets=False, runtime_threads=1, backlog=2048, log_enabled=False).serve()  # fmt: skip


def own(port: int) -> None:
    """``daytwo serve``, as it is."""
    settings = resolve(ServeSettings, {"port": port, "drain_delay_s": 0.0})
    sys.exit(serve([Path.cwd().name], settings))


def silent(port: int) -> None:
    """Likewise, where counting does nothing and every prediction has the same id."""

    def nothing(*_: Any) -> None:
        pass

    Counter.add = Counter.set = Histogram.observe = nothing  # type: ignore[assignment, method-assign]
    PredictionIds.new = lambda _: "019a0000-0000-7000-8000-000000000000"  # type: ignore[method-assign]
    own(port)


def short_echo(port: int) -> None:
    """The short way alone: what it costs to get a request in and an answer out."""

    def ask(_: Endpoint, body: bytes, reply: Callable[[bytes], None], **_options: Any) -> None:
        reply(body)

    Endpoint.ask = ask  # type: ignore[assignment, method-assign]
    own(port)


DOORS: dict[str, Callable[[int], None]] = {
    "uvicorn": lambda port: plain_uvicorn("applications:model", "httptools", port),
    "h11": lambda port: plain_uvicorn("applications:model", "h11", port),
    "granian-asgi": lambda port: granian("applications:model", "asgi", port),
    "granian-rsgi": lambda port: granian("applications:model_rsgi", "rsgi", port),
    "silent": silent,
    "echo": lambda port: plain_uvicorn("main:app", "httptools", port),
    "echo-short": short_echo,
    "echo-asgi": lambda port: granian("main:app", "asgi", port),
    "echo-rsgi": lambda port: granian("applications:echo_rsgi", "rsgi", port),
}

if __name__ == "__main__":
    DOORS[sys.argv[1]](int(sys.argv[2]))
