"""``daytwo pack``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.markup import escape

import daytwo
from daytwo import _plugins
from daytwo.bundle import Bundle
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, number, pairs, size
from daytwo.cli.show import evidence_line


@verb(
    "pack",
    "Make the model file MODEL (.joblib, .pkl, .skops or .onnx) and its data a new version of NAME: tested, described by"
    " its signature, and compiled where that is proven to give the same answers. The last line is its reference."
    " Loading a pickle runs code: pack what you trust.",
    "daytwo pack model.joblib --data train.csv --target churned --name churn\n"
    "daytwo pack model.onnx --data rows.parquet --name scorer --output ./scorer",
)
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.option("--data", required=True, metavar="FILE", type=click.Path(path_type=Path),
              help="CSV or Parquet: the rows that it was fitted on, or rows like them.")  # fmt: skip
@click.option("--name", required=True, help="The model's name in the registry.")
@click.option("--target", "targets", metavar="COLUMN", multiple=True,
              help="The column that is the truth; may be given more than once.")  # fmt: skip
@click.option("--output", "folder", metavar="DIR", type=click.Path(path_type=Path),
              help="Write the bundle to this new folder instead of the registry.")  # fmt: skip
@click.option("--compile", "mode", type=click.Choice(["auto", "require", "never"]), default="auto", metavar="MODE",
              help="auto: the faster form where it is proven equal; require: fail where not; never: do not try."
              " [default: auto]")  # fmt: skip
@click.option("--allow-missing", "allow_missing", metavar="FIELD", multiple=True,
              help="Allow missing values in FIELD though the data has none; may be given more than once.")  # fmt: skip
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="Kept in the manifest; may be repeated.")
@registry_option
def command(model: Path, data: Path, registry: Path, output: Output, **options: Any) -> None:
    """``daytwo pack MODEL --data FILE [--target COLUMN] --name NAME``."""
    tags = _tags(options["tags"])
    load_model = _plugins.load("daytwo.packing.models:load_model", "daytwo pack")
    read_data = _plugins.load("daytwo.packing.data:read_data", "daytwo pack")
    loaded = load_model(model)
    X, y = read_data(data, _one_or_all(options["targets"]))
    bundle = daytwo.pack(
        loaded.model,
        X,
        y,
        name=options["name"],
        registry=None if options["folder"] else registry,
        output=options["folder"],
        compile=options["mode"],
        allow_missing=options["allow_missing"],
        tags=tags,
        notes=loaded.notes,
        progress=None if output.chatty else _nobody,
    )
    reference = str(bundle.path) if options["folder"] else bundle.reference
    output.show(_document(bundle, reference), lambda: list(_human(bundle, reference, loaded.notes)), reference)


def _one_or_all(targets: Sequence[str]) -> str | list[str] | None:
    if len(targets) > 1:
        return list(targets)
    return targets[0] if targets else None


def _tags(given: Sequence[str]) -> dict[str, str]:
    for tag in given:
        if "=" not in tag:
            raise click.BadParameter(f"expected KEY=VALUE, got {tag!r}", param_hint="--tag")
    return dict(tag.split("=", 1) for tag in given)


def _nobody(text: str) -> None:
    """Progress that is told to nobody."""


def _document(bundle: Bundle, reference: str) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "reference": reference,
        "digest": bundle.digest,
        "path": str(bundle.path),
        "task": manifest.task,
        "rows": manifest.rows,
        "metrics": dict(manifest.metrics),
        "compiled": [evidence.to_json() for evidence in manifest.compiled],
    }


def _human(bundle: Bundle, reference: str, notes: Sequence[str]) -> Iterator[RenderableType]:
    manifest = bundle.manifest
    facts: list[tuple[str, object]] = [
        ("task", f"{manifest.task}, {len(bundle.signature.inputs)} inputs, {manifest.rows:,} rows"),
        ("digest", bundle.digest),
        ("size", size(manifest.size_bytes)),
    ]
    facts += [("parity", evidence_line(evidence)) for evidence in manifest.compiled]
    facts += [(name, number(value)) for name, value in manifest.metrics.items()]
    facts += [("note", note) for note in notes]
    yield pairs(facts)
    yield escape(reference)
