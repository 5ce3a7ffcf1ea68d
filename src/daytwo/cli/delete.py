"""``daytwo delete``."""

from __future__ import annotations

from pathlib import Path

import click

from daytwo.api.delete import delete
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output


@verb(
    "delete",
    "Delete the version that REF means, for good. Refused while an alias points at it; its number is never used again.",
    "daytwo delete churn:3",
)
@click.argument("reference", metavar="REF")
@registry_option
def command(reference: str, registry: Path, output: Output) -> None:
    """``daytwo delete REF``."""
    gone = delete(reference, registry=registry)
    output.show({"deleted": gone}, lambda: [f"{gone} is deleted"])
