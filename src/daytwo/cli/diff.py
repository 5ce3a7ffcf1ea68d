"""``daytwo diff``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.markup import escape

from daytwo.api.diff import Change, Difference, diff
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, number, table


@verb(
    "diff",
    "Say what differs between two bundles: fields, metrics, packages, tags, and whether callers would notice.",
    "daytwo diff churn@prod churn:4",
)
@click.argument("before", metavar="REF")
@click.argument("after", metavar="REF")
@registry_option
def command(before: str, after: str, registry: Path, output: Output) -> None:
    """``daytwo diff REF REF``."""
    found = diff(before, after, registry=registry)
    output.show(found.to_json(), lambda: list(_human(found)))


def _human(found: Difference) -> Iterator[RenderableType]:
    names = f"{found.before.reference} → {found.after.reference}"
    if not found.changes:
        yield f"{names}: the same signature, metrics, packages and forms"
        return
    verdict = "[red]callers would notice[/red]" if found.breaks_callers else "[green]callers would not notice[/green]"
    yield f"[bold]{names}[/bold]: {verdict}"
    out = table("what", "name", "before", "after")
    for change in found.changes:
        before, after = _words(change)
        out.add_row(change.subject, escape(change.name), escape(before), escape(after))
    yield out


def _words(change: Change) -> tuple[str, str]:
    before, after = change.before, change.after
    if isinstance(before, dict) and isinstance(after, dict):
        differ = [key for key in dict.fromkeys([*before, *after]) if before.get(key) != after.get(key)]
        before, after = ({key: side.get(key) for key in differ} for side in (before, after))
    return _word(before), _word(after)


def _word(value: Any) -> str:
    if value is None:
        return "(not there)"
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {json.dumps(item, ensure_ascii=False)}" for key, item in value.items() if key != "name"
        )
    return number(value) if isinstance(value, float) else str(value)
