"""The same application behind other servers: which door costs what, and what counting costs.

    .venv/bin/python -m pip install --group doors       granian, which nothing else needs
    python bench/doors.py [--quick] [--only model echo counting drain memory] [--json FILE]

Every door takes turns with the one that it is compared with, and ratios are taken within each pair (see README.md).
The table is Markdown on standard output; *CPU µs* is what all threads and processes of a server use for one request, and
the steadiest figure on a machine that others use too. A door whose server is not installed is said to be missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import costs
import loads
import machine
from clients import choose, http_request
from run import say
from services import Running, Service, daytwo, running

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "tests"))

from serving.live_load import Load, Tally  # noqa: E402  the tests' own account of every request

MODEL = ("uvicorn", "granian-rsgi", "granian-asgi", "h11")
ECHOES = ("echo-short", "echo-rsgi", "echo-asgi")
PARTS = ("model", "echo", "counting", "drain", "memory")
PHASES = (1, 32, 256)
_HEAD = ("", *(title for many in PHASES for title in (f"{many}: requests/s", "ratio", "p50 / p99 ms", "CPU µs")))
#: Callers of a drain, when they are interrupted, and for how long they are watched afterwards.
_CALLERS = 64
_AFTER_S = 1.0
_WATCHED_S = 12.0


@dataclass(frozen=True)
class Drained:
    """What SIGTERM under load did to the callers of one door, over some rounds; ``seconds``: to the process's end."""

    door: str
    keep_alive: bool
    answered: int
    lost: int
    told_to_close: int
    seconds: float
    killed: int


def main() -> int:
    options = _options()
    os.environ |= {"PYTHONPATH": str(HERE / "doors")}
    plan = loads.Plan(1.0, 1, 1.0) if options.quick else loads.Plan(slice_s=2.0, rounds=2, warm_up_s=1.0)
    with tempfile.TemporaryDirectory(prefix="daytwo-doors-") as name:
        bench = Bench(Path(name), plan, options.quick)
        say(f"Machine: {machine.describe()}. Load: {bench.loader.client}, one thread.")
        found: dict[str, Any] = {part: getattr(bench, part)() for part in PARTS if part in options.only}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2, default=asdict) + "\n", encoding="utf-8")
    return 0


class Bench:
    """One subject (iris), packed once, and the doors to it."""

    def __init__(self, folder: Path, plan: loads.Plan, quick: bool) -> None:
        costs.fit(folder)
        costs.packing(folder, folder / "registry")
        os.environ["DAYTWO_REGISTRY"] = str(folder / "registry")
        self.folder = folder / "iris"
        self.rounds = 1 if quick else 3
        self.loader = loads.Loader(choose(None, folder), self.folder / "body.json", plan, say)
        self.own = daytwo(self.folder, folder / "registry")

    def door(self, name: str) -> Service:
        """A door by its name in doors/serve.py; ``daytwo`` is the server as it comes."""
        if name == "daytwo":
            return self.own
        command = (sys.executable, str(HERE / "doors" / "serve.py"), name, "{port}")
        return Service(name, command, self.folder, verified=not name.startswith("echo"))

    def model(self) -> dict[str, Any]:
        """daytwo's short way, and the same endpoints behind other servers."""
        return self._compare("The model (iris), doors beside `daytwo serve`", "daytwo", _present(MODEL))

    def echo(self) -> dict[str, Any]:
        """No model: the body back. What a door itself costs."""
        return self._compare("An echo, beside uvicorn's", "echo", _present(ECHOES))

    def counting(self) -> dict[str, Any]:
        """daytwo beside itself with metrics and prediction ids off; what is off must have counted nothing."""
        found = self._compare("Counting: metrics and ids, beside the same server without them", "silent", ("daytwo",))
        print(f"\nMetrics and ids cost {1 - found['daytwo'][1].rps_ratio:.1%} of the throughput at 32 connections.")
        return found

    def _compare(self, title: str, reference: str, doors: tuple[str, ...]) -> dict[str, list[loads.Comparison]]:
        say(f"{title}:")
        found: dict[str, list[loads.Comparison]] = {}
        with running(self.door(reference)) as first:
            self._warm(first)
            for name in doors:
                with running(self.door(name)) as other:
                    self._warm(other)
                    found[name] = [self.loader.compare(first, other, many) for many in PHASES]
                    _verify(first, other)
        _table(title, reference, found)
        return found

    def _warm(self, server: Running) -> None:
        server.verify()
        self.loader.warm_up(server)

    def memory(self) -> dict[str, int]:
        """PSS of the whole process tree after two seconds of load, each door alone."""
        found = {}
        for name in ("daytwo", *_present(MODEL)):
            with running(self.door(name)) as server:
                self.loader.client.load(server.port, self.loader.body, 32, 2.0)
                found[name] = machine.pss_bytes(server.pid)
        print("\n| memory under load | MiB |\n|---|---:|")
        for name, size in found.items():
            print(f"| {name} | {size / 2**20:.0f} |")
        return found

    def drain(self) -> list[Drained]:
        """SIGTERM under load: requests that were written and never answered."""
        doors = ("daytwo", *_present(("uvicorn", "granian-rsgi", "granian-asgi")))
        found = [self._drained(name, keep_alive) for keep_alive in (True, False) for name in doors]
        print(
            "\n| SIGTERM under load | connections | answered | lost | told to close | ended after s | had to be killed |"
        )
        print("|---|---|---:|---:|---:|---:|---:|")
        for each in found:
            kind = "kept alive" if each.keep_alive else "one a request"
            print(f"| {each.door} | {kind} | {each.answered:,} | {each.lost} | {each.told_to_close} "
                  f"| {each.seconds:.1f} | {each.killed} of {self.rounds} |")  # fmt: skip
        return found

    def _drained(self, name: str, keep_alive: bool) -> Drained:
        rounds = []
        for _ in range(self.rounds):
            with running(self.door(name)) as server:
                rounds.append(asyncio.run(self._terminated(server, keep_alive)))
        tallies = [tally for tally, _, _ in rounds]
        return Drained(
            name, keep_alive,
            answered=sum(tally.answered for tally in tallies),
            lost=sum(tally.lost + tally.timeout for tally in tallies),
            told_to_close=sum(tally.closed_by_server for tally in tallies) if keep_alive else 0,
            seconds=median(seconds for _, seconds, _ in rounds),
            killed=sum(killed for _, _, killed in rounds),
        )  # fmt: skip

    async def _terminated(self, server: Running, keep_alive: bool) -> tuple[Tally, float, bool]:
        """The callers' tally, the seconds to the end of the process, and whether it had to be killed."""
        raw = http_request(server.port, self.loader.body.read_bytes())
        raw = raw if keep_alive else raw.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
        loop = asyncio.get_running_loop()
        async with Load(server.port, _CALLERS, lambda _: lambda _: (raw, _right), keep_alive=keep_alive) as load:
            await asyncio.sleep(_AFTER_S)
            server.process.terminate()
            start = loop.time()
            while (alive := server.process.poll() is None) and loop.time() - start < _WATCHED_S:  # noqa: ASYNC110  a process rings no bell
                await asyncio.sleep(0.01)
            seconds = loop.time() - start
        return load.tally, seconds, alive


def _right(answer: Any) -> bool:
    return bool(answer.status == 200)


def _present(doors: tuple[str, ...]) -> tuple[str, ...]:
    """Those whose server is installed."""
    if find_spec("granian"):
        return doors
    say("granian is not installed; its doors are left out: .venv/bin/python -m pip install --group doors")
    return tuple(door for door in doors if door in ("uvicorn", "h11", "echo-short"))


def _verify(*servers: Running) -> None:
    """Answers are still right, and who is said to count nothing has counted nothing."""
    for server in servers:
        server.verify()
        if server.service.name == "silent" and (counted := _answered(server)):
            raise RuntimeError(f"the server without metrics has counted {counted:g} requests: the patch has no hold")


def _answered(server: Running) -> float:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(map(float, re.findall(r"^daytwo_requests_total\{.*\} (\S+)$", text, re.MULTILINE)))


def _table(title: str, reference: str, found: dict[str, list[loads.Comparison]]) -> None:
    rows = [(reference, [(item.baseline, 1.0) for item in next(iter(found.values()), [])])]
    rows += [(name, [(item.daytwo, item.rps_ratio) for item in items]) for name, items in found.items()]
    print(f"\n{title}; columns by connections\n\n| {' | '.join(_HEAD)} |\n|---|{'---:|' * (len(_HEAD) - 1)}")
    for name, phases in rows:
        cells = [
            f"{s.rps:,.0f} | {ratio:.2f} | {s.p50_s * 1e3:.2f} / {s.p99_s * 1e3:.2f} | {s.server_cores / s.rps * 1e6:.0f}"
            for s, ratio in phases
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for name, phases in rows:
        if failed := sum(summary.failed for summary, _ in phases):
            print(f"\n{name}: {failed:,} errors", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="the same application behind other servers, in one run")
    parser.add_argument("--quick", action="store_true", help="short slices, one round: to see that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
