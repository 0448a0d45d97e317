"""Options of all commands that execute a workflow or a prompt, each written once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from secondtake.backend.cli.pairs import PAIR, read_pairs

F = TypeVar("F", bound=Callable[..., Any])


def read_answers(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> dict[str, list[str]]:
    """Return the answers of each node, in the order given."""
    answers: dict[str, list[str]] = {}
    for text in values:
        ((name, value),) = read_pairs(ctx, param, [text]).items()
        answers.setdefault(name, []).append(value)
    return answers


def prompt_option(function: F) -> F:
    """Add `--prompt`."""
    told = "Ask this instead of running a workflow."
    return click.option("--prompt", help=told)(function)


def prompt_tools_option(function: F) -> F:
    """Add `--tools` of a prompt."""
    told = "With --prompt: tools for a loop, e.g. calculator,search_text."
    return click.option("--tools", help=told)(function)


def inputs_option(function: F) -> F:
    """Add `-i NAME=VALUE`, as the argument `inputs`."""
    told = "An input, of its declared type. `name=@FILE` reads a file, `name=@-` stdin."
    return _pairs("-i", "--input", "inputs", told)(function)


def tags_option(told: str) -> Callable[[F], F]:
    """Add `--tag NAME=VALUE`, as the argument `tags`."""
    return _pairs("--tag", "tags", told)


def answers_option(told: str) -> Callable[[F], F]:
    """Add `--answer NODE=VALUE`, as the argument `answers`."""
    return click.option(
        "--answer",
        "answers",
        metavar="NODE=VALUE",
        multiple=True,
        callback=read_answers,
        help=told,
    )


def _pairs(*names_and_help: str) -> Callable[[F], F]:
    *names, told = names_and_help
    return click.option(*names, metavar=PAIR, callback=read_pairs, multiple=True, help=told)
