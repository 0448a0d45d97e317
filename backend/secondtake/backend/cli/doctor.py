"""`secondtake doctor`: is everything in order, and if not, what to do."""

import click

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json
from secondtake.backend.cli.tables import coloured_status, fit
from secondtake.backend.formats import one_line


@click.command("doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check that everything works, and name the cure if not.

    Exit code 1 when a check fails; warnings do not count.
    """
    health = connect().doctor()
    if as_json:
        print_json(health)
    else:
        width = max(len(check.name) for check in health.checks)
        for check in health.checks:
            status = coloured_status(check.status, f"{check.status:<4}")
            click.echo(f"{status}  {fit(check.name, width)}  {one_line(check.detail)}")
            if check.cure:
                click.echo(f"{'':6}{'':{width}}  -> {one_line(check.cure)}")
    if not health.healthy:
        ctx.exit(1)
