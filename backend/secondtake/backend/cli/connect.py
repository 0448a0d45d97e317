"""Where a command gets its settings and its backend from."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from secondtake.backend.formats import counted, one_line
from secondtake.runner.settings import Settings, load_settings

if TYPE_CHECKING:
    from secondtake.backend.models.system import LoadResult
    from secondtake.backend.protocol import Backend

OWNER: Final = "owner.json"
"""Where a server says that it serves the home; without it nothing has to be asked."""


def current_settings(**flags: Any) -> Settings:
    """Return the settings of this call: its flags first.

    Raises:
        SettingsError: a setting has no usable value.
    """
    of_the_program: dict[str, Any] = click.get_current_context().find_root().obj or {}
    return load_settings({**of_the_program, **flags})


def connect(settings: Settings | None = None) -> "Backend":
    """Return the backend that answers for these settings, with all that is recorded so far.

    That is the server of the home when one runs, else the same services in this process.
    """
    settings = settings or current_settings()
    backend = _server(settings.home) or _in_process(settings)
    context = click.get_current_context(silent=True)
    if context is not None:
        context.call_on_close(backend.close)
    return backend


def _in_process(settings: Settings) -> "Backend":
    from secondtake.backend.local import LocalBackend  # imports duckdb

    return LocalBackend(settings, on_load=_tell_rejected)


def _server(home: Path) -> "Backend | None":
    """Return the client of the server that serves this home, None when none does."""
    if not (home / OWNER).exists():
        return None
    from secondtake.backend.client import Client, find_server
    from secondtake.backend.errors import NoServerError

    url = find_server(home)
    if url is None:
        return None
    client = Client(url)
    try:
        _tell_rejected(client.load())  # what was recorded a moment ago counts too, as in process
    except NoServerError:  # it has just ended
        client.close()
        return None
    return client


def _tell_rejected(result: "LoadResult") -> None:
    for problem in result.problems:
        click.echo(f"warning: {one_line(problem)}", err=True)
    if result.rejected:
        lines = counted(result.rejected, "line")
        click.echo(f"warning: {lines} could not become rows; see `secondtake doctor`", err=True)
