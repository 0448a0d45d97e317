"""`secondtake validate`: is a workflow file right, and if not, where."""

import click

from secondtake.backend import formats
from secondtake.backend.cli.connect import current_settings
from secondtake.backend.cli.output import json_option, print_json
from secondtake.runner.errors import WorkflowError


@click.command("validate")
@click.argument("workflow", metavar="WORKFLOW")
@json_option
@click.pass_context
def command(ctx: click.Context, workflow: str, as_json: bool) -> None:
    """Check a workflow file without running it.

    WORKFLOW is a file, or the name of one in the workflows root. Exit code 1 when it has problems.
    """
    from secondtake.runner.workflows.load import find_workflow

    try:
        found = find_workflow(workflow, current_settings())
    except WorkflowError as error:
        _print_problems(error.problems, as_json=as_json)
        ctx.exit(1)
    if as_json:
        print_json({"workflow": found.name, "problems": []})
    else:
        nodes = formats.counted(len(found.definition.nodes), "node")
        click.echo(f"{formats.one_line(found.name)} is fine: {nodes}.")


def _print_problems(problems: list[str], *, as_json: bool) -> None:
    if as_json:
        print_json({"problems": problems})
        return
    for problem in problems:
        click.echo(formats.one_line(problem))
    click.echo(formats.counted(len(problems), "problem"), err=True)
