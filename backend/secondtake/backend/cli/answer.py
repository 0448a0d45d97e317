"""`secondtake answer`: the answer of a person to a run that waits for it."""

from typing import TYPE_CHECKING, Any

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import connect
from secondtake.backend.cli.inputs import read_inputs
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.values import indented
from secondtake.backend.errors import ConflictError
from secondtake.backend.models.executions import AnswerRequest
from secondtake.runner.narrow import is_list, is_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from secondtake.backend.models.records import NodeTiming
    from secondtake.backend.models.runs import RunDetail


@click.command("answer")
@click.argument("run", metavar="RUN")
@click.argument("value", required=False, metavar="[VALUE]")
@click.option("--span", "span_id", help="Of several questions the one that is meant.")
@click.option("--by", help="Who answers.")
@json_option
def command(
    run: str, value: str | None, span_id: str | None, by: str | None, as_json: bool
) -> None:
    """Answer the question that a run waits with; without VALUE, show it.

    RUN is an id, the beginning of one that no other run has, or `last`. VALUE is a text; `@FILE`
    reads one.
    """
    backend = connect()
    if value is None:
        detail = backend.get_run(run)
        open_nodes = open_questions(detail, span_id)
        if as_json:
            print_json([_as_json(node) for node in open_nodes])
        else:
            print_lines(_question_lines(detail, open_nodes))
        return
    text = read_inputs({"answer": value})["answer"]
    request = AnswerRequest(answer=text, span_id=span_id, by=by)
    delivered = backend.answer_run(run, request)
    if as_json:
        print_json(delivered)
    else:
        click.echo(delivered.detail)


def open_questions(detail: "RunDetail", span_id: str | None) -> "list[NodeTiming]":
    """Return the nodes of a run that wait for a person.

    Raises:
        ConflictError: none does.
    """
    run = detail.summary
    nodes = [
        node
        for node in detail.node_timings
        if node.question is not None and node.ended_at is None and span_id in (None, node.span_id)
    ]
    if run.status != "running":
        raise ConflictError(
            f"Run {run.short_id} has ended ({run.status}); it asks nothing any more."
        )
    if not nodes:
        raise ConflictError(f"Run {run.short_id} waits for no answer now.")
    return nodes


def _as_json(node: "NodeTiming") -> dict[str, Any]:
    return {"span_id": node.span_id, "node": node.node, **_asked(node)}


def _asked(node: "NodeTiming") -> dict[str, Any]:
    asked: Any = node.question
    fields = asked if is_object(asked) else {"question": asked}
    choices = fields.get("choices")
    return {"question": fields.get("question"), "choices": choices if is_list(choices) else None}


def _question_lines(detail: "RunDetail", nodes: "Sequence[NodeTiming]") -> list[str]:
    lines: list[str] = []
    for node in nodes:
        asked = _asked(node)
        lines += [f"{formats.one_line(node.node or 'a node')} asks ({node.span_id}):"]
        lines += indented(str(asked["question"] or ""))
        if asked["choices"]:
            choices = ", ".join(formats.one_line(str(choice)) for choice in asked["choices"])
            lines += [f"  choices: {choices}"]
    span = f" --span {nodes[0].span_id}" if len(nodes) > 1 else ""
    return [*lines, f'secondtake answer {detail.summary.short_id} "..."{span}']
