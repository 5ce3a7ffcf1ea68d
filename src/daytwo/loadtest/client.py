"""A client process: takes stages on standard input, one JSON document a line, and answers each with a tally.

    python -m daytwo.loadtest.client

It ends when its standard input does, so that it outlives nobody.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from daytwo.loadtest.driver import Address, Driver
from daytwo.loadtest.stages import Stage


@dataclass(frozen=True, slots=True)
class Errand:
    """A line of standard input: a stage, the address, and the bodies that are sent in turn."""

    address: Address
    stage: Stage
    bodies: tuple[bytes, ...]
    warm_s: float
    patience_s: float
    seed: int

    @classmethod
    def read(cls, line: str) -> Errand:
        """The inverse of :meth:`write`."""
        plain = json.loads(line)
        bodies = tuple(body.encode() for body in plain["bodies"])
        return cls(Address(**plain["address"]), Stage(**plain["stage"]), bodies, plain["warm_s"], plain["patience_s"],
                   plain["seed"])  # fmt: skip

    def write(self) -> str:
        """As one line."""
        plain = {
            "address": self.address.to_json(), "stage": self.stage.to_json(),
            "bodies": [body.decode() for body in self.bodies], "warm_s": self.warm_s,
            "patience_s": self.patience_s, "seed": self.seed,
        }  # fmt: skip
        return json.dumps(plain) + "\n"


def main() -> None:
    """Serve standard input until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us, who then closes our input
    run = _runner()
    lines: list[str] = []
    come = threading.Semaphore(0)
    threading.Thread(target=_listen, args=(lines, come), daemon=True).start()
    while True:
        come.acquire()
        errand = Errand.read(lines.pop(0))
        gc.collect()
        gc.disable()  # a pause of ours would be taken for one of the server's
        tally = run(
            Driver(errand.address, errand.bodies, errand.patience_s, errand.seed).run(errand.stage, errand.warm_s)
        )
        gc.enable()
        sys.stdout.write(json.dumps(tally.to_json()) + "\n")
        sys.stdout.flush()


def _listen(lines: list[str], come: threading.Semaphore) -> None:
    """Hand lines on as they come; when there are no more, end at once, also in the middle of a stage."""
    for line in sys.stdin:
        lines.append(line)
        come.release()
    os._exit(0)


def _runner() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """How to run a coroutine: on uvloop where it is installed."""
    if find_spec("uvloop"):
        import uvloop  # noqa: PLC0415  optional on some systems

        return uvloop.run
    return asyncio.run


if __name__ == "__main__":
    main()
