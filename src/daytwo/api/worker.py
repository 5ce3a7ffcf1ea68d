"""One worker of ``daytwo serve --workers N``: run by the supervisor as ``python -m daytwo.api.worker``."""

from __future__ import annotations

import argparse
import json
import mmap
import socket
from pathlib import Path

from daytwo.api._served import served
from daytwo.serving import logs
from daytwo.serving.instruments import Instruments
from daytwo.serving.server import run
from daytwo.serving.service import Place, Service, layout_of
from daytwo.settings import ServeSettings


def main(arguments: list[str] | None = None) -> int:
    """Serve on the supervisor's listener; returns the exit code."""
    parser = argparse.ArgumentParser(prog="daytwo.api.worker")
    parser.add_argument("told")
    for name in ("worker", "workers", "listener", "metrics", "orphaned"):
        parser.add_argument(f"--{name}", type=int, required=True)
    given = parser.parse_args(arguments)
    told = json.loads(given.told)
    settings = ServeSettings(**told["settings"])
    logs.configure(settings.log_format)
    models = served(told["references"], Path(told["registry"]), settings)
    shared = mmap.mmap(given.metrics, Instruments.size(layout_of(models), given.workers))
    place = Place(given.worker, given.workers, shared)
    listener = socket.socket(fileno=given.listener)
    listener.setblocking(False)
    return run(Service(models, settings, place), settings, listener, orphaned=given.orphaned)


if __name__ == "__main__":
    raise SystemExit(main())
