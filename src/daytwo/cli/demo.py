"""``daytwo demo``."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from daytwo import __version__, _plugins
from daytwo.checks import CheckReport
from daytwo.cli.check import MARKS
from daytwo.cli.exit_codes import DONE, FOUND_WANTING
from daytwo.cli.options import verb
from daytwo.cli.output import Output, console, number, seconds
from daytwo.cli.show import evidence_line
from daytwo.demo.events import Asked, Checked, Event, Fitted, Kept, Packed, Ready, Stopped, Timed

_INDENT = " " * 12
_SHOWN_CHARACTERS = 96
_ID = re.compile(r"([0-9a-f]{8})-[0-9a-f]{4}-7[0-9a-f-]{21}")

NEXT = (
    ("pack a model of your own", "daytwo pack model.joblib --data train.csv --target churned --name churn"),
    ("prove it, here and now", "daytwo check churn"),
    ("serve it, documented at /docs", "daytwo serve churn"),
    ("do this again and play with it", "daytwo demo --keep"),
)


@verb(
    "demo",
    "Train three real models, pack them, check them, serve them, send requests good and bad, and tell what happened."
    " Works in a temporary folder and leaves nothing running.",
    "daytwo demo\ndaytwo demo --keep",
)
@click.option("--keep", is_flag=True, help="Leave the server up at the end, until Ctrl-C.")
def command(keep: bool, output: Output) -> int:
    """``daytwo demo``."""
    # A polite end from outside is an interrupt: the server that was started must not outlive us.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    demo = _plugins.load("daytwo.api.demo:demo", "daytwo demo")
    with closing(demo(keep=keep)) as events:
        told = list(_tell(events) if output.chatty else events)
    if output.json:
        output.show([event.to_json() for event in told], list)
    return DONE if all(_sound(event) for event in told) else FOUND_WANTING


def _sound(event: Event) -> bool:
    """Whether what happened is what had to."""
    if isinstance(event, Checked):
        return event.report.passed
    if isinstance(event, Stopped):
        return event.exit_code == 0
    return event.as_it_must if isinstance(event, Asked) else True


def _tell(events: Iterator[Event]) -> Iterator[Event]:
    """Every event, told on the screen as it passes."""
    screen = console()
    screen.print(f"\n[bold]daytwo {__version__}[/bold]  the whole road on real data, from fitted models to answers")
    previous: Event | None = None
    for event in events:
        if heading := _heading(previous, event):
            screen.print(f"\n[bold cyan]{heading}[/bold cyan]")
        _TELLERS[type(event)](screen, event)
        previous = event
        yield event
    screen.print("\n[bold cyan]What to try next[/bold cyan]")
    for what, line in NEXT:
        screen.print(f"  {what:<32} [green]{line}[/green]")
    screen.print()


def _heading(previous: Event | None, event: Event) -> str | None:
    if previous is None:
        return "Fit, pack, check"
    if isinstance(event, Ready):
        return "Serve, in a process of its own"
    if isinstance(event, Asked) and isinstance(previous, Ready):
        return "Ask"
    if isinstance(event, Asked) and isinstance(previous, Asked) and event.request.status != previous.request.status:
        return "Ask badly: every refusal names the field" if previous.request.status == 200 else None
    return "Stop" if isinstance(event, Stopped) else None


def _fitted(screen: Console, event: Fitted) -> None:
    model = event.model
    screen.print(f"  [bold]{model.name:<10}[/bold]{model.what}, {model.rows:,} rows, fitted in {seconds(event.took_s)}")


def _packed(screen: Console, event: Packed) -> None:
    manifest = event.bundle.manifest
    scores = ", ".join(f"{name} {number(value)}" for name, value in list(manifest.metrics.items())[:3])
    screen.print(f"{_INDENT}packed as [bold]{event.bundle.reference}[/bold] in {seconds(event.took_s)}")
    screen.print(f"{_INDENT}scores on rows held out: {escape(scores)}")
    for evidence in manifest.compiled:
        screen.print(f"{_INDENT}{escape(evidence_line(evidence))}")


def _checked(screen: Console, event: Checked) -> None:
    report = event.report
    subjects = dict.fromkeys(finding.subject for finding in report.findings)
    worst = {s: max((f.status for f in report.findings if f.subject == s), key=_severity) for s in subjects}
    screen.print(_INDENT + "checked: " + "  ".join(f"{MARKS[status]} {subject}" for subject, status in worst.items()))
    for finding in report.findings:
        if finding.status == "failed":
            screen.print(f"{_INDENT}[red]{escape(finding.detail)}[/red]")
    screen.print(f"{_INDENT}{_cost(report)}")


def _severity(status: str) -> int:
    return ("passed", "skipped", "failed").index(status)


def _cost(report: CheckReport) -> str:
    """One row's cost, compiled beside native."""
    single = {cost.form: cost.p50_s for cost in report.costs if cost.rows == 1}
    native_s = single.pop("native", None)
    if not single or native_s is None:
        return f"one row costs {seconds(native_s or 0.0)}"
    form, compiled_s = next(iter(single.items()))
    return f"one row costs {seconds(compiled_s)} as {form}, {seconds(native_s)} as fitted: {native_s / compiled_s:.0f} times"


def _ready(screen: Console, event: Ready) -> None:
    screen.print(f"  [green]daytwo serve iris cancer diabetes[/green]  ready in {seconds(event.took_s)} at {event.url}")
    screen.print("  (it ran each bundle's own examples first, and would have stayed unready had one failed)")


def _asked(screen: Console, event: Asked) -> None:
    mark = MARKS["passed" if event.as_it_must else "failed"]
    request, answer = event.request, event.answer
    if request.status != 200:
        screen.print(f"  {mark} {request.what:<32} [yellow]{answer.status}[/yellow] {escape(_problem(answer.body))}")
        return
    screen.print(f"  {mark} [bold]{request.what}[/bold]  POST {request.path}  [dim]{seconds(event.took_s)}[/dim]")
    screen.print(f"      → {escape(_short(request.body))}")
    screen.print(f"      ← [green]{escape(_short(answer.body))}[/green]")


def _short(body: Any) -> str:
    """A body on one line; ids are the first thing to be cut."""
    text = _ID.sub(r"\1…", json.dumps(body, ensure_ascii=False))
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _problem(body: Any) -> str:
    """What a problem document says is wrong, the first thing in full."""
    if not isinstance(body, dict):
        return str(body)
    said = [f"{e['field'] or 'body'}: expected {e['expected']}, got {e['got']}" for e in body.get("errors") or ()]
    more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
    return said[0] + more if said else str(body.get("detail", body))


def _timed(screen: Console, event: Timed) -> None:
    screen.print(
        f"\n  {event.requests} requests one after the other over one connection: median [bold]{seconds(event.p50_s)}[/bold]"
    )


def _kept(screen: Console, event: Kept) -> None:
    screen.print("\n[bold cyan]It stays up[/bold cyan]  (Ctrl-C ends it)")
    for what, path in (("documentation, try it out", "/docs"), ("metrics", "/metrics"), ("models", "/models")):
        screen.print(f"  {what:<32} {event.url}{path}")
    body = '{"feature_vector": [5.1, 3.5, 1.4, 0.2]}'
    screen.print(f"  curl -d '{body}' -H 'Content-Type: application/json' {event.url}/predict", soft_wrap=True)


def _stopped(screen: Console, event: Stopped) -> None:
    screen.print(f"  drained and gone in {seconds(event.took_s)}, exit code {event.exit_code}; nothing is left behind")


_TELLERS: Mapping[type[Event], Callable[[Console, Any], None]] = {
    Fitted: _fitted, Packed: _packed, Checked: _checked, Ready: _ready, Asked: _asked, Timed: _timed, Kept: _kept,
    Stopped: _stopped,
}  # fmt: skip
