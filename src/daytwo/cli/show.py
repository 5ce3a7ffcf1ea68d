"""``daytwo show``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from daytwo.api.show import Shown, show
from daytwo.bundle import Evidence
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, number, pairs, size, table
from daytwo.signature import Field


@verb(
    "show",
    "Show what the bundle REF is: signature, metrics, evidence of parity, provenance, digest, moves of aliases.",
    "daytwo show churn@prod\ndaytwo show churn:3 --json | jq .manifest.metrics",
)
@click.argument("reference", metavar="REF")
@registry_option
def command(reference: str, registry: Path, output: Output) -> None:
    """``daytwo show REF``."""
    shown = show(reference, registry=registry)
    output.show(shown.to_json(), lambda: list(_human(shown)), essential=shown.bundle.reference)


def _human(shown: Shown) -> Iterator[RenderableType]:
    bundle, manifest = shown.bundle, shown.bundle.manifest
    aliases = "".join(f" [green]@{alias}[/green]" for alias in shown.aliases)
    yield f"[bold]{bundle.reference}[/bold]{aliases}"
    git = manifest.provenance.get("git_commit")
    facts: list[tuple[str, object]] = [
        ("task", manifest.task),
        ("digest", bundle.digest),
        ("packed", f"{manifest.created} from {manifest.rows:,} rows" + (f", commit {git}" if git else "")),
        ("serves as", " or ".join(bundle.runtimes)),
        ("size", size(manifest.size_bytes)),
        ("path", bundle.path),
    ]
    facts += [("executes", f"{path} is {what}") for path, what in bundle.would_execute()]
    facts += [("parity", evidence_line(evidence)) for evidence in manifest.compiled]
    facts += [("tag", f"{name} = {value}") for name, value in manifest.tags.items()]
    yield pairs(facts)
    if manifest.metrics:
        yield "\n[bold]Metrics when packed[/bold]"
        yield pairs([(name, number(value)) for name, value in manifest.metrics.items()])
    yield "\n[bold]Inputs[/bold]"
    yield _fields(bundle.signature.inputs)
    yield "\n[bold]Outputs[/bold]"
    yield _fields(bundle.signature.outputs)
    if shown.history:
        yield "\n[bold]Moves[/bold]"
        yield pairs([(m.when, f"{m.who}: {m.action} @{m.alias} to {m.version} {m.why}") for m in shown.history])


def evidence_line(evidence: Evidence) -> str:
    """What the evidence of one compiled form says, in one line."""
    if not evidence.accepted:
        return f"{evidence.runtime} was refused: {evidence.reason}"
    rows = evidence.rows + evidence.edge_rows + evidence.threshold_rows
    error = f"worst error {evidence.worst_error:.2g} (allowed {evidence.tolerance:.2g})"
    return f"{evidence.runtime} proven on {rows:,} rows: {evidence.label_flips} flips, {error}"


def _fields(fields: Sequence[Field]) -> Table:
    out = table("name", "type", "range or categories", "missing")
    for field in fields:
        kind = field.dtype + (str(list(field.shape)) if field.shape else "")
        out.add_row(escape(field.name), kind, escape(_values(field)), "allowed" if field.missing else "")
    return out


def _values(field: Field) -> str:
    if field.categories is not None:
        shown = ", ".join(str(category) for category in field.categories[:8])
        more = f", … ({len(field.categories)})" if len(field.categories) > 8 else ""
        return shown + more + (" only" if field.unseen == "refuse" else "")
    if field.minimum is None or field.maximum is None or field.dtype == "datetime":
        return ""
    return f"{number(field.minimum)} to {number(field.maximum)}"
