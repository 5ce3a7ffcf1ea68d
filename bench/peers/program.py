"""The command: which services on which models, in which order, and what is told at the end."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import machine
from clients import choose
from loads import FOREIGN_CORES, Plan
from peers import catalog, document, environments, measure, plots, publish, tables, targets
from peers.catalog import Peer, Variant
from peers.figures import BASELINE, OURS
from services import running

MODELS = ("iris", "forest", "boosting", "mlp")
_QUICK_MODELS = ("iris", "forest")
#: The ceilings know nothing of models, so one model's turn measures them.
_CEILINGS_ON = "iris"
_FIT_TIMEOUT_S = 300.0
_BETWEEN_S = 2.0
_FULL = Plan(slice_s=3.0, warm_up_s=1.0, takes=2)
_QUICK = Plan(slice_s=1.0, warm_up_s=1.0, takes=1)
_BENCH = Path(__file__).parents[1]

Served = tuple[Peer, Variant, environments.Environment]


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: every goal that was measured is met; 1: not all; 3: nothing could be measured."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    if options.source:
        found = json.loads(options.source.read_text(encoding="utf-8"))
    else:
        with tempfile.TemporaryDirectory(prefix="d2-", ignore_cleanup_errors=True) as name:
            try:
                found = _measured(Path(name), options)
            except (RuntimeError, OSError, subprocess.SubprocessError) as error:
                say(f"could not measure: {error}")
                return 3
    return _tell(found, options)


def _measured(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The whole run. Interrupted, it returns what it has."""
    client = choose(options.client, folder)
    plan = _QUICK if options.quick else _FULL
    kept = document.begin(options.json, str(client), plan, options.quick, _command(options))
    say(f"Machine: {machine.describe()}. Load: {client}, one thread.")
    models = options.models or (_QUICK_MODELS if options.quick else MODELS)
    served = _provided(options.only, kept)
    _fit(folder, models)
    bench = measure.Bench(folder, client, plan, say)
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is told to end stops its services first
    try:
        kept.in_process = _in_process(folder, models)
        for model in models:
            say(f"\n{model}, after {(time.monotonic() - start) / 60:.1f} min:")
            _model(bench, model, served, kept, once=options.quick)
    except KeyboardInterrupt:
        say("interrupted: what follows is what there is")
    kept.save()
    say(f"\nMeasured in {(time.monotonic() - start) / 60:.1f} min.")
    return kept.to_json()


def _provided(only: list[str], kept: document.Document) -> dict[str, Served]:
    """What can be served, by name; what cannot is in the document with its reason."""
    served, folder = {}, environments.cache()
    # The environments that others share come first.
    for peer in sorted(catalog.peers(), key=lambda peer: (peer.environment is not None, peer.name)):
        wanted = [v for v in peer.variants if not only or {v.name, peer.name} & {*only, BASELINE, OURS}]
        problem, environment = None, None
        try:
            environment = environments.provide(peer, folder, say) if wanted else None
        except environments.Unavailable as error:
            problem = f"not installed: {error}"
            say(f"{peer.name}: {problem}")
        for variant in wanted:
            kept.add_service(peer, variant, environment, problem)
            if environment:
                served[variant.name] = (peer, variant, environment)
    if BASELINE not in served:
        raise RuntimeError("the article's service, by which everything is divided, cannot be installed")
    return served


def _fit(folder: Path, models: list[str]) -> None:
    for script, places in (("subjects.py", [str(folder)]), ("pack.py", [str(folder), str(folder / "registry")])):
        command = [sys.executable, str(_BENCH / script), *places, *models]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FIT_TIMEOUT_S, check=False)
        if done.returncode:
            raise RuntimeError(f"{script} failed:\n{done.stderr[-2000:]}")


def _in_process(folder: Path, models: list[str]) -> dict[str, Any]:
    command = [sys.executable, str(_BENCH / "peers" / "inprocess.py"), str(folder), str(folder / "registry"), *models]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_FIT_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"inprocess.py failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _model(bench: measure.Bench, model: str, served: dict[str, Served], kept: document.Document, *, once: bool) -> None:
    """Every service in turn, a short slice of the baseline between any two."""
    before = _between(bench, served[BASELINE], model)
    for name in order(list(served), model, once=once):
        found = measure.outcome(bench, *served[name], model)
        entry = kept.add(found)
        after = _between(bench, served[BASELINE], model)
        entry["baseline_rps"] = [rps for rps in (before, after) if rps]
        before = after
    kept.save()


def order(names: list[str], model: str, *, once: bool) -> list[str]:
    """The baseline, then daytwo, the peers, daytwo amid them and at the end (``once``: at the beginning alone), and the
    ceilings where they are measured."""
    ceilings = [name for name in names if name in ("echo", "nginx")]
    rivals = [name for name in names if name not in (BASELINE, OURS, *ceilings)]
    half = len(rivals) // 2
    ours = [OURS] if OURS in names else []
    again = [] if once else ours
    ends = ceilings if model == _CEILINGS_ON else []
    return [BASELINE, *ours, *rivals[:half], *(again if rivals else []), *rivals[half:], *ends, *again]


def _between(bench: measure.Bench, served: Served, model: str) -> float | None:
    """The article's requests per second at 32 connections just now, from a short slice; None where it failed."""
    plan = replace(bench.plan, slice_s=min(_BETWEEN_S, bench.plan.slice_s), takes=1)
    try:
        with running(measure.service(bench, *served, model)) as server:
            loader = replace(bench, plan=plan, say=lambda _: None).loader(server.service)
            loader.warm_up(server)
            return loader.take(server, measure.MIDDLE).load.rps
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(f"  the baseline failed: {error}")
        return None


def _tell(found: dict[str, Any], options: argparse.Namespace) -> int:
    if options.markdown:
        print(tables.compact(found))
    if options.plot:
        for file in plots.draw(found, options.plot):
            say(f"wrote {file}")
    if options.publish:
        for file in publish.publish(found, _BENCH.parent):
            say(f"wrote {file}")
    goals = targets.goals(found)
    say("\nGoals:")
    for goal in goals:
        say(str(goal))
    missed = sum(not goal.met for goal in goals)
    say(f"{len(goals) - missed} of {len(goals)} met.")
    for line in _reservations(found):
        say(line)
    return 1 if missed else 0


def _reservations(found: dict[str, Any]) -> Iterator[str]:
    """What a reader of these figures has to know."""
    for service in found["services"]:
        if service["problem"]:
            yield f"{service['title']}: {service['problem']}"
    for run in found["runs"]:
        if run["problem"]:
            yield f"{run['service']} on {run['model']}: {run['problem']}"
    if found["quick"]:
        yield "A quick run: read nothing into small differences."
    noisy = [p for run in found["runs"] for p in run["phases"].values() if p["foreign_cores"] > FOREIGN_CORES]
    if noisy:
        yield f"During {len(noisy)} slices other processes used over {FOREIGN_CORES} core: run it on a calm machine."


def _command(options: argparse.Namespace) -> str:
    """What a reader types to have the same measured."""
    flags = ["--quick"] if options.quick else []
    for name in ("only", "models"):
        flags += [f"--{name}", *getattr(options, name)] if getattr(options, name) else []
    return "make bench-peers" + (f" ARGS='{' '.join(flags)}'" if flags else "")


def say(text: str) -> None:
    """A line for whoever watches; standard output is for the table that was asked for."""
    print(text, file=sys.stderr, flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench/peers/run.py", description="daytwo beside its peers, in one run")
    parser.add_argument("--quick", action="store_true", help="slices of a second, two models: to see that it works")
    parser.add_argument("--only", nargs="+", default=[], metavar="PEER", help="these peers, by folder or service name")
    parser.add_argument("--models", nargs="+", choices=MODELS, metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep every figure in FILE, from the first one on")
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="measure nothing, tell of FILE")
    parser.add_argument("--markdown", action="store_true", help="print the README's table on standard output")
    parser.add_argument("--plot", type=Path, metavar="FOLDER", help="draw the plots into FOLDER")
    parser.add_argument("--publish", action="store_true", help="write table, page and plots into README.md and docs/")
    parser.add_argument("--client", choices=("wrk", "c", "python"), help="the load client (default: the best one here)")
    return parser.parse_args(arguments)
