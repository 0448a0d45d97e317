"""`secondtake compare`: execute a workflow or a prompt with several models, and compare.

Executes here, as `secondtake run` does, and writes journal segments only; then the table is read
back from the store, so that it is the one that the server shows.
"""

import contextlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from secondtake.backend.cli.connect import connect, current_settings
from secondtake.backend.cli.executing import leave, prepare_home
from secondtake.backend.cli.inputs import read_inputs
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.progress import ProgressBar
from secondtake.backend.cli.run_options import (
    answers_option,
    inputs_option,
    prompt_option,
    prompt_tools_option,
    tags_option,
)
from secondtake.backend.cli.tables import screen_width

if TYPE_CHECKING:
    from secondtake.backend.models.comparisons import Comparison
    from secondtake.runner.comparing import Case, ComparisonPlan, Execute, Executed
    from secondtake.runner.settings import Settings

PARALLEL: Final = 4
SHOW_WITHIN_S: Final = 1.0
"""After Ctrl-C the table may take so long: all ends within two seconds."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be compared."""

    workflow: str | None
    prompt: str | None
    models: list[str]
    inputs: dict[str, str]
    cases_file: Path | None
    repeat: int
    tools: list[str]
    answers: dict[str, list[str]]
    about: dict[str, Any]
    """Further arguments of each run."""


def read_models(ctx: click.Context, param: click.Parameter, text: str | None) -> list[str] | None:
    """Return the models of a list with commas."""
    if text is None:
        return None
    from secondtake.runner.comparing import check_models
    from secondtake.runner.errors import UsageError

    try:
        return check_models(text.split(","))
    except UsageError as error:
        raise click.BadParameter(error.message, ctx, param) from error


@click.command("compare")
@click.argument("workflow", required=False, metavar="[WORKFLOW]")
@prompt_option
@click.option(
    "--models",
    callback=read_models,
    metavar="A,B,...",
    help="What to compare, e.g. sim/strong,openai/gpt-4o; the first is the baseline.",
)
@click.option(
    "--repeat",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="How often each model gets the same inputs.",
)
@inputs_option
@click.option(
    "--inputs",
    "cases_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.jsonl",
    help="Many inputs: one JSON object a line; they win over -i.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change the workflow, for all."
)
@prompt_tools_option
@answers_option("Answer the question of a human node in each run; nobody is asked.")
@tags_option("A label of the runs.")
@click.option(
    "--parallel",
    type=click.IntRange(1, 64),
    default=PARALLEL,
    show_default=True,
    help="Runs at the same time.",
)
@click.option("--show", metavar="ID", help="Show one that was made before; `last` for the newest.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    workflow: str | None,
    prompt: str | None,
    models: list[str] | None,
    repeat: int,
    inputs: dict[str, str],
    cases_file: Path | None,
    overrides: Sequence[str],
    tools: str | None,
    answers: dict[str, list[str]],
    tags: dict[str, str],
    parallel: int,
    show: str | None,
    as_json: bool,
) -> None:
    """Compare models on a workflow or a prompt: answers, agreement, cost, latency, failures.

    Every model gets every input, as often as --repeat says; each of these is a recorded run.
    Nodes that name a model of their own keep it. Exit code 1 when a run does not end well.
    """
    if show is not None:
        if workflow or prompt or models:
            raise click.UsageError("--show goes alone; it executes nothing")
        settings = current_settings()
        _print((_whole if as_json else _first)(show, settings), as_json=as_json)
        return
    if (workflow is None) == (prompt is None):
        raise click.UsageError("name either a WORKFLOW or a --prompt")
    if not models:
        raise click.UsageError("name what to compare: --models sim/strong,sim/fast")
    if prompt is not None and (inputs or cases_file or answers):
        raise click.UsageError("-i, --inputs and --answer go with a WORKFLOW, not with --prompt")
    if workflow is not None and tools is not None:
        raise click.UsageError("--tools goes with --prompt; a workflow names its own tools")
    settings = current_settings()
    asked = Asked(
        workflow=workflow,
        prompt=prompt,
        models=models,
        inputs=read_inputs(inputs),
        cases_file=cases_file,
        repeat=repeat,
        tools=[name.strip() for name in (tools or "").split(",") if name.strip()],
        answers=answers,
        about={"settings": settings, "overrides": overrides, "tags": tags},
    )
    plan, executed = _execute(asked, settings, parallel=parallel)
    _show(plan, executed, settings, as_json=as_json)
    is_well = executed.ok == plan.run_count
    leave(ctx, 0 if is_well else 1, cancelled=executed.is_cancelled)


def _execute(
    asked: Asked, settings: "Settings", *, parallel: int
) -> "tuple[ComparisonPlan, Executed]":
    """Execute all runs.

    Raises:
        UsageError: something is wrong with what is asked for; nothing was executed then.
    """
    from secondtake.runner.comparing import ComparisonPlan, execute_runs
    from secondtake.runner.journal import close_all

    cases, case_count, execute = _prepared(asked, settings)
    plan = ComparisonPlan(models=asked.models, case_count=case_count, repeats=asked.repeat)
    prepare_home(settings)
    # After Ctrl-C there is no time left to import what reads the table.
    threading.Thread(target=_import_what_shows, name="secondtake-warm", daemon=True).start()
    bar = ProgressBar("comparing")

    def ended(so_far: "Executed") -> None:
        bar(so_far.ended, plan.run_count)

    executed = execute_runs(plan.runs(cases), execute, parallel=parallel, on_end=ended)
    bar.end()
    close_all()
    if executed.refusal is not None:
        raise executed.refusal
    return plan, executed


def _prepared(asked: Asked, settings: "Settings") -> "tuple[Iterable[Case], int, Execute]":
    """Check what can be checked beforehand; return the inputs, their number, and what executes."""
    from secondtake.runner.comparing import Case, check_reached, of_prompt, of_workflow

    if asked.workflow is None:
        execute = of_prompt(asked.prompt or "", tools=asked.tools, **asked.about)
        return [Case(case_id="1", inputs={})], 1, execute
    from secondtake.runner.workflows.load import find_workflow
    from secondtake.runner.workflows.overrides import apply_overrides, convert_inputs

    workflow = find_workflow(asked.workflow, settings)
    changed, texts = apply_overrides(
        workflow, [f"model={asked.models[0]}", *asked.about["overrides"]], settings=settings
    )
    check_reached(changed)
    execute = of_workflow(workflow, answers=asked.answers, **asked.about)
    where = "give it with -i {name}=VALUE"
    if asked.cases_file is None:
        convert_inputs(changed.definition, asked.inputs, texts, where=where)
        return [Case(case_id="1", inputs=asked.inputs)], 1, execute
    from secondtake.backend.cli.case_lines import CaseFile

    cases = CaseFile(
        asked.cases_file,
        common=asked.inputs,
        check=lambda given: convert_inputs(
            changed.definition, given, texts, where=f"write it there, or {where}"
        ),
    )
    return cases, cases.count(), execute


def _import_what_shows() -> None:
    with contextlib.suppress(ImportError):  # which is told where the table is read
        for module in ("cli.compare_lines", "local"):
            import_module(f"secondtake.backend.{module}")


def _show(
    plan: "ComparisonPlan", executed: "Executed", settings: "Settings", *, as_json: bool
) -> None:
    """Print the table; after Ctrl-C only if it comes soon."""
    if executed.faults:
        click.echo(
            f"warning: {executed.faults:,} events could not be recorded; see `secondtake doctor`",
            err=True,
        )
    read = _whole if as_json else _first
    if not executed.is_cancelled:
        _print(read(plan.experiment_id, settings), as_json=as_json)
        return
    found: list[Comparison] = []

    def look() -> None:
        found.append(read(plan.experiment_id, settings))

    if executed.ended:
        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        looking.join(SHOW_WITHIN_S)
    if found:
        _print(found[0], as_json=as_json)
    else:
        show = f"; see it with `secondtake compare --show {plan.experiment_id}`"
        count = f"{executed.ended:,} of {plan.run_count:,} runs"
        click.echo(f"stopped after {count}{show if executed.ended else ''}", err=True)


def _first(experiment: str, settings: "Settings") -> "Comparison":
    """Return a comparison with as many answers as a terminal shows."""
    from secondtake.backend.cli.compare_lines import ANSWER_CHARS, CASES_SHOWN
    from secondtake.backend.models.comparisons import ComparisonQuery

    query = ComparisonQuery(experiment=experiment, limit=CASES_SHOWN, max_chars=ANSWER_CHARS)
    return connect(settings).get_comparison(query)


def _whole(experiment: str, settings: "Settings") -> "Comparison":
    """Return a comparison with every answer whole."""
    from secondtake.backend.models.comparisons import CASES_AT_ONCE_MAX, ComparisonQuery

    backend = connect(settings)
    query = ComparisonQuery(experiment=experiment, limit=CASES_AT_ONCE_MAX)
    comparison = backend.get_comparison(query)
    cases = list(comparison.cases)
    while len(cases) < comparison.case_count:
        following = query.model_copy(update={"offset": len(cases)})
        page = backend.get_comparison(following).cases
        if not page:
            break
        cases += page
    return comparison.model_copy(update={"cases": cases})


def _print(comparison: "Comparison", *, as_json: bool) -> None:
    if as_json:
        print_json(comparison)
        return
    from secondtake.backend.cli.compare_lines import comparison_lines

    print_lines(comparison_lines(comparison, screen_width()))
