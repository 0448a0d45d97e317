"""Imports the result files of tau-bench: a list of runs, each a conversation with a reward.

A record is `{task_id, trial, reward, info, traj}`; `traj` is in OpenAI's chat form. There are no
times, tokens or prices in it, so there are none in the rows. The agent's model and strategy are
said by the file's name alone. Files of the strategies `act` and `react` hold their tool calls as
text in messages, and stay messages here.

Seen in the wild: tool calls without ids, ids used twice in one run, arguments written as a Python
dict, runs that failed with an empty `traj`, `trial` holding the task's number, and `user_cost`
in dollars or in tokens; the last is therefore kept as it is and summed nowhere.
"""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeGuard

from secondtake.backend.importers.builder import Error, RunBuilder
from secondtake.backend.importers.conversations import answers_after, problem_of_message
from secondtake.backend.importers.files import (
    SourceFile,
    parse_json,
    read_bytes,
    sha256_of,
    shape_of,
    stem_of,
)
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments

FORMAT: Final = "tau-bench"

# The names that tau-bench gives: by its run.py, and in its historical_trajectories.
_RUN_NAME: Final = re.compile(r"(?P<head>.+)-(?P<temperature>\d+(?:\.\d+)?)_range_\d+--?\d+_")
_USER_NAME: Final = re.compile(r"_user-(?P<model>.+)-(?P<strategy>[a-z_]+)_\d+$")
_HISTORICAL_NAME: Final = re.compile(r"(?P<model>.+)-(?P<domain>airline|retail)")
_STRATEGIES: Final = ("tool-calling", "few-shot", "react", "act")
_UNKNOWN_MODEL: Final = "none"
_EXCEPTION_LINE: Final = re.compile(r"^(?:\w+\.)*(?P<type>[A-Za-z_]\w*)(?::|$)")


def read_file(path: Path) -> SourceFile:
    """Read a result file of tau-bench, plain or gzipped.

    Raises:
        UsageError: it is missing, broken, or holds no run of tau-bench.
    """
    data = read_bytes(path)
    value = parse_json(path, data)
    records: list[Any] = value if is_list(value) else []
    problems = [problem_of(record) for record in records]
    if all(problems):
        first = f" (of the first: {problems[0]})" if problems else ""
        raise UsageError(
            f"{path} is no result of tau-bench: it holds {shape_of(value)}{first}, and a result "
            "is a list of objects with task_id, reward and traj. Name a file that tau-bench wrote."
        )
    return SourceFile(path=path, stem=stem_of(path), sha256=sha256_of(data), records=records)


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    if not is_object(record):
        return f"it is {shape_of(record)}, not an object"
    missing = [key for key in ("task_id", "reward", "traj") if key not in record]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    traj = record["traj"]
    if not is_list(traj):
        return "its traj is not a list"
    if not is_object(record.get("info", {})):
        return "its info is not an object"
    for place, message in enumerate(traj):
        problem = problem_of_message(message)
        if problem is not None:
            return f"message {place} of its traj {problem}"
    return None


def is_empty(record: Mapping[str, Any]) -> bool:
    """Tell whether nothing was said."""
    return not record["traj"]


def build(record: Mapping[str, Any], origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one record."""
    info: Mapping[str, Any] = record.get("info") or {}
    task = info.get("task")
    named = told_by_name(origin.file.stem)
    _start(record, origin, builder, task=task if is_object(task) else {}, named=named)
    _converse(record["traj"], builder, model=named.get("model"))
    reward = record["reward"]
    is_number = _is_number(reward)
    builder.score(
        name="reward",
        value=float(reward) if is_number else None,
        scorer=FORMAT,
        raw=None if is_number else reward,
    )
    failed = info.get("error") is not None
    builder.finish(
        status="error" if failed else "ok",
        output=_last_answer(record["traj"]),
        error=_error_of(info) if failed else None,
    )


def told_by_name(stem: str) -> dict[str, str]:
    """Return what a file's name says: model, strategy, temperature, domain, user model.

    tau-bench writes `<strategy>-<model>-<temperature>_range_<from>-<to>_user-<model>-<strategy>_
    <time>`; its published runs are called `<model>-<domain>`. The model `none` is unknown.
    """
    told: dict[str, str] = {}
    run = _RUN_NAME.match(stem)
    historical = None if run else _HISTORICAL_NAME.fullmatch(stem)
    if run:
        told["temperature"] = run["temperature"]
        told |= _strategy_and_model(run["head"])
    elif historical:
        told |= {"model": historical["model"], "domain": historical["domain"]}
    user = _USER_NAME.search(stem)
    if user:
        told |= {"user_model": user["model"], "user_strategy": user["strategy"]}
    return {key: text for key, text in told.items() if text != _UNKNOWN_MODEL}


def _start(
    record: Mapping[str, Any],
    origin: Origin,
    builder: RunBuilder,
    *,
    task: Mapping[str, Any],
    named: Mapping[str, str],
) -> None:
    info: Mapping[str, Any] = record.get("info") or {}
    task_id = str(record["task_id"])
    tags = {"task": task_id}
    if record.get("trial") is not None:
        tags["trial"] = str(record["trial"])
    provenance = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
    }
    described = ("task", "error", "traceback")
    inputs = {key: task[key] for key in ("user_id", "instruction") if key in task}
    domain = named.get("domain")
    user_id = task.get("user_id")
    builder.start(
        name=f"{FORMAT} {domain}" if domain else FORMAT,
        source=IMPORTER.source,
        config={"file_name": dict(named), "task": dict(task)},
        inputs={"task_id": record["task_id"], **inputs},
        provenance=provenance,
        rest={
            **{key: item for key, item in record.items() if key not in ("traj", "info")},
            "info": {key: item for key, item in info.items() if key not in described},
        },
        labels={
            "agent": named.get("strategy"),
            "user_id": user_id if isinstance(user_id, str) else None,
            "case_id": task_id,
        },
        tags=tags,
    )


def _converse(traj: Sequence[Mapping[str, Any]], builder: RunBuilder, *, model: str | None) -> None:
    """Add the messages, an LLM call for each assistant message, and the tool calls it asked for."""
    for place, message in enumerate(traj):
        if message["role"] != "assistant":
            builder.message(message)
            continue
        builder.llm_call(message, model=model)
        calls: list[Mapping[str, Any]] = message.get("tool_calls") or []
        for call, answer in zip(
            calls, pair_results(calls, answers_after(traj, place)), strict=True
        ):
            _add_tool_call(call, answer, builder)


def _add_tool_call(
    call: Mapping[str, Any], answer: Mapping[str, Any] | None, builder: RunBuilder
) -> None:
    function = call["function"]
    result = answer.get("content") if answer is not None else None
    call_id = call.get("id")
    builder.tool_call(
        tool=function["name"],
        call_id=call_id if call_id is None else str(call_id),
        arguments=parse_arguments(function.get("arguments")),
        result=result,
        error=result if isinstance(result, str) and result.startswith("Error") else None,
    )


def _strategy_and_model(head: str) -> dict[str, str]:
    for strategy in _STRATEGIES:
        if head.startswith(strategy + "-"):
            return {"strategy": strategy, "model": head.removeprefix(strategy + "-")}
    # Somebody's own strategy: where it ends is known only when the model is not named.
    if head.endswith("-" + _UNKNOWN_MODEL):
        return {"strategy": head.removesuffix("-" + _UNKNOWN_MODEL)}
    return {}


def _last_answer(traj: Sequence[Mapping[str, Any]]) -> Any:
    """Return the text of the last assistant message; None when it has none."""
    answers = [message for message in traj if message["role"] == "assistant"]
    return answers[-1].get("content") if answers else None


def _error_of(info: Mapping[str, Any]) -> Error:
    """Return type, message and traceback of a failed run; the type stands in the traceback."""
    message, traceback = str(info["error"]), info.get("traceback")
    if not isinstance(traceback, str):
        return Error(message=message)
    raised = [found for line in traceback.splitlines() if (found := _raised(line, message))]
    kind = raised[-1] if raised else None
    return Error(type=kind, message=message, traceback=traceback)


def _raised(line: str, message: str) -> str | None:
    """Return the exception's class when a traceback's line says that `message` was raised."""
    found = _EXCEPTION_LINE.match(line)
    begins = message.splitlines()[0] if message else ""
    return found["type"] if found and line[found.end() :].strip() == begins.strip() else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    is_plain = isinstance(value, int | float) and not isinstance(value, bool)
    return is_plain and math.isfinite(value)


IMPORTER: Final = Importer(
    format=FORMAT,
    help="result files of tau-bench (.json, .json.gz)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""
