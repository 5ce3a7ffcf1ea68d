"""What the verbs share: ``--json``, ``--quiet``, and flags made from the table of settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from daytwo.cli.output import Output
from daytwo.registry import AliasMove
from daytwo.settings import RegistrySettings, Setting, resolve, settings_of

F = TypeVar("F", bound=Callable[..., Any])


def verb(name: str, help: str, example: str) -> Callable[[F], click.Command]:  # noqa: A002  click's own word
    """A command with ``--json`` and ``--quiet``, handed to the function as ``output``; the help ends in an example."""

    def decorate(function: F) -> click.Command:
        @functools.wraps(function)
        def call(*, json: bool, quiet: bool, **arguments: Any) -> Any:
            return function(output=Output(json=json, quiet=quiet), **arguments)

        quiet = click.option("--quiet", "-q", is_flag=True, help="Print only what a script would want.")(call)
        both = click.option("--json", is_flag=True, help="Print one JSON document.")(quiet)
        lines = "\n".join(f"  {line}" for line in example.splitlines())
        return click.command(name, help=f"{help}\n\n\b\nExample:\n{lines}")(both)

    return decorate


def setting_options(group: type) -> Callable[[F], F]:
    """A flag for every setting of ``group``; a flag that is not given arrives as None."""

    def decorate(function: F) -> F:
        for setting in reversed(settings_of(group)):
            function = _option(setting)(function)
        return function

    return decorate


def registry_option(function: F) -> F:
    """``--registry``, handed on resolved: flag, environment, file or default."""

    @functools.wraps(function)
    def call(*arguments: Any, registry: str | None, **more: Any) -> Any:
        return function(*arguments, registry=resolve(RegistrySettings, {"registry": registry}).registry, **more)

    return setting_options(RegistrySettings)(call)  # type: ignore[return-value]  # the same function, one argument less


def _option(setting: Setting) -> Callable[[F], F]:
    described = f"{setting.help[:1].upper()}{setting.help[1:]}."
    default = f" [default: {setting.shown}; {setting.variable}]"
    if setting.type == "boolean":
        return click.option(
            f"{setting.flag}/--no-{setting.flag[2:]}", setting.name, default=None, help=described + default
        )
    kind = () if setting.type == "text" and setting.choices else ((setting.unit or setting.type).upper(),)
    metavar = "|".join((*kind, *setting.choices))
    return click.option(setting.flag, setting.name, metavar=metavar, default=None, help=described + default)


def moved(name: str, move: AliasMove) -> str:
    """A move of an alias, told to a person."""
    if move.previous is None:
        return f"{name}@{move.alias} points at {name}:{move.version}"
    return f"{name}@{move.alias} points at {name}:{move.version}, no longer at {name}:{move.previous}"
