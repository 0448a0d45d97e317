"""Imports the trajectories of SWE-agent: `.traj` files, each the run of one agent on one task.

A file is `{environment, trajectory, history, info, replay_config?}`. `history` is the conversation,
`trajectory` has a step for each command that was carried out. Each assistant message of the history
is an LLM call; messages with `is_demo` show the model how it is done and were answered by nobody.
Where a step has `query`, that is what its call was sent; else it was sent the history up to there
(what a history processor left out of it is not in the file).

A step is a tool call. Where the model called functions it has their names, arguments and ids; where
commands stood in its text, the tool is the command's first word and the argument is the command.
Its result is the step's observation; what the model was told, which may be clipped and has the
state of the shell behind it, is the message.

There are no times of day in these files, and `model_stats` counts a whole run: tokens and cost by
call are unknown, and the counts are in `runs.extra`. Of a demonstration, which asked no model, they
are 0 and mean nothing.

Model and sampling are said by `replay_config`, in older files by the folder's name,
`<model>__<data>__<config>__t-<temperature>__p-<top_p>__...__install-<n>`. The model `replay` there is
none: the answers came from a file.

Seen in the wild: `state` and `replay_config` as JSON text, files with `history` alone, steps
without a message (a run that was stopped), observations of which the end is cut away.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from secondtake.backend.dialects.attributes import json_of, number_of, text_of
from secondtake.backend.importers.builder import Error, RunBuilder
from secondtake.backend.importers.conversations import problem_of_message
from secondtake.backend.importers.files import (
    SourceFile,
    parse_json,
    read_bytes,
    sha256_of,
    shape_of,
    stem_of,
)
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.recognising import found_instead
from secondtake.backend.importers.swe_agent_steps import calls_of, paired_steps, sent_form
from secondtake.runner.errors import UsageError
from secondtake.runner.events import RunStatus
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "swe-agent"

_FOLDER: Final = re.compile(r"(?P<model>.+?)__.+__install-\d")
_TEMPERATURE: Final = re.compile(r"__t-(\d+(?:\.\d+)?)(?:__|$)")
_TOP_P: Final = re.compile(r"__p-(\d+(?:\.\d+)?)(?:__|$)")
_REPLAYED: Final = "replay"
_SUBMITTED: Final = "submitted"
_SPENT: Final = frozenset({"exit_cost", "exit_total_execution_time"})
"""Ends of runs that used up what they were given."""


def read_file(path: Path) -> SourceFile:
    """Read a trajectory of SWE-agent, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or no trajectory of SWE-agent.
    """
    data = read_bytes(path)
    value = parse_json(path, data)
    if not is_object(value) or "history" not in value:
        raise UsageError(
            f"{path} is no trajectory of SWE-agent: it holds {found_instead(value, asked=FORMAT)}. "
            "A trajectory is an object with history, trajectory and info."
        )
    stem = stem_of(path).removesuffix(".traj")
    return SourceFile(path=path, stem=stem, sha256=sha256_of(data), records=[value])


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if not is_object(record):
        return f"it is {shape_of(record)}, not an object"
    history: Any = record.get("history")
    if not is_list(history):
        return "its history is not a list"
    for place, message in enumerate(history):
        problem = problem_of_message(message)
        if problem is not None:
            return f"message {place} of its history {problem}"
    steps: Any = record.get("trajectory") or []
    if not is_list(steps) or not all(map(is_object, steps)):
        return "its trajectory is not a list of objects"
    if not is_object(record.get("info") or {}):
        return "its info is not an object"
    return None


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was said."""
    return not record["history"] and not record.get("trajectory")


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    history: list[Mapping[str, Any]] = record["history"]
    info: Mapping[str, Any] = record.get("info") or {}
    steps = paired_steps(history, record.get("trajectory") or [])
    config = _object(json_of(record.get("replay_config")))
    _start(record, origin, builder, config=config, left_over=steps.left_over)
    model, parameters = _asked_for(config, origin.file.path)
    for place, message in enumerate(history):
        if message["role"] != "assistant" or message.get("is_demo"):
            builder.message(sent_form(message))
        else:
            step = steps.by_place.get(place)
            _add_call(message, step, builder, model=model, parameters=parameters)
            for call in calls_of(message, step, _answers_after(history, place)):
                builder.tool_call(**call)
    status, error = _end_of(info)
    builder.finish(status=status, output=info.get("submission"), error=error)


def _start(
    record: Mapping[str, Any],
    origin: Origin,
    builder: RunBuilder,
    *,
    config: Mapping[str, Any],
    left_over: Sequence[Any],
) -> None:
    history: list[Mapping[str, Any]] = record["history"]
    info: Mapping[str, Any] = record.get("info") or {}
    problem = _object(config.get("problem_statement"))
    case_id = text_of(problem.get("id")) or origin.file.stem
    agents = {str(message["agent"]) for message in history if message.get("agent")}
    demos = sum(bool(message.get("is_demo")) for message in history)
    exit_status = text_of(info.get("exit_status"))
    named = {"environment": text_of(record.get("environment")), "exit_status": exit_status}
    provenance: dict[str, Any] = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "folder": origin.file.path.absolute().parent.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
    }
    if exit_status is None:
        provenance["end"] = "not said"
    apart = ("history", "trajectory", "info", "replay_config")
    builder.start(
        name=f"{FORMAT} {case_id}",
        source=IMPORTER.source,
        config=dict(config) or None,
        inputs={
            "instance_id": case_id,
            "task": text_of(problem.get("text")) or _first_said(history),
        },
        provenance=provenance,
        rest={
            **{key: item for key, item in record.items() if key not in apart},
            "info": {key: item for key, item in info.items() if key != "submission"},
            "history": [_beside(message) for message in history],
            **({"steps_without_message": list(left_over)} if left_over else {}),
        },
        labels={"agent": agents.pop() if len(agents) == 1 else None, "case_id": case_id},
        tags={
            **{key: text for key, text in named.items() if text is not None},
            **({"demonstrations": str(demos)} if demos else {}),
        },
    )


def _add_call(
    message: Mapping[str, Any],
    step: Mapping[str, Any] | None,
    builder: RunBuilder,
    *,
    model: str | None,
    parameters: Mapping[str, Any],
) -> None:
    query: Any = step.get("query") if step is not None else None
    sent = None
    if is_list(query) and all(problem_of_message(item) is None for item in query):
        sent = [sent_form(item) for item in query]
        builder.message(sent_form(message))  # the conversation goes on where it is not told anew
    builder.llm_call(
        sent_form(message),
        model=model,
        sent=sent,
        parameters=parameters or None,
        extra={key: message[key] for key in ("thought", "action") if message.get(key)},
    )


def _asked_for(config: Mapping[str, Any], path: Path) -> tuple[str | None, dict[str, Any]]:
    """Return the model and the sampling parameters, as far as they are said."""
    folder = path.absolute().parent.name
    named = _FOLDER.match(folder)
    asked = _object(_object(config.get("agent")).get("model"))
    if not asked:
        temperature, top_p = _TEMPERATURE.search(folder), _TOP_P.search(folder)
        asked = {
            "name": named["model"] if named else None,
            "temperature": temperature[1] if named and temperature else None,
            "top_p": top_p[1] if named and top_p else None,
        }
    if named and named["model"] == _REPLAYED:
        return None, {}
    given = {key: number_of(asked.get(key)) for key in ("temperature", "top_p")}
    return text_of(asked.get("name")), {k: v for k, v in given.items() if v is not None}


def _end_of(info: Mapping[str, Any]) -> tuple[RunStatus, Error | None]:
    """Return how a run ended.

    SWE-agent writes the file after every step, and the exit status at the end. A file without
    `info` is a cut-out of one: nothing in it says that something went wrong.
    """
    said = text_of(info.get("exit_status"))
    if said is None:
        return ("interrupted" if info else "ok"), None
    if said == _SUBMITTED:
        return "ok", None
    reasons = re.findall(r"exit_\w+|early_exit", said)
    if _SPENT & {*reasons}:
        return "budget_exceeded", Error(type=reasons[0], message=said)
    return "error", Error(type=reasons[0] if reasons else said, message=said)


def _answers_after(history: Sequence[Mapping[str, Any]], place: int) -> Iterator[Mapping[str, Any]]:
    """Yield the messages between an assistant message and the next one."""
    for message in history[place + 1 :]:
        if message["role"] == "assistant":
            return
        yield message


def _first_said(history: Sequence[Mapping[str, Any]]) -> Any:
    """Return what the agent was first told: the task, behind system message and examples."""
    said = (m for m in history if m["role"] == "user" and not m.get("is_demo"))
    return next((message.get("content") for message in said), None)


def _beside(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a message has that was not sent and stands nowhere else."""
    apart = {*sent_form(message), "thought", "action", "tool_call_ids"}
    return {key: item for key, item in message.items() if key not in apart and item is not None}


def _object(value: Any) -> Mapping[str, Any]:
    return value if is_object(value) else {}


IMPORTER: Final = Importer(
    format=FORMAT,
    help="trajectories of SWE-agent (.traj, .traj.gz)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""
