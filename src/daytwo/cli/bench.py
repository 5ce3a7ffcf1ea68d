"""``daytwo bench``."""

from __future__ import annotations

import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from daytwo import _plugins
from daytwo.cli.chart import chart
from daytwo.cli.exit_codes import DONE, FOUND_WANTING, INTERRUPTED, NOT_ENOUGH_DATA, OUTSIDE_FAILED
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, console, pairs, table
from daytwo.errors import InvalidSetting, OutsideFailure
from daytwo.loadtest.curves import LatencyThroughput
from daytwo.loadtest.report import Report, duration, per_second
from daytwo.loadtest.stages import QUANTILES, Result

_QUICK_S, _DEFAULT_S = 15.0, 60.0
_HEADINGS = {"ramp": "One row each, more and more connections", "batch": "More and more rows in each request",
             "open": "One row each, arriving at random"}  # fmt: skip
#: Columns that stand below each other in all tables.
_WIDTHS = {"connections": 11, "rows each": 11, "arriving/s": 11, "answered/s": 10, "rows/s": 10}


@verb(
    "bench",
    "Load the model until it is known what it bears: more and more connections, more and more rows in a request, then"
    " requests that arrive at random at fractions of the peak, their latency measured from when they were meant to be"
    " sent. REF is served for the test by a server of its own; URL is a server that runs. Says how many workers and"
    " replicas a wanted rate takes. Exit code 1 where --rate or --p99 was not met.",
    "daytwo bench churn --rate 500 --p99 50\n"
    "daytwo bench churn@prod --quick --html bench.html\n"
    "daytwo bench http://127.0.0.1:8000/predict --data rows.csv --json",
)
@click.argument("target", metavar="REF|URL")
@click.option("--rate", type=float, metavar="R", help="The requests a second that it should bear.")
@click.option("--p99", type=float, metavar="MS", help="The milliseconds that 99 of 100 requests must stay within.")
@click.option("--duration", type=float, metavar="S", help="About how long, in all. [default: 60]")
@click.option("--quick", is_flag=True, help="A first look: 15 seconds.")
@click.option("--data", type=click.Path(path_type=Path), metavar="FILE",
              help="Rows to send, as CSV, JSON or JSON Lines. [default: the bundle's examples, or the server's own]")  # fmt: skip
@click.option("--workers", metavar="N", help="Workers of the server that is started. [default: 1]")
@click.option("--clients", type=click.IntRange(1, 64), metavar="N",
              help="Processes that make the load. [default: one for each worker, while there are cores]")  # fmt: skip
@click.option("--connections", type=click.IntRange(1, 4096), metavar="N", default=256,
              help="The most connections at once. [default: 256]")  # fmt: skip
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write all of it as one page, with curves.")  # fmt: skip
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the curve of latency over throughput as a picture; needs the extra 'plot'.")  # fmt: skip
@click.option("--trust", is_flag=True, help="Allow a bundle whose loading runs code, such as a pickle.")
@registry_option
def command(target: str, registry: Path, output: Output, **options: Any) -> int:
    """``daytwo bench REF|URL``."""
    # A polite end from outside is an interrupt: the server that was started must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rate, p99 = (_positive(options[name], f"--{name}") for name in ("rate", "p99"))
    total_s = _positive(options["duration"], "--duration") or (_QUICK_S if options["quick"] else _DEFAULT_S)
    writers = dict(_writers(options["html"], options["png"]))
    bench = _plugins.load("daytwo.api.bench:bench", "daytwo bench")
    with _bar(output) as progress:
        report: Report = bench(
            target,
            rate=rate,
            p99_s=None if p99 is None else p99 / 1e3,
            duration_s=max(total_s, 1.0),
            data=options["data"],
            workers=options["workers"],
            client_processes=options["clients"],
            max_connections=options["connections"],
            registry=registry,
            trust=options["trust"] or None,
            progress=progress,
        )
    for file, write in writers.items():
        _write(file, write, report)
    output.show(report.to_json(), lambda: list(human(report, console().width, list(writers))), essential=_bare(report))
    if report.ended:
        click.echo(f"daytwo: ended early: {report.ended}", err=True)
    return _code(report)


def _code(report: Report) -> int:
    if report.interrupted:
        return INTERRUPTED
    if report.ended:
        return OUTSIDE_FAILED
    if report.wanted.anything:
        return {True: DONE, False: FOUND_WANTING, None: NOT_ENOUGH_DATA}[report.verdict.met]
    return DONE


def _positive(value: float | None, flag: str) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InvalidSetting(flag, "a number over 0", f"{value:g}")
    return value


def _writers(html: Path | None, png: Path | None) -> Iterator[tuple[Path, Callable[[Report], bytes]]]:
    """How each wanted file is made; what is missing for it is said before anything is measured."""
    if html is not None:
        yield html, _plugins.load("daytwo.loadtest.page:page", "daytwo bench --html")
    if png is not None:
        yield png, _plugins.load("daytwo.loadtest.png:png", "daytwo bench --png")
    for file in (html, png):
        if file is not None and not file.absolute().parent.is_dir():
            raise OutsideFailure(f"{file} cannot be written: there is no folder {file.parent}")


def _write(file: Path, write: Callable[[Report], bytes], report: Report) -> None:
    try:
        file.write_bytes(write(report))
    except OSError as error:
        raise OutsideFailure(f"{file} cannot be written: {error.strerror}") from None


@contextmanager
def _bar(output: Output) -> Iterator[Callable[[str, float], None]]:
    """A bar of progress on standard error, where somebody watches."""
    screen = console(stderr=True)
    shown = output.chatty and screen.is_terminal
    columns = (BarColumn(24), TextColumn("[dim]{task.percentage:>3.0f}%[/dim] {task.description}"))
    with Progress(*columns, console=screen, transient=True, disable=not shown) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda label, done: bar.update(task, completed=done, description=escape(label))


def _bare(report: Report) -> str:
    """The capacity alone, requests a second."""
    capacity = report.verdict.capacity_per_s
    return "" if capacity is None else f"{capacity:.6g}"


def human(report: Report, width: int, files: list[Path]) -> Iterator[RenderableType]:
    """The report as tables, a curve and sentences, for a terminal of ``width``."""
    yield from _head(report)
    for kind, heading in _HEADINGS.items():
        if results := report.of(kind):
            yield f"\n[bold]{heading}[/bold]"
            yield _table(kind, results, wide=width >= 100)
    if (picture := LatencyThroughput.of(report)) is not None:
        yield "\n[bold]Latency over throughput[/bold]"
        yield chart(picture, width)
    yield ""
    yield _listed(report.sentences)
    yield from _verdict(report)
    for file in files:
        yield f"[dim]written: {escape(str(file))}[/dim]"


def _head(report: Report) -> Iterator[RenderableType]:
    setting = report.setting
    yield f"[bold]{escape(setting.target)}[/bold] [dim]under load[/dim]"
    workers = "" if setting.workers is None else f", {setting.workers} worker{'s' * (setting.workers > 1)}"
    own = "a server of its own" if setting.started else setting.url
    facts: list[tuple[str, object]] = [("server", f"{own}{workers}"), ("rows", setting.rows)]
    if setting.verified is not None:
        facts.append(("answers", f"{setting.verified} examples came out as they did when packed"))
    clients = f"{setting.clients} process{'es' * (setting.clients > 1)}"
    facts.append(
        ("client", f"{clients}, on {'the same' if setting.local else 'this'} machine of {setting.cores} cores")
    )
    yield pairs(facts)


def _table(kind: str, results: list[Result], *, wide: bool) -> Table:
    first = {"ramp": ">connections", "batch": ">rows each", "open": ">arriving/s"}[kind]
    second = ">rows/s" if kind == "batch" else ">answered/s"
    names = list(QUANTILES) if wide else ["p50", "p99", "p99.9"]
    cpu = " CPU" if wide else ""
    out = table(first, second, *(f">{name}" for name in names), ">failed", f">server{cpu}", f">client{cpu}")
    for column in out.columns:
        column.no_wrap, column.min_width = True, _WIDTHS.get(str(column.header), 7)
    for result in results:
        load = {"ramp": f"{result.stage.connections:,}", "batch": f"{result.stage.rows:,}",
                "open": per_second(result.stage.rate or 0.0)}[kind]  # fmt: skip
        busy = "–" if result.server_cpu is None else f"{result.server_cpu:.0%}"
        limit = "[yellow]*[/yellow]" if result.client_limited else " "
        out.add_row(
            load,
            per_second(result.rows_per_s if kind == "batch" else result.per_s),
            *(duration(result.latency(QUANTILES[name])) for name in names),
            _failures(result),
            busy,
            f"{result.tally.cpu:.0%}{limit}",
        )
    return out


def _listed(sentences: list[str]) -> Table:
    """One thought a line, or as many lines as it takes."""
    out = Table.grid(padding=(0, 1))
    for sentence in sentences:
        out.add_row("[dim]•[/dim]", Text(sentence))
    return out


def _failures(result: Result) -> str:
    """What was not answered with a prediction, in few words."""
    kinds = ((result.tally.rejected, "refused"), (result.timed_out, "timed out"), (result.errors, "errors"))
    told = [f"{count:,} {what}" for count, what in kinds if count]
    return f"[red]{', '.join(told)}[/red]" if told else "[dim]0[/dim]"


def _verdict(report: Report) -> Iterator[RenderableType]:
    """The last line, where something was wanted."""
    wanted = report.wanted
    if not wanted.anything or report.ended:
        return
    rate = "" if wanted.rate is None else f"{per_second(wanted.rate)} requests/s"
    p99 = "" if wanted.p99_s is None else f"a p99 within {duration(wanted.p99_s)}"
    what = " with ".join(part for part in (rate, p99) if part)
    said = {True: "[green]is met[/green]", False: "[red]is not met[/red]", None: "[yellow]cannot be said[/yellow]"}
    yield f"\n[bold]{what}[/bold] {said[report.verdict.met]}"
