"""`secondtake run`: execute a workflow or a prompt here, and record it.

Writes journal segments only and never holds the store, so any number of these run at once.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from secondtake.backend.cli.connect import current_settings
from secondtake.backend.cli.executing import OnStart, leave, supervised, warn_of_faults
from secondtake.backend.cli.inputs import read_inputs
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.person import person_here
from secondtake.backend.cli.run_options import (
    answers_option,
    inputs_option,
    prompt_option,
    prompt_tools_option,
    tags_option,
)
from secondtake.backend.cli.run_report import profile_lines, result_as_json, result_lines

if TYPE_CHECKING:
    from secondtake.runner.result import RunResult


@click.command("run")
@click.argument("workflow", required=False, metavar="[WORKFLOW]")
@prompt_option
@inputs_option
@click.option("--model", help="Model of all nodes that name none, e.g. sim/fast.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change the workflow for this run, e.g. nodes.plan.parameters.temperature=0.",
)
@tags_option("A label of the run.")
@click.option("--session", "session_id", help="The session that the run belongs to.")
@click.option("--user", "user_id", help="For whom it is run.")
@prompt_tools_option
@answers_option("Answer the question of a human node beforehand; again for its next visit.")
@click.option("--profile", is_flag=True, help="Say where the time went.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    workflow: str | None,
    prompt: str | None,
    inputs: dict[str, str],
    model: str | None,
    overrides: Sequence[str],
    tags: dict[str, str],
    session_id: str | None,
    user_id: str | None,
    tools: str | None,
    answers: dict[str, list[str]],
    profile: bool,
    as_json: bool,
) -> None:
    """Run a workflow or a prompt, and record it.

    WORKFLOW is a file, or the name of one in the workflows root. Exit code 1 when the run does
    not end well.
    """
    if (workflow is None) == (prompt is None):
        raise click.UsageError("name either a WORKFLOW or a --prompt")
    if prompt is not None and inputs:
        raise click.UsageError("-i goes with a WORKFLOW, not with --prompt")
    if workflow is not None and tools is not None:
        raise click.UsageError("--tools goes with --prompt; a workflow names its own tools")
    if prompt is not None and answers:
        raise click.UsageError("--answer goes with a WORKFLOW, not with --prompt")
    settings = current_settings()
    about: dict[str, Any] = {
        "settings": settings,
        "model": model,
        "overrides": overrides,
        "tags": tags,
        "session_id": session_id,
        "user_id": user_id,
    }
    result = supervised(settings, _execution(workflow, prompt, inputs, tools, answers, about))
    _print(result, name=workflow or "prompt", profile=profile, as_json=as_json)
    leave(ctx, 0 if result.status == "ok" else 1, cancelled=result.status == "cancelled")


def _execution(
    workflow: str | None,
    prompt: str | None,
    inputs: dict[str, str],
    tools: str | None,
    answers: dict[str, list[str]],
    about: dict[str, Any],
) -> "Callable[[OnStart], RunResult]":
    """Read what is to be run, and return what runs it.

    Raises:
        UsageError: a file or a workflow is not as it should be.
    """
    from secondtake.runner.workflows.execute import run_prompt, run_workflow

    if workflow is None:
        names = [name.strip() for name in (tools or "").split(",") if name.strip()]
        return lambda on_start: run_prompt(prompt or "", tools=names, on_start=on_start, **about)
    from secondtake.runner.workflows.load import find_workflow

    found = find_workflow(workflow, about["settings"])
    values = read_inputs(inputs)
    asked: dict[str, Any] = {"answers": answers, "ask": person_here()}
    return lambda on_start: run_workflow(found, values, on_start=on_start, **asked, **about)


def _print(result: "RunResult", *, name: str, profile: bool, as_json: bool) -> None:
    if as_json:
        print_json(result_as_json(result))
        return
    print_lines(result_lines(result, name=name))
    if profile:
        print_lines(["", *profile_lines(result)])
    warn_of_faults(result)
