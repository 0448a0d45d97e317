"""`secondtake show`: one run, as a whole or by one of its lists."""

from typing import TYPE_CHECKING, Final

import click

from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.show_rows import message_lines, span_lines, state_lines, tool_lines
from secondtake.backend.cli.show_run import run_lines
from secondtake.backend.cli.tables import screen_width
from secondtake.backend.models.runs import StateQuery

if TYPE_CHECKING:
    from secondtake.backend.protocol import Backend

VIEWS: Final = {
    "messages": "The conversation, message by message.",
    "spans": "Every span with its full ids.",
    "tools": "Every tool call with arguments and result.",
    "state": "The state at the end, or after --step.",
}


@click.command("show")
@click.argument("run", metavar="RUN")
@click.option("view", "--messages", flag_value="messages", help=VIEWS["messages"])
@click.option("view", "--spans", flag_value="spans", help=VIEWS["spans"])
@click.option("view", "--tools", flag_value="tools", help=VIEWS["tools"])
@click.option("view", "--state", flag_value="state", help=VIEWS["state"])
@click.option("--step", type=click.IntRange(min=0), help="With --state: after this step.")
@json_option
def command(run: str, view: str | None, step: int | None, as_json: bool) -> None:
    """Show one run: what happened, how long it took, what it cost.

    RUN is an id, the beginning of one that no other run has, or `last`.
    """
    if step is not None and view != "state":
        raise click.UsageError("--step needs --state")
    backend = connect()
    if as_json:
        print_json(_as_json(backend, run, view, step))
    else:
        print_lines(_as_lines(backend, run, view, step))


def _as_json(backend: "Backend", run: str, view: str | None, step: int | None) -> object:
    if view == "spans":
        return backend.run_spans(run)
    if view == "state":
        return backend.fold_state(StateQuery(run=run, step=step))
    detail = backend.get_run(run)
    if view is None:
        return detail
    rows = detail.messages if view == "messages" else detail.tool_calls
    return [row.model_dump(mode="json") for row in rows]


def _as_lines(backend: "Backend", run: str, view: str | None, step: int | None) -> list[str]:
    width = screen_width()
    if view == "spans":
        return span_lines(backend.run_spans(run), width=None)
    if view == "state":
        return state_lines(backend.fold_state(StateQuery(run=run, step=step)))
    if view == "messages":
        return message_lines(backend.get_run(run).messages)
    if view == "tools":
        return tool_lines(backend.get_run(run).tool_calls)
    detail = backend.get_run(run)
    tree = backend.run_spans(str(detail.summary.run_id))
    return run_lines(detail, tree, width=width)
