"""`secondtake export`: recorded runs for other programs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json
from secondtake.backend.cli.pairs import PAIR, read_pairs
from secondtake.backend.cli.progress import ProgressBar
from secondtake.backend.cli.run_filters import filter_options
from secondtake.backend.exports import EXPORTERS, finetune
from secondtake.backend.models.exports import ExportQuery

if TYPE_CHECKING:
    from secondtake.backend.exports.frame import ExportReport

FORMATS: Final = "\n\n".join(f"{name}: {exporter.help}" for name, exporter in EXPORTERS.items())


def read_scores(
    ctx: click.Context, param: click.Parameter, values: Sequence[str]
) -> dict[str, float]:
    """Return the least score by name."""
    scores: dict[str, float] = {}
    for name, text in read_pairs(ctx, param, values).items():
        try:
            scores[name] = float(text)
        except ValueError:
            scores[name] = math.nan
        if not math.isfinite(scores[name]):
            text = f"{text!r} is no number; write e.g. `{name}=0.9`."
            raise click.BadParameter(text, ctx, param)
    return scores


@click.group("export")
def command() -> None:
    """Write runs into a file or a folder for other programs."""


@command.command(
    "runs",
    help="Write the runs that fit, as `secondtake runs` finds them, each with all that belongs "
    "to it. The file takes its name when it is complete.\n\n"
    f"{FORMATS}",
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(list(EXPORTERS)),
    required=True,
    help="What to write.",
)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to make; for parquet the folder.",
)
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option(
    "--min-score",
    "min_scores",
    metavar=PAIR,
    callback=read_scores,
    multiple=True,
    help="Only runs whose newest score of this name is at least this; all of them when repeated.",
)
@filter_options
@json_option
def runs_command(
    format_name: str, target: Path, force: bool, as_json: bool, **filters: Any
) -> None:
    """Write runs; the help is made above, as it lists the formats."""
    from secondtake.backend.exports.frame import export_to

    query = ExportQuery(**filters)
    if format_name == finetune.EXPORTER.format and not (query.min_scores or query.tags):
        raise click.UsageError(
            "Say which runs are good enough to train on: --min-score NAME=VALUE or --tag NAME=VALUE."
        )
    bar = ProgressBar("exporting")
    try:
        report = export_to(
            connect(), query, EXPORTERS[format_name], target, force=force, progress=bar
        )
    finally:
        bar.end()
    if as_json:
        print_json(report)
    else:
        _print_report(report)


def _print_report(report: "ExportReport") -> None:
    exporter = EXPORTERS[report.format]
    parts = [
        formats.one_line(report.path),
        formats.counted(report.runs, "run"),
        formats.counted(report.items, exporter.item),
    ]
    click.echo(" · ".join(parts))
    for what, number in report.left_out.items():
        click.echo(f"left out: {number:,} {what}", err=True)
    if not report.runs:
        click.echo("No run fits. `secondtake runs` with the same options lists those that do.")
