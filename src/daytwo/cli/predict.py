"""``daytwo predict``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import RenderableType
from rich.text import Text

from daytwo.api.predict import predict
from daytwo.cli.options import registry_option, verb
from daytwo.cli.output import Output, pairs
from daytwo.errors import OutsideFailure, UnknownReference


@verb(
    "predict",
    "Ask a bundle in this process, or a running server. FILE is the JSON that POST /predict takes, - for"
    " standard input, or rows in .npy, .arrow, .arrows, .feather or .parquet.",
    "echo '{\"feature_vector\": [5.1, 3.5, 1.4, 0.2]}' | daytwo predict iris -\n"
    "daytwo predict http://127.0.0.1:8000 rows.json --probabilities",
)
@click.argument("target", metavar="REF|URL")
@click.argument("file", metavar="FILE|-")
@click.option("--probabilities", is_flag=True, help="Answer with the probability of each class too.")
@click.option("--trust", is_flag=True, help="Allow a bundle whose loading runs code, such as a pickle.")
@registry_option
def command(target: str, file: str, probabilities: bool, trust: bool, registry: Path, output: Output) -> None:
    """``daytwo predict REF|URL FILE|-``."""
    kind = Path(file).suffix.lower()
    answer = predict(
        target, _read(file), probabilities=probabilities, registry=registry, trust=trust or None, suffix=kind
    )
    output.show(answer, lambda: _human(answer), essential="\n".join(_bare(answer)))


def _human(answer: Any) -> Sequence[RenderableType]:
    """One row as names and values, several as the JSON that they are."""
    if "predictions" in answer or "columns" in answer:
        return [Text(json.dumps(answer, indent=2, ensure_ascii=False))]
    return [pairs([(name, json.dumps(value, ensure_ascii=False)) for name, value in answer.items()])]


def _bare(answer: Any) -> Iterator[str]:
    """The predictions alone, one a line."""
    if "columns" in answer:
        columns = {name: values for name, values in answer["columns"].items() if name != "prediction_id"}
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    else:
        rows = answer.get("predictions", [answer])
    for row in rows:
        first = next(iter(row.values()), None)
        yield first if isinstance(first, str) else json.dumps(first, ensure_ascii=False)


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise UnknownReference(file, "there is no such file") from None
    except OSError as error:
        raise OutsideFailure(f"{file} cannot be read: {error.strerror}") from None
