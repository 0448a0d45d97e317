"""`python -m secondtake.backend.api`: the server alone, as `secondtake up` starts it."""

import sys
from pathlib import Path

import click

from secondtake.backend.api.serve import HOST, PORT, serve
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.settings import load_settings


@click.command(help="Serve the runs of a home over HTTP until SIGTERM or Ctrl-C.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default=HOST, show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
@click.option("--allow-host", "allowed_hosts", multiple=True, help="Another name it answers for.")
def main(home: Path | None, host: str, port: int, allowed_hosts: tuple[str, ...]) -> None:
    """Serve, or say in one sentence why not."""
    try:
        serve(load_settings({"home": home}), host=host, port=port, allowed_hosts=allowed_hosts)
    except SecondTakeError as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
