"""`secondtake sql`: one SELECT over the tables."""

import csv
import io
import json
from typing import Any, Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.tables import Column, screen_width, table
from secondtake.backend.models.system import MAX_SQL_ROWS, SqlQuery, SqlResult

CELL_CHARACTERS: Final = 200
NUMBERS: Final = ("INT", "DECIMAL", "DOUBLE", "FLOAT", "HUGEINT")


@click.command("sql")
@click.argument("query", metavar="QUERY")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, titles first.")
@click.option(
    "--limit",
    type=click.IntRange(1, MAX_SQL_ROWS),
    default=1000,
    show_default=True,
    help="How many rows at most.",
)
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0, max=300, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds after which the query is stopped.",
)
def command(query: str, as_json: bool, as_csv: bool, limit: int, timeout_s: float) -> None:
    """Ask the tables one SELECT.

    For example: secondtake sql "select model, sum(cost_usd) from llm_calls group by all"
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other")
    result = connect().run_sql(SqlQuery(text=query, max_rows=limit, timeout_s=timeout_s))
    if as_json:
        print_json(result)
    elif as_csv:
        _print_csv(result)
    else:
        _print_table(result)
    if result.truncated and not as_json:
        shown = formats.counted(len(result.rows), "row")
        click.echo(f"Only the first {shown} are shown; --limit shows more.", err=True)


def _print_table(result: SqlResult) -> None:
    columns = [
        Column(
            title=formats.one_line(column.name),
            right=column.type.startswith(NUMBERS) or column.type.endswith("INT"),
            shrinks_to=None if column.type == "UUID" else 12,
        )
        for column in result.columns
    ]
    rows = [[_cell(value) for value in row] for row in result.rows]
    print_lines(table(columns, rows, width=screen_width()))
    click.echo(f"({formats.counted(len(rows), 'row')})")


def _cell(value: Any) -> str:
    if value is None:
        return formats.UNKNOWN
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = formats.one_line(text)
    return text if len(text) <= CELL_CHARACTERS else text[: CELL_CHARACTERS - 1] + "…"


def _print_csv(result: SqlResult) -> None:
    """Print comma separated values by RFC 4180; unknown is an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in result.columns])
    for row in result.rows:
        writer.writerow(
            [
                value if value is None or isinstance(value, str) else json.dumps(value)
                for value in row
            ]
        )
    click.echo(text.getvalue(), nl=False)
