"""Times as a user writes them: `7d`, `24h`, `2026-11-20`, `2026-11-20T09:30`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_AGO: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_since(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """Return the time that an option means, UTC: a span that ends now, or a date.

    A date without a zone is local.
    """
    if value is None:
        return None
    text = value.strip()
    if ago := _AGO.fullmatch(text):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])})
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no time; write `7d`, `24h`, `30m` or `2026-11-20`.", ctx, param
        ) from error
