"""How verbs print: one JSON document for programs, tables for people, the bare result for ``--quiet``."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Output:
    """What the caller wants to read.

    json:  one JSON document on standard output
    quiet: only what a script would want, nothing where there is no such thing
    """

    json: bool = False
    quiet: bool = False

    def show(self, document: Any, human: Callable[[], Sequence[RenderableType]], essential: str = "") -> None:
        """Print one result: ``document`` as JSON, or what ``human()`` renders, or ``essential`` alone."""
        if self.json:
            click.echo(json.dumps(plain(document), indent=2, ensure_ascii=False))
        elif self.quiet:
            if essential:
                click.echo(essential)
        else:
            screen = console()
            for part in human():
                screen.print(part)

    @property
    def chatty(self) -> bool:
        """Whether progress may be told."""
        return not (self.json or self.quiet)


def console(*, stderr: bool = False) -> Console:
    """Where people read. Plain text of full width where nobody looks: a pipe must not cut a digest in two."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, highlight=False, width=None if stream.isatty() else 160, soft_wrap=False)


def table(*columns: str, title: str | None = None) -> Table:
    """A table without a frame; a column that begins with '>' is aligned to the right."""
    out = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for column in columns:
        out.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    return out


def pairs(rows: Sequence[tuple[str, object]]) -> Table:
    """Names and values, one pair a line."""
    out = Table(box=None, pad_edge=False, show_header=False)
    out.add_column(style="dim", no_wrap=True)
    out.add_column(overflow="fold")
    for name, value in rows:
        out.add_row(name, Text(str(value)))
    return out


def plain(value: Any) -> Any:
    """``value`` with what JSON cannot say (NaN, infinities) as null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def number(value: float) -> str:
    """A number as a person reads it.

    >>> number(0.98765432), number(1234567.0), number(3.0), number(0)
    ('0.9877', '1,234,567', '3', '0')
    """
    if value == 0 or (float(value).is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def seconds(value_s: float) -> str:
    """A duration in its natural unit.

    >>> seconds(2.5), seconds(0.0123), seconds(0.0000045)
    ('2.5 s', '12 ms', '4.5 µs')
    """
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value_s >= scale or unit == "µs":
            return f"{value_s / scale:.{1 if value_s / scale < 10 else 0}f} {unit}"
    raise AssertionError("unreachable")


def size(value_bytes: int) -> str:
    """A number of bytes in its natural unit.

    >>> size(512), size(153_600), size(33_554_432)
    ('512 B', '150 KiB', '32 MiB')
    """
    amount = float(value_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            break
        amount /= 1024
    return f"{amount:.{1 if amount < 10 and unit != 'B' else 0}f} {unit}"
