"""``daytwo promote``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from daytwo.api.promote import promote
from daytwo.cli.options import moved, registry_option, verb
from daytwo.cli.output import Output
from daytwo.registry import Reference


@verb(
    "promote",
    "Point ALIAS at the version that REF means. The move is logged with when, who and why, and can be rolled back.",
    'daytwo promote churn:3 prod --why "better on the spring data"',
)
@click.argument("reference", metavar="REF")
@click.argument("alias")
@click.option("--why", default="", help="Kept in the log of moves.")
@click.option("--who", default=None, help="Kept in the log of moves. [default: the login name]")
@registry_option
def command(reference: str, alias: str, why: str, who: str | None, registry: Path, output: Output) -> None:
    """``daytwo promote REF ALIAS``."""
    move = promote(reference, alias, why=why, who=who, registry=registry)
    name = str(Reference.parse(reference).name)
    output.show(asdict(move) | {"name": name}, lambda: [moved(name, move)], essential=f"{name}:{move.version}")
