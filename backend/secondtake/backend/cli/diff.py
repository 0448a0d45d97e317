"""`secondtake diff`: two runs, step by step."""

import os
import sys
from pathlib import Path

import click

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.tables import screen_width


@click.command("diff")
@click.argument("run_a", metavar="RUN_A")
@click.argument("run_b", metavar="RUN_B")
@click.option(
    "--html",
    "html_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write one HTML file that holds all of it.",
)
@json_option
def command(run_a: str, run_b: str, html_file: Path | None, as_json: bool) -> None:
    """Compare two runs step by step: what changed, from where on, at what cost.

    RUN_A is the baseline, RUN_B the candidate; each is an id, the beginning of one that no other
    run has, or `last`. The exit code is 0 also when the runs differ.
    """
    if html_file is not None and as_json:
        raise click.UsageError("--html and --json go separately; give one of them")
    diff = connect().diff_runs(run_a, run_b)
    if as_json:
        print_json(diff)
    elif html_file is not None:
        from secondtake.backend.cli.diff_file import write_page
        from secondtake.backend.cli.diff_page import diff_page

        write_page(html_file, diff_page(diff))
        click.echo(html_file)
    else:
        from secondtake.backend.cli.diff_lines import Look, diff_lines

        print_lines(diff_lines(diff, Look(width=screen_width(), coloured=_is_coloured())))


def _is_coloured() -> bool:
    """Tell whether there is a screen, and nobody who wants it without colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")
