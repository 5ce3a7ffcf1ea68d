"""A worker of ``daytwo serve --workers N``, or the template that workers are copied from.

Run by the supervisor as ``python -m daytwo.api.worker TOLD``.
"""

from __future__ import annotations

import argparse
import json
import logging
import mmap
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from daytwo.api._served import served, with_threads
from daytwo.errors import sentence
from daytwo.predictor import Predictor
from daytwo.serving import logs
from daytwo.serving.capacity import Plan
from daytwo.serving.forking import Post, breed, impediment, open_descriptors
from daytwo.serving.instruments import Instruments
from daytwo.serving.server import run
from daytwo.serving.service import Place, Served, Service, layout_of
from daytwo.settings import ServeSettings

log = logging.getLogger("daytwo.serving")

_POST = ("worker", "workers", "listener", "metrics", "orphaned")


def main(arguments: list[str] | None = None) -> int:
    """Serve on the supervisor's listener, or be the template of those who do; returns the exit code."""
    parser = argparse.ArgumentParser(prog="daytwo.api.worker")
    parser.add_argument("told", type=json.loads)
    for name in (*_POST, "template"):
        parser.add_argument(f"--{name}", type=int)
    given = parser.parse_args(arguments)
    sys.path[:] = given.told["path"]
    settings = ServeSettings(**given.told["settings"])
    logs.configure(settings.log_format)
    if given.template is not None:
        return _template(given.told, settings, socket.socket(fileno=given.template))
    return _work(_models(given.told, settings), settings, Post(*(getattr(given, name) for name in _POST)))


def _models(told: dict[str, Any], settings: ServeSettings) -> list[Served]:
    models = served(told["references"], Path(told["registry"]), settings)
    return with_threads(models, told["references"], settings, Plan(**told["plan"]))


def _work(models: Sequence[Served], settings: ServeSettings, post: Post) -> int:
    """Serve until told to stop; the exit code."""
    shared = mmap.mmap(post.metrics, Instruments.size(layout_of(models), post.workers))
    place = Place(post.worker, post.workers, shared)
    listener = socket.socket(fileno=post.listener)
    listener.setblocking(False)
    return run(Service(models, settings, place), settings, listener, orphaned=post.orphaned)


def _template(told: dict[str, Any], settings: ServeSettings, control: socket.socket) -> int:
    """Load the models, say whether that left a process that may be copied, and be copied."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a copy that has not yet begun to serve ends by it without a word
    before = open_descriptors()
    try:
        models = [_loaded(item) for item in _models(told, settings)]
        unfit = impediment(before)
    except Exception as error:  # noqa: BLE001  the workers will meet it too, stay up and say it to whoever asks
        models, unfit = [], sentence(error)
    control.send(json.dumps({"unfit": unfit}).encode())
    return 0 if unfit else breed(control, lambda post: _work_and_end(models, settings, post))


def _work_and_end(models: Sequence[Served], settings: ServeSettings, post: Post) -> int:
    """As :func:`_work`, in a copy. It ends without what it was to do at its exit: that belongs to the template, and a
    temporary folder that one copy cleared away would be gone for all.
    """
    code = 1
    try:
        code = _work(models, settings, post)
    except BaseException:
        log.exception("a worker failed")
    finally:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(code)


def _loaded(item: Served) -> Served:
    """``item``, whose model is there before it is asked for. Its examples are run in each copy."""
    predictor = item.load()

    def there() -> Predictor:
        return predictor

    return replace(item, load=there, load_elsewhere=item.load)


if __name__ == "__main__":
    raise SystemExit(main())
