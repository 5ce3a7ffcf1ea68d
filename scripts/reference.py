"""The pages of docs/reference that are made from the code: commands, settings, metrics, errors, extras.

    python scripts/reference.py

writes them; the tests fail when a page is not what this would write.
"""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

from daytwo import errors, metrics
from daytwo.cli import VERBS, program
from daytwo.cli.exit_codes import MEANINGS, exit_code
from daytwo.serving import problems
from daytwo.settings import CONFIG_VARIABLE, FILE_NAME, GROUPS, settings_of

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "reference"
_NOTE = "<!-- Made by `make docs` from the code; edit that instead. -->"


def commands() -> Iterator[str]:
    """Every verb with its arguments, options and example."""
    yield "# Commands"
    yield (
        "One program, `daytwo`. REF is `name`, `name:version`, `name@alias` or the path of a bundle folder; `name` alone"
        " means the latest version. Every command has `--json` (one JSON document on standard output) and `--quiet` (only"
        " what a script would want). An error is one sentence on standard error; `DAYTWO_DEBUG=1` adds the stack trace."
    )
    yield "\n".join(f"- [`{name}`](#{name}): {line}" for name, (_, line) in VERBS.items())
    yield "## Exit codes"
    yield table(("code", "meaning"), ((str(code), meaning) for code, meaning in MEANINGS.items()))
    for name in VERBS:
        yield from _command(name)


def _command(name: str) -> Iterator[str]:
    with click.Context(program, info_name="daytwo") as parent:
        command = program.get_command(parent, name)
    assert command is not None
    description, _, example = (command.help or "").partition("\b\nExample:\n")
    arguments = [_argument(p) for p in command.params if isinstance(p, click.Argument)]
    yield f"## {name}"
    yield f"`{' '.join(['daytwo', name, *arguments, '[OPTIONS]'])}`"
    yield " ".join(description.split())
    yield "```console\n" + "\n".join(f"$ {line.strip()}" for line in example.splitlines() if line.strip()) + "\n```"
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in ("json", "quiet", "help")]
    if options:
        yield table(("option", "meaning"), (_option(option) for option in options))


def _argument(argument: click.Argument) -> str:
    name = argument.metavar or str(argument.name).upper()
    return name if argument.required else f"[{name}]"


def _option(option: click.Option) -> tuple[str, str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    takes = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    return names + (" (required)" if option.required else ""), f"{takes.strip()} {option.help}".strip()


def settings() -> Iterator[str]:
    """Every setting in all its spellings."""
    yield "# Settings"
    yield (
        f"A setting is a flag, an environment variable, or a key of `{FILE_NAME}` in the working directory"
        f" (`{CONFIG_VARIABLE}` names another file). The stronger wins: flag, then variable, then file, then default."
    )
    for group in GROUPS:
        yield f"## {group.__name__.removesuffix('Settings')}"
        yield table(
            ("flag", "environment", "key", "type", "default", "meaning"),
            (
                (f"`{s.flag}`", f"`{s.variable}`", f"`{s.key}`", _type(s), f"`{s.shown}`", f"{s.help}")
                for s in settings_of(group)
            ),
        )


def _type(setting: object) -> str:
    kind, choices = getattr(setting, "type", ""), getattr(setting, "choices", ())
    words = [f"`{choice}`" for choice in choices]
    return ", ".join(words if choices and kind == "text" else [getattr(setting, "unit", "") or kind, *words])


def catalogue() -> Iterator[str]:
    """Every metric."""
    yield "# Metrics"
    yield (
        "Served at `/metrics` in the Prometheus text format, added up over all workers. Every label has a closed set of"
        " values: no request can create a series."
    )
    yield table(
        ("metric", "type", "labels", "meaning"),
        ((f"`{m.name}`", m.kind, ", ".join(f"`{n}`" for n in m.labels), m.help) for m in metrics.CATALOGUE),
    )
    yield "## Labels"
    yield table(
        ("label", "values"),
        ((f"`{name}`", ", ".join(f"`{v}`" for v in values)) for name, values in metrics.CLOSED_LABELS.items()),
    )
    yield "## Buckets"
    buckets = {m.name: m.buckets for m in metrics.CATALOGUE if m.buckets}
    yield table(("metric", "upper bounds"), ((f"`{n}`", ", ".join(f"{b:g}" for b in v)) for n, v in buckets.items()))


def error_classes() -> Iterator[str]:
    """Every error with its exit code and HTTP status."""
    yield "# Errors"
    yield (
        "```text\n"
        + "\n".join(line for line in (errors.__doc__ or "").splitlines() if re.match(r"^Dayt|^[│├└]", line))
        + "\n```"
    )
    yield (
        "On the command line an error is one sentence and an exit code. Over HTTP it is a status with an"
        " `application/problem+json` body (RFC 9457): `type`, `title`, `status`, `detail`, and for input that does not"
        " fit `errors`, a list of `{field, expected, got}`."
    )
    kinds = [k for k in vars(errors).values() if inspect.isclass(k) and issubclass(k, errors.DaytwoError)]
    yield table(
        ("error", "meaning", "exit code", "HTTP"),
        ((f"`{k.__name__}`", _prose(k.__doc__ or ""), str(_exit(k)), _http(k)) for k in kinds),
    )
    yield "## Over HTTP"
    rows = [(str(status), slug, title) for _, status, slug, title in problems.TABLE]
    rows += [(str(status), slug, title) for status, (slug, title) in problems.FRAMEWORK.items()]
    yield table(
        ("status", "type", "title"),
        ((status, f"`urn:daytwo:error:{slug}`", title) for status, slug, title in sorted(rows)),
    )


def _prose(text: str) -> str:
    """A docstring as Markdown."""
    return re.sub(r":\w+:`(\w+)`", r"`\1`", " ".join(text.split())).replace("``", "`")


def _exit(kind: type[errors.DaytwoError]) -> int:
    return exit_code(kind.__new__(kind))


def _http(kind: type[errors.DaytwoError]) -> str:
    """The status with which a server answers; none for what ends the program before there is one."""
    found = next(row for row in problems.TABLE if issubclass(kind, row[0]))
    return f"{found[1]} `{found[2]}`" if found[0] is not Exception else ""


def extras() -> Iterator[str]:
    """Every extra and what it brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield "# Extras"
    yield "`pip install daytwo` serves a compiled bundle over REST with metrics. The rest is optional:"
    yield table(
        ("install", "brings"),
        (
            (f"`pip install 'daytwo[{name}]'`", ", ".join(f"`{re.split('[<>=!; ]', line)[0]}`" for line in brings))
            for name, brings in project["optional-dependencies"].items()
        ),
    )


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    cells = [tuple(cell.replace("|", "\\|") for cell in row) for row in (head, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(head), *lines[1:]])


PAGES: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands.md": commands,
    "settings.md": settings,
    "metrics.md": catalogue,
    "errors.md": error_classes,
    "extras.md": extras,
}


def rendered(name: str) -> str:
    """The text of one page."""
    return "\n\n".join([_NOTE, *PAGES[name]()]) + "\n"


def main() -> None:
    """Write every page."""
    for name in PAGES:
        (FOLDER / name).write_text(rendered(name), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
