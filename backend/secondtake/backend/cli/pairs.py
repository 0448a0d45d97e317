"""Options of the form `name=value`."""

from typing import Any

import click


class Pair(click.ParamType):
    """`name=value`; the value may be empty and may hold further equals signs."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return name and value."""
        if isinstance(value, tuple):
            return value  # pyright: ignore[reportUnknownVariableType]
        name, equals, text = str(value).partition("=")
        if not equals or not name.strip():
            self.fail(f"{value!r} is not of the form name=value.", param, ctx)
        return name.strip(), text
