"""`secondtake import`: recorded runs of another program become runs here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect, current_settings
from secondtake.backend.cli.output import json_option, print_json
from secondtake.backend.cli.progress import ProgressBar
from secondtake.backend.importers import IMPORTERS
from secondtake.backend.importers.frame import ImportReport
from secondtake.backend.services.imports import import_runs

SKIPPED_SHOWN: Final = 10
FORMATS: Final = "\n\n".join(f"{name}: {importer.help}" for name, importer in IMPORTERS.items())


@click.command(
    "import",
    help=f"Import recorded runs of another program; a second time changes nothing.\n\n{FORMATS}",
)
@click.argument("format_name", metavar="FORMAT", type=click.Choice(sorted(IMPORTERS)))
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Say what would be imported, and write nothing.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, format_name: str, paths: Sequence[Path], dry_run: bool, as_json: bool
) -> None:
    """Import files; exit code 1 when records had to be skipped."""
    settings = current_settings()
    bar = ProgressBar("importing")
    try:
        report = import_runs(
            connect(settings), settings, format_name, paths, progress=bar, dry_run=dry_run
        )
    finally:
        bar.end()
    if as_json:
        print_json(report)
    else:
        _print_report(report)
    if report.skipped:
        ctx.exit(1)


def _print_report(report: ImportReport) -> None:
    there = report.runs_already_there
    already = f", {there:,} already there" if there else ""
    done = "would be imported" if report.dry_run else "imported"
    click.echo(f"{formats.counted(report.runs_imported, 'run')} {done}{already}")
    for name, number in report.rows.items():
        click.echo(f"  {name:<18} {formats.count(number):>8}")
    for record in report.skipped[:SKIPPED_SHOWN]:
        where = formats.one_line(f"{record.file}, record {record.index}")
        click.echo(f"skipped: {where}: {formats.one_line(record.reason)}", err=True)
    hidden = len(report.skipped) - SKIPPED_SHOWN
    if hidden > 0:
        click.echo(f"skipped: {hidden:,} more; --json lists them all", err=True)
    if (report.runs_imported and not report.dry_run) or there:
        click.echo("secondtake runs")
