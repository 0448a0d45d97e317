"""The person at the terminal, who answers the questions of human nodes."""

import os
import select
import sys
import time
from typing import TYPE_CHECKING, Final, Protocol

import click

from secondtake.backend import formats

if TYPE_CHECKING:
    from secondtake.runner.workflows.human import OpenQuestion
    from secondtake.runner.workflows.questions import Question

READ_BYTES: Final = 65_536


class LineReader(Protocol):
    """Where typed lines come from."""

    def __call__(self, timeout_s: float) -> str | None:
        """Return the next line, None when there is none in time; raises EOFError at the end."""


def person_here() -> "Terminal | Elsewhere":
    """Return who can be asked: the person at the terminal, else nobody here."""
    try:
        is_terminal = sys.stdin.isatty()
    except (AttributeError, ValueError):  # stdin is closed
        is_terminal = False
    return Terminal(Lines(sys.stdin.fileno())) if is_terminal else Elsewhere()


class Lines:
    """Reads lines from a file descriptor without waiting longer than it is told to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = b""

    def __call__(self, timeout_s: float) -> str | None:
        """Return the next line without its end, None when there is none in time.

        Raises:
            EOFError: the input has ended.
        """
        if b"\n" not in self._buffer:
            if not select.select([self._descriptor], [], [], timeout_s)[0]:
                return None
            read = os.read(self._descriptor, READ_BYTES)
            if not read:
                raise EOFError
            self._buffer += read
        line, found, rest = self._buffer.partition(b"\n")
        if not found:
            return None
        self._buffer = rest
        return line.decode("utf-8", "replace").rstrip("\r")


class Terminal:
    """Asks on stderr and reads what is typed; stdout stays the result's."""

    one_at_a_time = True

    def __init__(self, read: LineReader) -> None:
        self._read = read
        self._choices: tuple[str, ...] = ()

    def show(self, asked: "OpenQuestion") -> None:
        """Show a question with its choices, numbered."""
        self._choices = asked.question.choices or ()
        click.echo(f"\n{formats.one_line(asked.node)} asks:", err=True)
        click.echo(formats.visible(asked.question.text), err=True)
        for number, choice in enumerate(self._choices, start=1):
            click.echo(f"  {number}  {formats.one_line(choice)}", err=True)
        self._prompt(asked.question)

    def read_line(self, timeout_s: float) -> str | None:
        """Return what was typed; the number of a choice is that choice.

        Raises:
            EOFError: the terminal was closed.
        """
        line = self._read(timeout_s)
        if line is None:
            return None
        plain = line.strip()
        is_number = plain.isdecimal() and plain not in self._choices
        if is_number and 1 <= int(plain) <= len(self._choices):
            return self._choices[int(plain) - 1]
        return line

    def refuse(self, reason: str) -> None:
        """Say why an answer cannot be taken, and ask again."""
        click.echo(f"{formats.one_line(reason)}\n> ", nl=False, err=True)

    def withdraw(self, reason: str) -> None:
        """Say that the question is not open any more."""
        click.echo(f"\n({formats.one_line(reason)})", err=True)

    @staticmethod
    def _prompt(question: "Question") -> None:
        of_type = "" if question.kind.name in ("string", "any") else f"{question.kind} "
        click.echo(f"{of_type}> ", nl=False, err=True)


class Elsewhere:
    """Nobody can be asked here: says where the answer can be given, and waits."""

    one_at_a_time = False

    def show(self, asked: "OpenQuestion") -> None:
        """Name the run, and the command that answers."""
        choices = asked.question.choices
        allowed = f" ({' · '.join(map(formats.one_line, choices))})" if choices else ""
        click.echo(
            f"run {asked.run_id} waits for an answer to `{formats.one_line(asked.node)}`{allowed}; "
            f"type: secondtake answer {asked.run_id} VALUE",
            err=True,
        )

    def read_line(self, timeout_s: float) -> str | None:
        """Wait; there is never a line."""
        time.sleep(timeout_s)
        return None

    def refuse(self, reason: str) -> None:
        """Nobody typed anything that could be refused."""

    def withdraw(self, reason: str) -> None:
        """Say that the run goes on."""
        click.echo(f"({formats.one_line(reason)})", err=True)
