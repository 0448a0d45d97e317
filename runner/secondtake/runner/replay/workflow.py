"""A recorded run of a workflow, executed again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from secondtake.runner.blobs import move_in_binaries
from secondtake.runner.errors import UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.jsonable import from_json_value
from secondtake.runner.narrow import is_object
from secondtake.runner.replay.changes import Changes, check_named, without_tools
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession, node_of
from secondtake.runner.replay.verdict import Judged
from secondtake.runner.result import RunResult
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.execute import MISSING_INPUT, describe, record_execution
from secondtake.runner.workflows.execution import Chosen, Prepared, described, prepare
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.given_answers import check_answers
from secondtake.runner.workflows.human import AnswerDesk, Answers, OnQuestion, Person
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.overrides import apply_overrides, convert_inputs
from secondtake.runner.workflows.schema import Definition
from secondtake.runner.workflows.value_types import parse_type


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """A replay that has ended."""

    result: RunResult
    judged: Judged | None
    """None when it was stopped before it could be judged."""
    live_by_node: Mapping[str, int]
    recorded_calls: int
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of a replay without a program: `loop`, how the requests came about; `steps`, what each call
    came to."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a replay executes, before and after its fork."""

    after: Chosen
    before: Chosen | None


@dataclass(frozen=True, kw_only=True)
class Changed:
    """The workflow of a run with what is to be different; no code was imported yet."""

    source: Workflow
    changed: Workflow
    inputs: Mapping[str, Any]
    inputs_before: Mapping[str, Any] | None
    """Before the fork; None when there is none."""
    settings: Settings
    """With the model that the run had."""


def is_workflow(recording: Recording) -> bool:
    """Tell whether a run was one of a workflow, whose definition was recorded."""
    config = recording.start.config
    return is_object(config) and is_object(config.get("definition"))


def recorded_workflow(config: Any) -> Workflow:
    """Return the workflow of a run as it was recorded, with those nested in it.

    Raises:
        UsageError: it was not recorded, or a newer program wrote it.
    """
    data: Any = config.get("definition") if is_object(config) else None
    if not is_object(data):
        raise UsageError("The run is none of a workflow; there is no definition to execute.")
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"The recorded workflow cannot be read: {error}.") from None
    nested: Any = config.get("nested")
    inner = nested if is_object(nested) else {}
    return Workflow(
        definition=definition,
        data=data,
        source="",
        nested={name: recorded_workflow(each) for name, each in inner.items()},
        is_recorded=True,
    )


def replay_workflow(
    recording: Recording,
    changes: Changes,
    *,
    settings: Settings,
    workflow: Workflow | None = None,
    tags: Mapping[str, str] | None = None,
    on_start: Callable[[RunRecorder], None] | None = None,
    run_id: UUID | None = None,
    answers: Answers | None = None,
    ask: Person | None = None,
    on_question: OnQuestion | None = None,
    repeat: int | None = None,
) -> Replayed:
    """Execute a recorded run again.

    Args:
        recording: Of the source.
        changes: What is to be different.
        settings: Where to record, which modules are trusted.
        workflow: Another definition than the recorded one.
        tags: Free labels of the replay.
        on_start: Is given the recorder first of all.
        run_id: The id of the replay when somebody has fixed it beforehand.
        answers: Of questions that were not asked in the source; see `run_workflow`.
        ask: As in `run_workflow`, as is `on_question`.
        on_question: See `ask`.
        repeat: Its number among several of the same.

    Raises:
        UsageError: a change does not fit the run; there is no replay then.
    """
    chosen = choose(recording, workflow, changes, settings)
    session = ReplaySession(recording, changes.options)
    check_answers(chosen.after.prepared.workflow, answers or {})
    result = record_execution(
        chosen.after,
        {**_about(recording, chosen, tags or {}), "repeat": repeat},
        on_start=on_start,
        run_id=run_id or new_run_id(),
        desk=AnswerDesk(answers=answers, ask=ask, on_question=on_question),
        before=chosen.before,
        replay=session,
    )
    return Replayed(
        result=result,
        judged=session.judged,
        live_by_node=dict(session.live_by_node),
        recorded_calls=session.recorded_count,
    )


def _about(recording: Recording, chosen: Choice, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the description of a replay."""
    source, after = recording.start, chosen.after
    return {
        "workflow": after.prepared.workflow.name,
        "workflow_hash": after.prepared.workflow.hash,
        "config": describe(after.prepared),
        "inputs": dict(after.inputs),
        "session_id": source.session_id,
        "user_id": source.user_id,
        "tags": {**(source.tags or {}), **tags},
        "source_run_id": recording.run_id,
    }


def changed_workflow(
    recording: Recording, workflow: Workflow | None, changes: Changes, settings: Settings
) -> Changed:
    """Apply the changes to the workflow of a run and check them; imports no code of anybody.

    Raises:
        UsageError: a change does not fit.
    """
    recorded = recorded_workflow(recording.start.config)
    source = workflow or replace(recorded, hash=recording.start.workflow_hash or "")
    config: Any = recording.start.config
    model = str(config.get("model") or settings.model)
    settings = replace(settings, model=model)
    check_named(source.data, source.nested, changes.tools_off)
    texts = [*changes.definition, *without_tools(source.data, source.nested, changes.tools_off)]
    changed, given = apply_overrides(source, texts, settings=settings)
    recorded_inputs: Any = recording.start.inputs
    inputs = dict(recorded_inputs) if is_object(recorded_inputs) else {}
    inputs = dict(from_json_value(move_in_binaries(inputs, settings.home)))
    values = convert_inputs(changed.definition, inputs, given, where=MISSING_INPUT)
    _check_fork(recording, changes, changed.definition)
    plain = None
    if changes.options.from_node is not None:
        plain = convert_inputs(source.definition, inputs, {}, where=MISSING_INPUT)
    return Changed(
        source=source, changed=changed, inputs=values, inputs_before=plain, settings=settings
    )


def choose(
    recording: Recording,
    workflow: Workflow | None,
    changes: Changes,
    settings: Settings,
    *,
    prepared: Callable[[Workflow, Settings, Mapping[str, str]], Prepared] | None = None,
) -> Choice:
    """Return what is executed, everything checked; see `replay_workflow`.

    `prepared` makes a workflow ready, by default with all the code that it names.

    Raises:
        UsageError: a change does not fit.
    """
    make_ready = prepared or _prepared
    found = changed_workflow(recording, workflow, changes, settings)
    after = make_ready(found.changed, found.settings, changes.descriptions)
    before = None
    if found.inputs_before is not None:
        unchanged = make_ready(found.source, found.settings, {})
        before = Chosen(prepared=unchanged, inputs=found.inputs_before)
    return Choice(after=Chosen(prepared=after, inputs=found.inputs), before=before)


def _prepared(workflow: Workflow, settings: Settings, descriptions: Mapping[str, str]) -> Prepared:
    return described(prepare(workflow, settings, loads_models=False), descriptions)


def _check_fork(recording: Recording, changes: Changes, definition: Definition) -> None:
    """Raise when the fork, or the state at it, is none of this run."""
    node = changes.options.from_node
    if node is None:
        return
    if node not in definition.nodes:
        cure = did_you_mean(node, definition.nodes)
        raise UsageError(f"--from {node}: no node `{node}`; {cure}")
    ran = {node_of(each.node_path) for each in recording.nodes}
    if node not in ran:
        top = sorted(name for name in ran if "/" not in name)
        raise UsageError(f"--from {node}: the run never came to it; it ran: {', '.join(top)}.")
    for key, value in changes.options.state.items():
        described = definition.state.get(key)
        if described is None:
            cure = did_you_mean(key, definition.state, none="the workflow keeps no state")
            raise UsageError(f"--set state.{key}: no state key `{key}`; {cure}")
        if problem := parse_type(described.type).problem(value):
            raise UsageError(f"--set state.{key} must be {described.type}: {problem}.")
