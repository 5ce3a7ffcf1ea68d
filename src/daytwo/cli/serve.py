"""``daytwo serve``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType
from rich.markup import escape

import daytwo
from daytwo.cli.options import registry_option, setting_options, verb
from daytwo.cli.output import Output, pairs
from daytwo.settings import ServeSettings, resolve

if TYPE_CHECKING:
    from daytwo.serving.service import Served  # costs a web framework, which `--help` should not


@verb(
    "serve",
    "Serve the bundles REF…; the first is the default model of POST /predict. REF may also be an unpacked .joblib, .pkl,"
    " .skops or .onnx file, for a first look. SIGTERM drains: nothing that was sent is lost. Logs go to standard error.",
    "daytwo serve churn@prod\ndaytwo serve churn:3 iris --port 9000 --workers 2\ndaytwo serve model.joblib --trust",
)
@click.argument("references", metavar="REF...", nargs=-1, required=True)
@setting_options(ServeSettings)
@registry_option
def command(references: tuple[str, ...], registry: Path, output: Output, **flags: Any) -> int:
    """``daytwo serve REF…``."""
    settings = resolve(ServeSettings, flags)

    def opened(url: str, models: Sequence[Served]) -> None:
        document = {"url": url, "models": [{"name": m.name, "version": m.version} for m in models]}
        output.show(document, lambda: list(_human(url, models)), essential=url)

    return daytwo.serve(list(references), settings, registry=registry, opened=opened)


def _human(url: str, models: Sequence[Served]) -> Iterator[RenderableType]:
    names = ", ".join(f"[bold]{escape(model.name)}:{escape(model.version)}[/bold]" for model in models)
    yield f"{names} at {url}"
    yield pairs([("documentation", f"{url}/docs"), ("metrics", f"{url}/metrics"), ("health", f"{url}/v2/health/ready")])
    for model in models:
        for note in model.notes:
            yield f"[yellow]{escape(model.name)}: {escape(note)}[/yellow]"
