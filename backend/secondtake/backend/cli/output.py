"""How commands print: JSON for programs, lines for people."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
from pydantic import BaseModel

from secondtake.backend.formats import spell_controls_in_json

F = TypeVar("F", bound=Callable[..., Any])


def json_option(function: F) -> F:
    """Add `--json` to a command, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def print_json(value: BaseModel | object) -> None:
    """Print a value as one JSON document. Money is a string, times end in Z, unknown is null."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().replace("-", "") == "utf8"
    text = json.dumps(plain, indent=2, ensure_ascii=not unicode, allow_nan=False)
    click.echo(spell_controls_in_json(text))


def print_lines(lines: Iterable[str]) -> None:
    """Print lines; each holds no line break that is not meant."""
    for line in lines:
        click.echo(line)
