"""``daytwo rollback``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from daytwo.api.rollback import rollback
from daytwo.cli.options import moved, registry_option, verb
from daytwo.cli.output import Output


@verb(
    "rollback",
    "Point ALIAS of the model NAME back at the version it pointed at before; once more goes one further back.",
    'daytwo rollback churn prod --why "errors since noon"',
)
@click.argument("name")
@click.argument("alias")
@click.option("--why", default="", help="Kept in the log of moves.")
@click.option("--who", default=None, help="Kept in the log of moves. [default: the login name]")
@registry_option
def command(name: str, alias: str, why: str, who: str | None, registry: Path, output: Output) -> None:
    """``daytwo rollback NAME ALIAS``."""
    move = rollback(name, alias, why=why, who=who, registry=registry)
    output.show(asdict(move) | {"name": name}, lambda: [moved(name, move)], essential=f"{name}:{move.version}")
