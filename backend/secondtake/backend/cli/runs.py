"""`secondtake runs`: which runs exist and what each one cost."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.run_filters import filter_options
from secondtake.backend.cli.tables import Column, coloured_status, screen_width, table
from secondtake.backend.models.runs import RunPage, RunQuery, RunSummary

if TYPE_CHECKING:
    from collections.abc import Sequence

STATUS_PLACE: Final = 1
COLUMNS: Final = (
    Column(title="RUN"),
    Column(title="STATUS"),
    Column(title="STARTED"),
    Column(title="NAME", shrinks_to=8),
    Column(title="MODEL", shrinks_to=8),
    Column(title="TIME", right=True),
    Column(title="COST", right=True),
)
TOKENS: Final = Column(title="TOKENS", right=True)
WIDE: Final = 100
"""From this width on there is room for tokens."""


@click.command("runs")
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    help="How many runs at most.",
)
@click.option("--cursor", help="Go on after a page: `next_cursor` of its JSON.")
@json_option
def command(limit: int, cursor: str | None, as_json: bool, **filters: Any) -> None:
    """List recorded runs, newest first."""
    query = RunQuery(limit=limit, cursor=cursor, **filters)
    page = connect().list_runs(query)
    if as_json:
        print_json(page)
    elif page.items:
        width = screen_width()
        print_lines(run_table(page.items, width=width, now=datetime.now(UTC)))
        print_lines(_foot(page))
    else:
        click.echo(_empty(query))


def run_table(runs: "Sequence[RunSummary]", *, width: int | None, now: datetime) -> list[str]:
    """Return the lines of the list."""
    wide = width is None or width >= WIDE
    columns = (*COLUMNS, TOKENS) if wide else COLUMNS
    costs = formats.money_column(run.cost_usd for run in runs)
    rows = [
        [
            run.short_id,
            run.status,
            formats.moment(run.started_at, now=now),
            formats.one_line(run.name or run.workflow or formats.UNKNOWN),
            formats.one_line(", ".join(run.models or ()) or formats.UNKNOWN),
            formats.duration(run.duration_ms),
            _marked_cost(run, cost),
            formats.tokens_in_out(run.input_tokens, run.output_tokens),
        ][: len(columns)]
        for run, cost in zip(runs, costs, strict=True)
    ]
    lines = table(columns, rows, width=width)
    return [lines[0], *(_coloured(line, run) for line, run in zip(lines[1:], runs, strict=True))]


def _marked_cost(run: RunSummary, cost: str) -> str:
    """Mark what is not the whole truth: simulated prices, and calls whose price is unknown."""
    known_part = "+" if run.unpriced_calls and run.cost_usd is not None else ""
    mark = formats.SIMULATED if run.simulated and run.cost_usd is not None else " "
    return cost + known_part + mark


def _coloured(line: str, run: RunSummary) -> str:
    return line.replace(f" {run.status} ", f" {coloured_status(run.status)} ", 1)


def _foot(page: RunPage) -> list[str]:
    shown = len(page.items)
    more = shown < page.total_count
    lines = [f"{shown:,} of {formats.counted(page.total_count, 'run')}" if more else
             formats.counted(page.total_count, "run")]  # fmt: skip
    if any(run.simulated for run in page.items):
        lines.append(formats.SIMULATED_NOTE)
    if any(run.unpriced_calls and run.cost_usd is not None for run in page.items):
        lines.append("+ and calls whose price is unknown")
    return ["", " · ".join(lines), f"secondtake show {page.items[0].short_id}"]


def _empty(query: RunQuery) -> str:
    if query == RunQuery(limit=query.limit):
        return "No runs yet. Record one: secondtake run WORKFLOW"
    return "No run fits. Without options `secondtake runs` lists them all."
