"""`secondtake replay`: execute a recorded run again, with something different or as it was.

Executes here, writes journal segments only, and never holds the store while it does.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from secondtake.backend.cli.connect import connect, current_settings
from secondtake.backend.cli.executing import leave, prepare_home, warn_of_faults
from secondtake.backend.cli.inputs import read_inputs
from secondtake.backend.cli.output import json_option, print_json, print_lines
from secondtake.backend.cli.person import person_here
from secondtake.backend.cli.progress import ProgressBar
from secondtake.backend.cli.replay_program import program_lines, replay_program, verdict_of
from secondtake.backend.cli.replay_report import (
    plan_as_json,
    plan_lines,
    repeat_lines,
    replay_as_json,
    replay_lines,
)
from secondtake.backend.cli.run_options import answers_option, tags_option

if TYPE_CHECKING:
    from secondtake.runner.events import Policy
    from secondtake.runner.replay.changes import Changes
    from secondtake.runner.replay.execute import Way
    from secondtake.runner.replay.plans import Plan
    from secondtake.runner.replay.recording import Recording
    from secondtake.runner.replay.workflow import Replayed
    from secondtake.runner.settings import Settings
    from secondtake.runner.workflows.load import Workflow

POLICIES: Final = ("auto", "recorded", "live")
REPEAT_MAX: Final = 1000
CAPSULE: Final = ".take"


@click.command("replay")
@click.argument("run", metavar="RUN")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option(
    "--set",
    "texts",
    multiple=True,
    metavar="PATH=VALUE",
    help="What is to be different, e.g. model=sim/weak, nodes.write.prompt=@new.txt, "
    "state.facts=[], tools.search_text=off, tool_calls.3.result=@page.txt.",
)
@click.option("--from", "from_node", metavar="NODE", help="Change nothing before this node.")
@click.option(
    "--llm",
    type=click.Choice(POLICIES),
    default="auto",
    show_default=True,
    help="Who answers LLM calls: the recording where nothing changed, it alone, or the models.",
)
@click.option(
    "--tools",
    type=click.Choice(POLICIES),
    default="auto",
    show_default=True,
    help="Who answers tool calls.",
)
@click.option("--stepwise", is_flag=True, help="Ask each recorded LLM call again, by itself.")
@click.option(
    "--repeat",
    type=click.IntRange(1, REPEAT_MAX),
    metavar="N",
    help="Execute N times, from the first LLM call on that may answer otherwise.",
)
@click.option("--plan", is_flag=True, help="Say what would be executed, and execute nothing.")
@click.option(
    "--workflow",
    "workflow",
    metavar="FILE",
    help="Execute this workflow instead of the recorded definition.",
)
@answers_option("Answer a question that the source was not asked.")
@tags_option("A label.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    run: str,
    program: Sequence[str],
    texts: Sequence[str],
    from_node: str | None,
    llm: "Policy",
    tools: "Policy",
    stepwise: bool,
    repeat: int | None,
    plan: bool,
    workflow: str | None,
    answers: dict[str, list[str]],
    tags: dict[str, str],
    as_json: bool,
) -> None:
    """Execute a recorded run again: unchanged calls are answered, changed ones executed.

    RUN is an id, a unique prefix, `last`, or a capsule. The recording answers free and at once;
    what a change reaches is executed and paid for. A run that a program of yours
    made needs the program's COMMAND: its first run of that name is the replay. Exit code 1 when the replay does
    not end well, or, with --llm recorded --tools recorded, when it is not exact.
    """
    from secondtake.runner.replay.changes import read_changes, sampling
    from secondtake.runner.replay.execute import way_of
    from secondtake.runner.replay.planning import plan_run

    settings = current_settings()
    recording = _recording(run, settings)
    changes = read_changes(_texts(texts), recording, llm=llm, tools=tools, from_node=from_node)
    way = way_of(recording, stepwise=stepwise)
    found = _workflow(workflow, settings)
    prepare_home(settings)
    if plan:
        if program:
            raise click.UsageError("--plan goes without a COMMAND; it executes nothing")
        planned = plan_run(
            recording, changes, way, settings=settings, workflow=found, repeat=repeat
        )
        _print_plan(planned, as_json=as_json)
        return
    if program:
        how: dict[str, Any] = {"llm": llm, "tools": tools, "from_node": from_node, "tags": tags}
        replay = replay_program(recording, program, settings=settings, texts=_texts(texts), **how)
        _print_program(recording, replay, as_json=as_json)
        ctx.exit(0 if _ended_well(replay, strict=llm == tools == "recorded") else 1)
    about: dict[str, Any] = {"settings": settings, "workflow": found, "tags": tags}
    if way == "workflow":
        about |= {"answers": answers, "ask": person_here()}
    if repeat is not None:
        done = _repeated(recording, sampling(changes), way, repeat, about)
        is_fine = all(each.result.status == "ok" for each in done) and len(done) == repeat
    else:
        done = [_replayed(recording, changes, way, about)]
        is_fine = _is_fine(done[0], strict=llm == tools == "recorded")
    _print(recording, done, is_repeat=repeat is not None, as_json=as_json)
    cancelled = done[-1].result.status == "cancelled"
    leave(ctx, 0 if is_fine else 1, cancelled=cancelled)


def _recording(run: str, settings: "Settings") -> "Recording":
    """Return what is to be replayed; the store is given back at once."""
    if run.endswith(CAPSULE):
        from secondtake.backend.capsules.unpack import open_capsule

        return open_capsule(Path(run)).recording
    backend = connect(settings)
    try:
        return backend.get_recording(run)
    finally:
        backend.close()


def _texts(given: Sequence[str]) -> list[str]:
    """Return the `PATH=VALUE` texts, those that name a file with what it holds."""
    texts: list[str] = []
    for text in given:
        path, sign, value = text.partition("=")
        texts.append(f"{path}={read_inputs({path: value})[path]}" if sign else text)
    return texts


def _workflow(name: str | None, settings: "Settings") -> "Workflow | None":
    if name is None:
        return None
    from secondtake.runner.workflows.load import find_workflow

    return find_workflow(name, settings)


def _replayed(
    recording: "Recording", changes: "Changes", way: "Way", about: dict[str, Any], **more: Any
) -> "Replayed":
    from secondtake.runner.replay.execute import replay_run
    from secondtake.runner.supervise import OnStart, supervise

    kept: list[Replayed] = []

    def execute(on_start: OnStart) -> Any:
        kept.append(replay_run(recording, changes, way, on_start=on_start, **about, **more))
        return kept[0].result

    result = supervise(execute)
    if kept:
        return kept[0]
    from secondtake.runner.replay.workflow import Replayed as Ended

    return Ended(result=result, judged=None, live_by_node={}, recorded_calls=0)


def _repeated(
    recording: "Recording", changes: "Changes", way: "Way", times: int, about: dict[str, Any]
) -> "list[Replayed]":
    bar = ProgressBar("repeating")
    done: list[Replayed] = []
    for number in range(1, times + 1):
        done.append(_replayed(recording, changes, way, about, repeat=number))
        bar(number, times)
        if done[-1].result.status == "cancelled":
            break
    bar.end()
    return done


def _is_fine(replayed: "Replayed", *, strict: bool) -> bool:
    is_exact = replayed.judged is not None and replayed.judged.verdict == "exact"
    return is_exact or (replayed.result.status == "ok" and not strict)


def _ended_well(replay: "Recording", *, strict: bool) -> bool:
    finished, end = verdict_of(replay), replay.end
    is_exact = finished is not None and finished.verdict == "exact"
    return is_exact or (end is not None and end.status == "ok" and not strict)


def _print_program(source: "Recording", replay: "Recording", *, as_json: bool) -> None:
    if not as_json:
        print_lines(program_lines(source, replay))
        return
    events = [each for each in (verdict_of(replay), replay.end) if each is not None]
    print_json([each.model_dump(mode="json") for each in events])


def _print_plan(plan: "Plan", *, as_json: bool) -> None:
    if as_json:
        print_json(plan_as_json(plan))
    else:
        print_lines(plan_lines(plan))


def _print(
    recording: "Recording", done: "list[Replayed]", *, is_repeat: bool, as_json: bool
) -> None:
    if as_json:
        found = [replay_as_json(each) for each in done]
        print_json(found if is_repeat else found[0])
    elif is_repeat:
        print_lines(repeat_lines(done))
    else:
        print_lines(replay_lines(done[0], source=recording.run_id))
    for each in done:
        warn_of_faults(each.result)
