"""Executing a workflow, or a bare prompt, as one recorded run."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from secondtake.runner import faults
from secondtake.runner.description import RunPlace
from secondtake.runner.errors import RunStopped, UsageError
from secondtake.runner.hashing import new_run_id, value_hash
from secondtake.runner.limits import Limits
from secondtake.runner.mailbox import Mailbox
from secondtake.runner.result import RunResult
from secondtake.runner.run import RunRecorder, start_run
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink
from secondtake.runner.tools.registry import Tool, built_in_tools
from secondtake.runner.workflows.compile import run_graph
from secondtake.runner.workflows.execution import (
    Chosen,
    Execution,
    Prepared,
    prepare,
    resolve_tools,
)
from secondtake.runner.workflows.given_answers import check_answers
from secondtake.runner.workflows.human import AnswerDesk, Answers, OnQuestion, Person
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.overrides import apply_overrides, convert_inputs
from secondtake.runner.workflows.schema import Definition

if TYPE_CHECKING:
    from secondtake.runner.replay.session import ReplaySession

MISSING_INPUT: Final = "give it with -i {name}=VALUE"
PROMPT_NAME: Final = "prompt"
PROMPT_NODE: Final = "answer"

OnStart = Callable[[RunRecorder], None]


def run_workflow(
    workflow: Workflow,
    inputs: Mapping[str, Any],
    *,
    settings: Settings,
    model: str | None = None,
    overrides: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    on_start: OnStart | None = None,
    tools: Sequence[Tool] = (),
    run_id: UUID | None = None,
    answers: Answers | None = None,
    ask: Person | None = None,
    on_question: OnQuestion | None = None,
    place: RunPlace | None = None,
) -> RunResult:
    """Execute a workflow; what fails inside the run is recorded and told by the result.

    Args:
        workflow: What to execute.
        inputs: A value for each input; texts are converted to the declared type.
        settings: Where to record, which modules are trusted, the default model.
        model: Model of all nodes that name none; the same as `--set model=...`.
        overrides: `PATH=VALUE` texts, applied in order.
        tags: Free labels of the run.
        session_id: Runs that belong together.
        user_id: For whom it is executed.
        on_start: Is given the recorder first of all.
        tools: Further tools that the nodes may name.
        run_id: The id of the run when somebody has fixed it beforehand.
        answers: Answers of human nodes given beforehand, by node (`approve`, or for one of a
            nested workflow `triage.approve`); those of a node are used in order, one a visit.
        ask: Who can be asked here; without, answers come from the run's mailbox alone.
        on_question: Is told the newest question that the run waits with, None when it waits no
            longer; from several threads, one at a time.
        place: Where it stands in a comparison.

    Raises:
        UsageError: inputs, overrides or the workflow are wrong; there is no run then.
    """
    chosen = [*([f"model={model}"] if model else []), *overrides]
    changed, texts = apply_overrides(
        workflow, chosen, settings=settings, tools=[tool.name for tool in tools]
    )
    values = convert_inputs(changed.definition, inputs, texts, where=MISSING_INPUT)
    prepared = prepare(changed, settings, tools=tools)
    labels = {"session_id": session_id, "user_id": user_id, "tags": dict(tags or {})}
    about = {**_about(prepared, values), **labels, **(place.fields() if place else {})}
    check_answers(prepared.workflow, answers or {})
    desk = AnswerDesk(answers=answers, ask=ask, on_question=on_question)
    return record_execution(
        Chosen(prepared=prepared, inputs=values),
        about,
        on_start=on_start,
        run_id=run_id or new_run_id(),
        desk=desk,
    )


def _about(prepared: Prepared, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a run's description says of what is executed."""
    workflow = prepared.workflow
    return {
        "workflow": workflow.name,
        "workflow_hash": workflow.hash,
        "config": describe(prepared),
        "inputs": inputs,
    }


def run_prompt(
    prompt: str,
    *,
    settings: Settings,
    model: str | None = None,
    tools: Sequence[str | Tool] = (),
    system: str | None = None,
    overrides: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    on_start: OnStart | None = None,
    run_id: UUID | None = None,
    place: RunPlace | None = None,
) -> RunResult:
    """Ask a model once; with tools, in a loop. A workflow of one node, so it can do the same.

    Args:
        prompt: Taken literally, it is no template.
        settings: As in `run_workflow`.
        model: The model to ask.
        tools: Names of tools, `module:function`, or tools.
        system: System message, taken literally.
        overrides: `PATH=VALUE` texts; the node is `nodes.answer`.
        tags: As in `run_workflow`.
        session_id: As in `run_workflow`.
        user_id: As in `run_workflow`.
        on_start: As in `run_workflow`.
        run_id: As in `run_workflow`.
        place: As in `run_workflow`.

    Raises:
        UsageError: there is no such tool, the prompt is empty, or an override is wrong.
    """
    if not prompt.strip():
        raise UsageError("The prompt is empty; say what the model should do.")
    own = [tool for tool in tools if isinstance(tool, Tool)]
    names = [tool.name if isinstance(tool, Tool) else tool for tool in tools]
    every = built_in_tools(settings)
    for tool in own:
        every = every.having(tool)
    resolve_tools(names, every, settings)
    given = {"prompt": prompt, **({"system": system} if system else {})}
    return run_workflow(
        prompt_workflow(names, with_system=bool(system)),
        given,
        settings=settings,
        model=model,
        overrides=overrides,
        tags=tags,
        session_id=session_id,
        user_id=user_id,
        on_start=on_start,
        tools=own,
        run_id=run_id,
        place=place,
    )


def prompt_workflow(tools: Sequence[str], *, with_system: bool) -> Workflow:
    """Return the workflow that a bare prompt is executed as."""
    node: dict[str, Any] = {"kind": "llm", "prompt": "{{ prompt }}", "output": "answer"}
    inputs: dict[str, Any] = {"prompt": {"type": "string"}}
    if with_system:
        node["system"] = "{{ system }}"
        inputs["system"] = {"type": "string"}
    if tools:
        node |= {"kind": "agent", "tools": list(tools)}
    data = {
        "name": PROMPT_NAME,
        "inputs": inputs,
        "state": {"answer": {"type": "string"}},
        "nodes": {PROMPT_NODE: node},
        "edges": [{"from": "START", "to": PROMPT_NODE}, {"from": PROMPT_NODE, "to": "END"}],
        "output": "answer",
    }
    definition = Definition.model_validate(data)
    return Workflow(definition=definition, data=data, source="", hash=value_hash(data))


def describe(prepared: Prepared) -> dict[str, Any]:
    """Return the resolved configuration of a run, as it is recorded."""
    workflow = prepared.workflow
    nested = {name: describe(inner) for name, inner in prepared.nested.items()}
    return {
        "definition": dict(workflow.data),
        "source": workflow.source or None,
        "file": workflow.path.name if workflow.path else None,
        "overrides": dict(workflow.overrides) or None,
        "model": prepared.default_model,
        **({"nested": nested} if nested else {}),
    }


def record_execution(
    chosen: Chosen,
    about: Mapping[str, Any],
    *,
    on_start: OnStart | None,
    run_id: UUID,
    desk: AnswerDesk,
    before: Chosen | None = None,
    replay: "ReplaySession | None" = None,
    sink: Sink | None = None,
) -> RunResult:
    """Execute what is prepared as one run; what fails inside it is told by the result.

    Args:
        chosen: What is executed.
        about: Fields of the run's description.
        on_start: Is given the recorder first of all.
        run_id: The id of the run.
        desk: Where answers of persons come from.
        before: What is executed before the fork of a replay.
        replay: Answers the calls.
        sink: Where to write, when not to the home of the settings; nobody can tell the run anything
            then.
    """
    prepared = chosen.prepared
    recorder: RunRecorder | None = None
    # Opened first: whoever sees the run can already tell it something.
    mailbox = _open_mailbox(prepared.settings, run_id) if sink is None else None
    try:
        with start_run(
            prepared.workflow.name,
            settings=prepared.settings,
            limits=limits_of(prepared.definition),
            on_start=on_start,
            run_id=run_id,
            mailbox=mailbox,
            replay=replay,
            sink=sink,
            **about,
        ) as recorder:
            inputs = chosen.inputs
            _execute(Execution.of(prepared, inputs, recorder, desk=desk, before=before))
    except (Exception, RunStopped):
        # The run has recorded it. Without a run there is nobody but the caller to tell.
        if recorder is None:
            if mailbox is not None:
                mailbox.close()
            raise
    return recorder.result()


def _open_mailbox(settings: Settings, run_id: UUID) -> Mailbox | None:
    mailbox = Mailbox(settings.home, run_id)
    try:
        mailbox.open()
    except OSError as error:  # the run must go on where the home cannot be written
        faults.report("the mailbox of a run", error, home=settings.home)
        return None
    return mailbox


def _execute(execution: Execution) -> None:
    recorder, definition = execution.recorder, execution.prepared.definition
    try:
        final = run_graph(execution)
    except (Exception, RunStopped) as error:
        execution.ledger.commit()
        # Of several branches that failed, LangGraph raises any; this is the one that was first.
        failure = execution.failure or error
        if isinstance(failure, RunStopped):
            recorder.set_output(definition.result_of(execution.ledger.state))
            recorder.stop_with(failure)
            recorder.give_up()
        if failure is error:
            raise
        raise failure from None
    recorder.extra["ended_from"] = execution.scheduler.ended_from
    recorder.set_output(definition.result_of(final))


def limits_of(definition: Definition) -> Limits:
    """Return the limits of a run; amounts are exact decimals from here on."""
    limits = definition.limits
    return Limits(
        usd=None if limits.usd is None else Decimal(str(limits.usd)),
        tokens=limits.tokens,
        seconds=limits.seconds,
        calls=limits.calls,
    )
