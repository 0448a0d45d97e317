"""Where a command gets its settings and its backend from."""

from typing import TYPE_CHECKING, Any

import click

from secondtake.backend.formats import counted, one_line
from secondtake.runner.settings import Settings, load_settings

if TYPE_CHECKING:
    from secondtake.backend.local import LocalBackend
    from secondtake.backend.models.system import LoadResult


def current_settings(**flags: Any) -> Settings:
    """Return the settings of this call: its flags first.

    Raises:
        SettingsError: a setting has no usable value.
    """
    of_the_program: dict[str, Any] = click.get_current_context().find_root().obj or {}
    return load_settings({**of_the_program, **flags})


def connect(settings: Settings | None = None) -> "LocalBackend":
    """Return the backend that answers for these settings, in this process."""
    from secondtake.backend.local import LocalBackend  # imports duckdb

    return LocalBackend(settings or current_settings(), on_load=_tell_rejected)


def _tell_rejected(result: "LoadResult") -> None:
    for problem in result.problems:
        click.echo(f"warning: {one_line(problem)}", err=True)
    if result.rejected:
        lines = counted(result.rejected, "line")
        click.echo(f"warning: {lines} could not become rows; see `secondtake doctor`", err=True)
