"""Times as a user writes them: `7d`, `24h`, `2026-11-20`, `2026-11-20T09:30`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click

_AGO: Final = re.compile(r"(?P<number>\d{1,6})(?P<unit>[smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Since(click.ParamType):
    """A time span that ends now, or a date; a date without a zone is local."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time that `value` means, UTC."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if ago := _AGO.fullmatch(text):
            span = timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])})
            return datetime.now(UTC) - span
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no time; write `7d`, `24h`, `30m` or `2026-11-20`.", param, ctx)
