"""``daytwo list``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import RenderableType

from daytwo.api.list_ import list_
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, size, table
from daytwo.registry import Listed


@verb(
    "list",
    "List the models of the registry: every version with its aliases, the newest first.",
    "daytwo list\ndaytwo list churn --json",
)
@click.argument("name", required=False)
@registry_option
def command(name: str | None, registry: Path, output: Output) -> None:
    """``daytwo list [NAME]``."""
    found = list_(name, registry=registry)
    output.show(
        {"registry": str(registry), "models": [asdict(item) | {"reference": item.reference} for item in found]},
        lambda: _human(found, registry),
        essential="\n".join(item.reference for item in found),
    )


def _human(found: Sequence[Listed], registry: Path) -> list[RenderableType]:
    if not found:
        return [f"The registry {registry} is empty. `daytwo pack --help` says how to fill it, `daytwo demo` shows it."]
    out = table("model", "aliases", "task", "packed", ">size", "digest")
    for item in found:
        aliases = " ".join(f"@{alias}" for alias in item.aliases)
        if item.problem:
            out.add_row(item.reference, aliases, f"[red]{item.problem}[/red]", "", "", "")
        else:
            packed = item.created[:16].replace("T", " ")
            out.add_row(item.reference, aliases, item.task, packed, size(item.size_bytes), item.short_digest)
    return [out]
