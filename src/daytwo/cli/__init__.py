"""The command line: one program, one file per verb. Each verb parses, calls the api function of its name, and prints.

Only the verb that is used is imported, so that ``daytwo --help`` costs no more than click does.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

import click

from daytwo import __version__, _plugins
from daytwo.cli.exit_codes import INTERRUPTED, OUTSIDE_FAILED, WRONG_USE, exit_code
from daytwo.errors import DaytwoError, sentence

#: Every verb: where it is, and its line in the list.
VERBS: Mapping[str, tuple[str, str]] = {
    "demo": ("daytwo.cli.demo:command", "Train, pack, check, serve and ask three real models, told in the terminal."),
    "pack": ("daytwo.cli.pack:command", "Make a model file and its data a new version in the registry."),
    "check": ("daytwo.cli.check:command", "Run a bundle's own tests: digests, examples, parity, bad input, cost."),
    "serve": ("daytwo.cli.serve:command", "Serve bundles over REST, with documentation, health and metrics."),
    "predict": ("daytwo.cli.predict:command", "Ask a bundle or a running server."),
    "bench": ("daytwo.cli.bench:command", "Load a model until it is known what it bears; plan workers and replicas."),
    "list": ("daytwo.cli.list_:command", "List the models of the registry, their versions and aliases."),
    "show": ("daytwo.cli.show:command", "Show what a bundle is: signature, metrics, evidence, digest."),
    "diff": ("daytwo.cli.diff:command", "Say what differs between two bundles."),
    "promote": ("daytwo.cli.promote:command", "Point an alias at a version."),
    "rollback": ("daytwo.cli.rollback:command", "Point an alias back at where it pointed before."),
    "delete": ("daytwo.cli.delete:command", "Delete a version that no alias points at."),
}

#: Set to 1 to see the stack trace behind an error.
DEBUG_VARIABLE = "DAYTWO_DEBUG"


class Program(click.Group):
    """The group of verbs, imported one by one; an unknown one is answered with the likely meaning."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb, imported now; None where there is none."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = _plugins.load(VERBS[cmd_name][0], f"daytwo {cmd_name}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but with a suggestion."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            close = get_close_matches(args[0], VERBS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(VERBS)}"
            raise click.UsageError(f"no command is called {args[0]!r}: {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of verbs, from the table: nothing is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in VERBS.items()])


@click.group(
    cls=Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Begin with `daytwo demo`. `daytwo COMMAND --help` shows an example of each.",
)
@click.version_option(__version__, prog_name="daytwo")
def program() -> None:
    """From a fitted model to a tested bundle, to production, and healthy there."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; the arguments are the process's own by default."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. An error is one sentence on standard error, never a stack trace."""
    try:
        code = program.main(arguments, prog_name="daytwo", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "daytwo"
        return _fail(error, f"{_lower(error.format_message())} (see {path} --help)", WRONG_USE)
    except click.ClickException as error:
        return _fail(error, error.format_message(), WRONG_USE)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has left, as `head` does: nothing is left to be said, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTSIDE_FAILED
    except DaytwoError as error:
        return _fail(error, str(error), exit_code(error))
    except OSError as error:
        return _fail(error, sentence(error), OUTSIDE_FAILED)
    except Exception as error:  # noqa: BLE001  the last resort: still one sentence
        return _fail(error, f"unexpected: {sentence(error)} (set {DEBUG_VARIABLE}=1 to see where)", OUTSIDE_FAILED)
    return code if isinstance(code, int) else 0


def _fail(error: BaseException, message: str, code: int) -> int:
    if os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0"):
        traceback.print_exception(error)
    click.echo(f"daytwo: {message}", err=True)
    return code


def _lower(message: str) -> str:
    """A message of click's as the rest of a sentence."""
    return (message[:1].lower() + message[1:]).rstrip(".")
