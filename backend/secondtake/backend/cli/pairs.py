"""Options of the form `name=value`."""

from collections.abc import Sequence
from typing import Final

import click

PAIR: Final = "NAME=VALUE"
"""How such an option is shown in the help."""


def read_pairs(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    """Return the pairs of an option; a value may be empty and may hold further equals signs."""
    pairs: dict[str, str] = {}
    for text in values:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not of the form name=value.", ctx, param)
        if name in pairs:
            raise click.BadParameter(f"{name!r} is given twice; give it once.", ctx, param)
        pairs[name] = value
    return pairs
