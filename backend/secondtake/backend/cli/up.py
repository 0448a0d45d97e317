"""`secondtake up`: the server and the studio, until Ctrl-C."""

import click

from secondtake.backend.cli.connect import current_settings

PORTS = click.IntRange(1, 65_535)


@click.command("up")
@click.option("--host", help="Address to listen at; one of this machine alone.  [127.0.0.1]")
@click.option("--port", type=PORTS, help="Port of the server.  [8000]")
@click.option("--studio-port", type=PORTS, help="Port of the studio.  [8501]")
@click.option(
    "--allow-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    help="A further name that requests may be for, e.g. that of a proxy.",
)
@click.option("--no-studio", is_flag=True, help="Only the server.")
@click.option("--no-browser", is_flag=True, help="Open no browser.")
def command(
    host: str | None,
    port: int | None,
    studio_port: int | None,
    allowed_hosts: tuple[str, ...],
    no_studio: bool,
    no_browser: bool,
) -> None:
    """Start the server and the studio; Ctrl-C ends both.

    Whoever dies is started again; logs are in the home's folder `logs`.
    """
    from secondtake.backend.up.supervisor import Supervisor

    settings = current_settings(host=host, port=port, studio_port=studio_port)
    supervisor = Supervisor(
        settings,
        allowed_hosts=allowed_hosts,
        with_studio=not no_studio,
        with_browser=not no_browser,
    )
    supervisor.run(say=click.echo, warn=_warn)


def _warn(text: str) -> None:
    click.echo(f"warning: {text}", err=True)
