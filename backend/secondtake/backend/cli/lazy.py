"""A group of commands whose modules are imported only when they are called."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NoReturn

import click

from secondtake.backend.cli.failures import explain_failure

BROKEN_PIPE_EXIT: Final = 141
"""128 + SIGPIPE, as for any program whose reader went away."""


class LazyGroup(click.Group):
    """Knows names and help of its commands; imports `<module>:<name>_command` when one is called.

    Nothing leaves it as a traceback: see `explain_failure`.
    """

    def __init__(self, *args: Any, commands_help: Mapping[str, tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.commands_help = commands_help
        """By name: the module, and one line of help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which a user meets them."""
        return list(self.commands_help)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in self.commands_help:
            return None
        module = import_module(self.commands_help[cmd_name][0])
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self.commands_help.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and flush what it wrote, so that a reader who left is noticed here."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_output()
            raise click.exceptions.Exit(BROKEN_PIPE_EXIT) from None
        return result

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> NoReturn:
        """Run the program and leave it with its exit code."""
        try:
            code = super().main(
                args, prog_name or "secondtake", complete_var, standalone_mode=False, **extra
            )
        except Exception as failure:  # noqa: BLE001 - the program's edge
            code = explain_failure(failure)
        sys.exit(code if isinstance(code, int) else 0)


def _forget_output() -> None:
    """Let the interpreter flush into nothing when it ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    finally:
        os.close(nothing)
