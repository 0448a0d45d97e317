"""The options that say which runs are meant."""

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar, get_args

import click

from secondtake.backend.cli.pairs import PAIR, read_pairs
from secondtake.backend.cli.since import read_since
from secondtake.backend.models.runs import Status

F = TypeVar("F", bound=Callable[..., Any])

_DURATION: Final = re.compile(r"(?P<number>\d{1,9}(\.\d{1,6})?)(?P<unit>ms|s|m|h)")
_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}


def read_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a time such as `842ms`, `3.4s`, `2m` in milliseconds."""
    if value is None:
        return None
    found = _DURATION.fullmatch(value.strip())
    if found is None:
        text = f"{value!r} is no duration; write `842ms`, `3.4s`, `2m` or `1h`."
        raise click.BadParameter(text, ctx, param)
    return float(found["number"]) * _UNITS_MS[found["unit"]]


def read_dollars(ctx: click.Context, param: click.Parameter, value: str | None) -> Decimal | None:
    """Return an amount of US dollars, written with or without `$`."""
    if value is None:
        return None
    try:
        amount = Decimal(value.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        text = f"{value!r} is no amount of dollars; write e.g. `0.05`."
        raise click.BadParameter(text, ctx, param)
    return amount


def filter_options(function: F) -> F:
    """Add an option for each field of `RunFilter`, under the field's name."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


_OPTIONS: Final = (
    click.option(
        "--status",
        type=click.Choice(get_args(Status)),
        multiple=True,
        help="Only runs that ended so; repeat it for any of several.",
    ),
    click.option(
        "--workflow",
        multiple=True,
        help="Only runs of this workflow (or with this name); may be repeated.",
    ),
    click.option(
        "--model",
        multiple=True,
        help="Only runs that used this model; `gpt-4o` finds `openai/gpt-4o`; may be repeated.",
    ),
    click.option(
        "--tag",
        "tags",
        metavar=PAIR,
        callback=read_pairs,
        multiple=True,
        help="Only runs with this tag; all of them when repeated.",
    ),
    click.option("--text", help="Only runs with this in name, inputs, output, error, tags or id."),
    click.option(
        "--since",
        metavar="TIME",
        callback=read_since,
        help="Only runs since then: 7d, 24h, 30m, 2026-11-20.",
    ),
    click.option(
        "--until",
        metavar="TIME",
        callback=read_since,
        help="Only runs before then: 1h, 2026-11-20.",
    ),
    click.option("--session", "session_id", help="Only runs of this session."),
    click.option("--user", "user_id", help="Only runs of this user."),
    click.option(
        "--min-cost",
        "min_cost_usd",
        metavar="USD",
        callback=read_dollars,
        help="Only runs that cost at least this.",
    ),
    click.option(
        "--max-cost",
        "max_cost_usd",
        metavar="USD",
        callback=read_dollars,
        help="Only runs that cost at most this.",
    ),
    click.option(
        "--min-duration",
        "min_duration_ms",
        metavar="TIME",
        callback=read_duration,
        help="Only runs that took at least this: 842ms, 3.4s, 2m.",
    ),
    click.option(
        "--max-duration",
        "max_duration_ms",
        metavar="TIME",
        callback=read_duration,
        help="Only runs that took at most this.",
    ),
    click.option(
        "--simulated/--not-simulated",
        default=None,
        help="Only runs with, or without, simulated models.",
    ),
    click.option("--unpriced", is_flag=True, help="Only runs with a call of unknown price."),
    click.option("--waiting", is_flag=True, help="Only runs that wait for a person's answer."),
)
