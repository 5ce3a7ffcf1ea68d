"""Measures daytwo against the article's own service, everything in one run, and says which goals are met.

    python bench/run.py [--quick] [--only PART …] [--json FILE] [--markdown] [--client wrk|c|python]

Exit code 0: every goal that was measured is met; 1: not all; 3: something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import costs
import loads
import machine
from clients import choose
from goals import goals
from results import Results, markdown
from services import Running, baseline, daytwo, echo, running

SUBJECTS = ("iris", "forest")
PARTS = ("load", "start", "import", "packing")


def main() -> int:
    options = _options()
    plan = loads.Plan(slice_s=2.0, rounds=1, warm_up_s=1.0) if options.quick else loads.Plan()
    with tempfile.TemporaryDirectory(prefix="daytwo-bench-") as name:
        try:
            results = measure(Path(name), plan, options)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            print(f"could not measure: {error}", file=sys.stderr)
            return 3
    if options.json:
        options.json.write_text(json.dumps(results.to_json(), indent=2) + "\n", encoding="utf-8")
    return _tell(results, options.markdown)


def measure(folder: Path, plan: loads.Plan, options: argparse.Namespace) -> Results:
    """Everything that ``options`` ask for, with its files in ``folder``."""
    client = choose(options.client, folder)
    if client.kind == "python":
        say("neither wrk nor a C compiler is here: the Python client takes its part of the figures of fast servers")
    results = Results(machine.describe(), str(client), options.quick)
    say(f"Machine: {results.machine}. Load: {client}, one thread.")
    costs.fit(folder)
    if "import" in options.only:
        say("Import, in fresh interpreters:")
        results.imports = costs.imports(5 if options.quick else 21, say)
    if {"load", "start", "packing"} & set(options.only):
        results.packing = costs.packing(folder, folder / "registry")
        say("Packing with proof: " + ", ".join(f"{k} {v:.2f} s" for k, v in results.packing.items()))
    loaders = {subject: loads.Loader(client, folder / subject / "body.json", plan, say) for subject in SUBJECTS}
    if "start" in options.only:
        for subject, loader in loaders.items():
            _starts(folder, subject, loader, results)
    if "load" in options.only:
        _ceiling(folder, loaders["iris"], results)
        for subject, loader in loaders.items():
            _loads(folder, subject, loader, results)
    return results


def _starts(folder: Path, subject: str, loader: loads.Loader, results: Results) -> None:
    times = 1 if results.quick else 5
    say(f"Start and memory, {subject}, each service alone, {times} times in turn:")
    services = baseline(folder / subject), daytwo(folder / subject, folder / "registry")
    results.starts[subject] = costs.starts(services, loader.client, times, say)


def _ceiling(folder: Path, loader: loads.Loader, results: Results) -> None:
    say("Ceiling, a bare uvicorn echo:")
    with running(echo(folder / "iris")) as server:
        loader.warm_up(server)
        results.ceiling = [loads.summary([loader.take(server, connections)]) for connections in loads.PHASES]


def _loads(folder: Path, subject: str, loader: loads.Loader, results: Results) -> None:
    say(f"Load, {subject}:")
    with ExitStack() as stack:
        theirs = stack.enter_context(running(baseline(folder / subject)))
        ours = stack.enter_context(running(daytwo(folder / subject, folder / "registry")))
        _verified(theirs, ours)
        loader.warm_up(theirs)
        loader.warm_up(ours)
        results.loads[subject] = [loader.compare(theirs, ours, connections) for connections in loads.PHASES]
        _verified(theirs, ours)


def _verified(*servers: Running) -> None:
    for server in servers:
        server.verify()


def _tell(results: Results, as_markdown: bool) -> int:
    if as_markdown:
        print(markdown(results))
    found = goals(results)
    say("\nGoals:")
    for goal in found:
        say(str(goal))
    missed = sum(not goal.met for goal in found)
    say(f"{len(found) - missed} of {len(found)} met.")
    if results.quick:
        say("A quick run: read nothing into small differences.")
    if results.foreign_cores > loads.FOREIGN_CORES:
        say(f"Other processes used {results.foreign_cores:.1f} core meanwhile: run it again when the machine is calm.")
    return 1 if missed else 0


def say(text: str) -> None:
    """A line for whoever watches; standard output is for the table that was asked for."""
    print(text, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="daytwo against the article's own service, in one run")
    parser.add_argument("--quick", action="store_true", help="short slices, one round: to see that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the README's table on standard output")
    parser.add_argument("--client", choices=("wrk", "c", "python"), help="the load client (default: the best one here)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
