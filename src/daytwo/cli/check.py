"""``daytwo check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import RenderableType
from rich.markup import escape

import daytwo
from daytwo.checks import CheckReport, Status
from daytwo.cli.exit_codes import DONE, FOUND_WANTING
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, seconds, table

#: How a finding looks to a person.
MARKS: dict[Status, str] = {"passed": "[green]✓[/green]", "failed": "[red]✗[/red]", "skipped": "[yellow]–[/yellow]"}


@verb(
    "check",
    "Run the bundle's own tests: digests, environment, examples, parity of the compiled form with the original, refusal"
    " of bad input, and what a prediction costs. Exit code 1 where anything fails.",
    "daytwo check churn:3\ndaytwo check churn@prod --trust --json",
)
@click.argument("reference", metavar="REF")
@click.option("--trust", is_flag=True, help="Load the original too where that runs code, such as a pickle.")
@registry_option
def command(reference: str, trust: bool, registry: Path, output: Output) -> int:
    """``daytwo check REF``."""
    report = daytwo.check(reference, registry=registry, trust=trust or None)
    output.show(report.to_json(), lambda: list(human(report)))
    return DONE if report.passed else FOUND_WANTING


def human(report: CheckReport) -> Iterator[RenderableType]:
    """The report as tables, then one line of verdict."""
    findings = table("", "what", "form", "found")
    for finding in report.findings:
        findings.add_row(MARKS[finding.status], finding.subject, finding.form, escape(finding.detail))
        for line in finding.lines[1:5]:
            findings.add_row("", "", "", f"[dim]{escape(line)}[/dim]")
    yield findings
    if report.costs:
        costs = table("form", ">rows", ">p50", ">p99", ">per row")
        for cost in report.costs:
            times = (seconds(value) for value in (cost.p50_s, cost.p99_s, cost.per_row_s))
            costs.add_row(cost.form, f"{cost.rows:,}", *times)
        yield ""
        yield costs
    verdict = "[green]is sound[/green]" if report.passed else "[red]is found wanting[/red]"
    yield f"\n[bold]{escape(report.reference)}[/bold] {verdict}"
