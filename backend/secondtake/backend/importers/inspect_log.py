"""Imports the logs of Inspect AI, `.json` and `.eval`: a run for each sample in each epoch.

Read as of version 2 of the format, from logs of October 2024 to 2026. Events make the rows: spans (or
`step` events, before May 2025) become nodes, `model` events LLM calls, `tool` events tool calls, each
with what it was sent and the time that it took. A log without events still has its messages: then
each answer among them is an LLM call, and the usage of the sample's output is that of the last one.

Calls that a scorer makes are calls of the run, inside of the scorer's node, as in the log's own usage.

A run's status is that of its sample: a sample that was done is `ok` although the log was cancelled
after it; the status of the log is the tag `log_status`. Scores are the recorded ones. `C`, `P`, `I`
and `N` also have the numbers that Inspect's metrics give them (1, 0.5, 0, 0); any other word is a label
and no number. A score that is an object is one evaluation for each of its keys.

Texts that the log keeps apart (`attachment://`, formerly `tc://`) are put back into their places; one
that is missing stays as its name and is counted in `extra.import`, as is a missing parent.
Not kept are the raw bodies of calls and the events that only repeat as changes what the rest says.
Times without a zone are taken as UTC. Embedding calls are not in these logs.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from secondtake.backend.dialects.attributes import number_of, text_of
from secondtake.backend.importers.builder import Error, RunBuilder
from secondtake.backend.importers.files import shape_of
from secondtake.backend.importers.frame import Importer, Origin
from secondtake.backend.importers.inspect_events import SampleEvents, model_columns
from secondtake.backend.importers.inspect_files import read_file
from secondtake.backend.importers.inspect_messages import chat_form
from secondtake.backend.importers.inspect_texts import Texts
from secondtake.backend.importers.moments import duration_ms_of, moment_of
from secondtake.runner.events import RunStatus
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments

FORMAT: Final = "inspect"

Json = Mapping[str, Any]

_GRADES: Final[Mapping[str, float]] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
"""`value_to_float` of inspect_ai/scorer/_metric.py."""
_SPENT: Final = frozenset({"time", "working", "message", "token", "cost", "turn"})
_CANCELLED: Final = ("CancelledError", "KeyboardInterrupt", "Cancelled")
_OF_LOG: Final = ("version", "status", "results", "stats", "error", "tags", "metadata")
_OF_SAMPLE: Final = (
    "id", "epoch", "input", "target", "choices", "messages", "events", "events_data", "transcript",
    "attachments", "output", "error",
)  # fmt: skip
"""Parts of a sample that are not in `runs.extra`, because they are elsewhere."""


def problem_of(record: Any) -> str | None:
    """Say why a record cannot be taken; None when it can."""
    sample: Any = record.get("sample") if is_object(record) else None
    if not is_object(sample):
        return f"its sample is {shape_of(sample)}, not an object"
    if not isinstance(sample.get("id"), str | int):
        return "its sample has no id"
    messages: Any = sample.get("messages") or []
    if not is_list(messages):
        return "its messages are not a list"
    for place, message in enumerate(messages):
        if not is_object(message) or not isinstance(message.get("role"), str):
            return f"message {place} has no role"
    for key, kind in (("events", list), ("scores", dict), ("output", dict), ("attachments", dict)):
        if not isinstance(sample.get(key) or kind(), kind):
            return f"its {key} are {shape_of(sample[key])}"
    return None


def is_empty(record: Json) -> bool:
    """Tell whether nothing was said."""
    sample: Json = record["sample"]
    return not any(sample.get(key) for key in ("messages", "events", "transcript"))


def build(record: Json, origin: Origin, builder: RunBuilder) -> None:
    """Add the events of one sample."""
    sample: Json = record["sample"]
    texts = Texts(sample)
    said: list[Json] = sample.get("messages") or []
    messages = [texts.put_back(message) for message in said]
    events = SampleEvents(sample, texts)
    output: Json = texts.put_back(sample.get("output") or {})
    started_at, ended_at = _times(sample, events)
    _start(record, origin, builder, texts=texts, events=events, started_at=started_at)
    events.add_to(builder)
    if events.has_calls:
        for message in messages:
            builder.message(chat_form(message))  # those that a call was sent are known
    else:
        _converse(messages, output, builder, model=text_of(_eval_of(record).get("model")))
    scores: Json = sample.get("scores") or {}
    for name, score in scores.items():
        _add_score(name, score, builder)
    status, error = _end_of(record, output)
    took_ms = duration_ms_of(sample.get("total_time"))
    if took_ms is None and started_at is not None and ended_at is not None:
        took_ms = max((ended_at - started_at) / timedelta(milliseconds=1), 0.0)
    builder.finish(
        status=status,
        output=_answer_of(output),
        error=error,
        ended_at=ended_at,
        duration_ms=took_ms,
    )


def _start(
    record: Json,
    origin: Origin,
    builder: RunBuilder,
    *,
    texts: Texts,
    events: SampleEvents,
    started_at: datetime | None,
) -> None:
    log, sample, task = record["log"], record["sample"], _eval_of(record)
    asked = {"input": _question(texts.put_back(sample.get("input")))}
    if sample.get("choices"):
        asked["choices"] = texts.put_back(sample["choices"])
    case_id = str(sample["id"])
    named = {
        "task": text_of(task.get("task")),
        "model": text_of(task.get("model")),
        "solver": text_of(task.get("solver")),
        "epoch": None if sample.get("epoch") is None else str(sample["epoch"]),
        "log_status": text_of(log.get("status")),
    }
    name = text_of(task.get("task_display_name")) or named["task"] or FORMAT
    others = events.others
    builder.start(
        name=name,
        source=IMPORTER.source,
        # What was expected is no input: the model was not told.
        config={"eval": task, "plan": log.get("plan"), "target": sample.get("target")},
        inputs=asked,
        provenance=_provenance(origin, texts, events),
        rest={
            "log": {key: log[key] for key in _OF_LOG if log.get(key) is not None},
            **{k: texts.put_back(v) for k, v in sample.items() if k not in _OF_SAMPLE and v},
            **({"events": others} if others else {}),
        },
        labels={"agent": named["solver"], "case_id": case_id},
        tags={key: text for key, text in named.items() if text is not None},
        started_at=started_at,
    )


def _provenance(origin: Origin, texts: Texts, events: SampleEvents) -> dict[str, Any]:
    counts = Counter(str(event.get("event")) for event in events.raw)
    made: dict[str, Any] = {
        "format": FORMAT,
        "file": origin.file.path.name,
        "sha256": origin.file.sha256,
        "index": origin.index,
        "events": dict(sorted(counts.items())),
    }
    if events.spans.missing:
        made["missing_parents"] = sorted(events.spans.missing)
    if texts.missing:
        made["missing_attachments"] = sorted(texts.missing)
    return made


def _converse(
    messages: Sequence[Json], output: Json, builder: RunBuilder, *, model: str | None
) -> None:
    """Add the calls of a log without events: each answer is one, and each tool call in it."""
    last = max((place for place, m in enumerate(messages) if _is_answer(m)), default=None)
    for place, message in enumerate(messages):
        if not _is_answer(message):
            builder.message(chat_form(message))
            continue
        answer = chat_form(message)
        # What the sample came to is its last answer, and the usage is that of this one call.
        of_last = output if place == last else {"model": message.get("model")}
        builder.llm_call(answer, model=model, **model_columns(model, of_last))
        calls: list[Json] = answer.get("tool_calls") or []
        told = [chat_form(m) for m in _until_answer(messages[place + 1 :]) if m["role"] == "tool"]
        for call, result in zip(calls, pair_results(calls, told), strict=True):
            builder.tool_call(
                tool=call["function"]["name"],
                call_id=text_of(call.get("id")),
                arguments=parse_arguments(call["function"]["arguments"]),
                result=result.get("content") if result is not None else None,
            )


def _until_answer(messages: Sequence[Json]) -> Sequence[Json]:
    end = next((place for place, m in enumerate(messages) if _is_answer(m)), len(messages))
    return messages[:end]


def _is_answer(message: Json) -> bool:
    return message["role"] == "assistant" and message.get("source") in (None, "generate")


def _add_score(name: str, score: Any, builder: RunBuilder) -> None:
    given: Json = score if is_object(score) else {"value": score}
    value: Any = given.get("value")
    reason = text_of(given.get("explanation"))
    parts = {name: value}
    if is_object(value) and "$float" not in value:
        parts = {f"{name}/{key}": item for key, item in value.items()}
    for part, graded in parts.items():
        number, label = _judged(graded)
        is_told = number is not None or label is not None
        builder.score(
            name=part,
            value=number,
            label=label,
            raw=None if is_told else graded,
            reason=reason,
            scorer=FORMAT,
        )


def _judged(value: Any) -> tuple[float | None, str | None]:
    """Return a score's number and its word; neither when it could not be judged."""
    if isinstance(value, str):
        return _GRADES.get(value), value
    if isinstance(value, bool):
        return float(value), str(value).lower()
    return number_of(value), None


def _end_of(record: Json, output: Json) -> tuple[RunStatus, Error | None]:
    """Return how a sample ended: with an error, at a limit, cancelled, or well."""
    sample, log = record["sample"], record["log"]
    error: Any = sample.get("error")
    if error is not None:
        told: Json = error if is_object(error) else {"message": error}
        message = None if told.get("message") is None else str(told["message"])
        kind = (message or "").partition("(")[0].rpartition(".")[2] or "Error"
        if kind.startswith(_CANCELLED):
            return "cancelled", None
        kind = kind if kind.isidentifier() else "Error"
        return "error", Error(type=kind, message=message, traceback=text_of(told.get("traceback")))
    limit: Any = sample.get("limit")
    if is_object(limit) and limit.get("type") == "operator":
        return "cancelled", None
    if is_object(limit):
        kind = str(limit.get("type"))
        said = f"the {kind} limit of {limit.get('limit')} was reached"
        return "budget_exceeded" if kind in _SPENT else "error", Error(
            type=f"{kind}_limit", message=said
        )
    is_undone = not output.get("choices") and not sample.get("scores")
    if is_undone and log.get("status") in ("cancelled", "started"):
        return "cancelled" if log["status"] == "cancelled" else "interrupted", None
    return "ok", None


def _question(given: Any) -> Any:
    """Return what a sample asks; one message of a user is the same as its text."""
    if not is_list(given):
        return given
    said = [chat_form(m) for m in given if is_object(m) and isinstance(m.get("role"), str)]
    alone = said[0] if len(said) == 1 and said[0]["role"] == "user" else None
    return alone.get("content") if alone is not None else said


def _answer_of(output: Json) -> Any:
    """Return what the model said last; parts where there is no text."""
    choices: Any = output.get("choices")
    first: Any = choices[0] if is_list(choices) and choices else None
    message: Any = first.get("message") if is_object(first) else None
    if is_object(message) and isinstance(message.get("role"), str):
        return chat_form(message).get("content")
    return text_of(output.get("completion"))


def _times(sample: Json, events: SampleEvents) -> tuple[datetime | None, datetime | None]:
    """Return when a sample began and ended; where it does not say, its first and last event."""
    times: list[datetime] = events.times
    started_at, ended_at = (
        moment_of(sample.get("started_at")),
        moment_of(sample.get("completed_at")),
    )
    return (
        started_at or min(times, default=None),
        ended_at or max(times, default=None),
    )


def _eval_of(record: Json) -> Json:
    task: Json = record["log"]["eval"]
    return task


IMPORTER: Final = Importer(
    format=FORMAT,
    help="logs of Inspect AI (.json, .eval)",
    read_file=read_file,
    problem_of=problem_of,
    is_empty=is_empty,
    build=build,
)
"""What the registry holds."""
