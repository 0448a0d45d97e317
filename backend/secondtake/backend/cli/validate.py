"""`secondtake validate`: is a workflow file right, and if not, where."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import current_settings
from secondtake.backend.cli.output import json_option, print_json
from secondtake.runner.errors import WorkflowError

if TYPE_CHECKING:
    from secondtake.runner.settings import Settings
    from secondtake.runner.workflows.load import Workflow

IN_WORDS: Final = {
    "blocks": "no replay is exact",
    "may_differ": "a replay may differ",
    "asks": "a changed replay may stop",
}


@click.command("validate")
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--replayable", is_flag=True, help="Say what keeps it from exact replay.")
@json_option
@click.pass_context
def command(ctx: click.Context, workflow: str, replayable: bool, as_json: bool) -> None:
    """Check a workflow file without running it.

    WORKFLOW is a file, or the name of one in the workflows root. Exit code 1 when it has problems,
    or, with --replayable, when no replay of it can be exact.
    """
    from secondtake.runner.workflows.load import find_workflow

    settings = current_settings()
    try:
        found = find_workflow(workflow, settings)
    except WorkflowError as error:
        _print_problems(error.problems, as_json=as_json)
        ctx.exit(1)
    if replayable:
        ctx.exit(_print_obstacles(found, settings, as_json=as_json))
    if as_json:
        print_json({"workflow": found.name, "problems": []})
    else:
        nodes = formats.counted(len(found.definition.nodes), "node")
        click.echo(f"{formats.one_line(found.name)} is fine: {nodes}.")


def _print_obstacles(workflow: "Workflow", settings: "Settings", *, as_json: bool) -> int:
    """Print what keeps a workflow from exact replay; return the exit code."""
    from secondtake.runner.replay.replayable import obstacles

    found = obstacles(workflow, settings)
    code = 1 if any(each.severity == "blocks" for each in found) else 0
    if as_json:
        print_json({"workflow": workflow.name, "obstacles": [asdict(each) for each in found]})
        return code
    for each in found:
        where = f"{formats.one_line(each.node)}: " if each.node else ""
        click.echo(f"{IN_WORDS[each.severity]} · {where}{formats.one_line(each.reason)}")
    if not found:
        click.echo(f"Nothing keeps {formats.one_line(workflow.name)} from exact replay.")
    return code


def _print_problems(problems: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"problems": problems})
        return
    for problem in problems:
        click.echo(formats.one_line(problem))
    click.echo(formats.counted(len(problems), "problem"), err=True)
