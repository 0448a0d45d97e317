"""`secondtake cancel`: end a run that is being executed."""

import click

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json


@click.command("cancel")
@click.argument("run", metavar="RUN")
@json_option
def command(run: str, as_json: bool) -> None:
    """End a run that is being executed, wherever on this machine.

    RUN is an id, the beginning of one that no other run has, or `last`. The run ends as
    `cancelled` and keeps what was done.
    """
    delivered = connect().cancel_run(run)
    if as_json:
        print_json(delivered)
    else:
        click.echo(delivered.detail)
