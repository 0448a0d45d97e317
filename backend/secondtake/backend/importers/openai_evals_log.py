"""Logs of the open-source openai/evals; the shape is told in `openai_evals`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from secondtake.backend.importers.builder import Error, RunBuilder, Span
from secondtake.backend.importers.conversations import problem_of_messages
from secondtake.backend.importers.files import shape_of
from secondtake.backend.importers.json_lines import BrokenLine
from secondtake.backend.importers.openai_evals_items import FORMAT
from secondtake.backend.importers.scalars import number_of, text_of, time_of
from secondtake.backend.importers.usages import openai_usage_columns
from secondtake.runner.narrow import is_list, is_object

_READ: Final = ("sampling", "metrics")
"""Events whose data have a place of their own in the rows."""
_OF_SAMPLING: Final = ("prompt", "sampled", "model", "usage")

Event = Mapping[str, Any]


def samples_of(lines: Sequence[Any]) -> list[Any]:
    """Return one record a sample, `{spec, final_report, sample_id, events}`, in their order.

    Lines that are neither the spec, a report nor an event of a sample come after them as they are.
    """
    spec: Any = None
    report: Any = None
    events: dict[str, list[Event]] = {}
    others: list[Any] = []
    for line in lines:
        if isinstance(line, BrokenLine) or not is_object(line):
            others.append(line)
        elif "spec" in line:
            spec = line["spec"]
        elif "final_report" in line:
            report = line["final_report"]
        elif isinstance(line.get("sample_id"), str) and isinstance(line.get("type"), str):
            events.setdefault(line["sample_id"], []).append(line)
        else:
            others.append(BrokenLine(f"a line is {shape_of(line)}, not an event of a sample"))
    samples = [
        {"spec": spec, "final_report": report, "sample_id": sample_id, "events": found}
        for sample_id, found in events.items()
    ]
    return [*samples, *others]


def problem_of(record: Mapping[str, Any]) -> str | None:
    """Say why a sample cannot be taken; None when it can."""
    if not is_object(record["spec"]):
        return f"the spec of its log is {shape_of(record['spec'])}, not an object"
    if "events" not in record:
        return "it is the spec of a log, not a sample"
    for event in record["events"]:
        data = event.get("data")
        where = f"event {event.get('event_id')} of sample {record['sample_id']}"
        if not is_object(data):
            return f"the data of {where} are {shape_of(data)}, not an object"
        prompt = data.get("prompt")
        if event["type"] == "sampling" and is_list(prompt):
            problem = problem_of_messages(prompt)
            if problem is not None:
                return f"in the prompt of {where}, {problem}"
    return None


def build(record: Mapping[str, Any], provenance: Mapping[str, Any], builder: RunBuilder) -> None:
    """Add the events of one sample."""
    spec, found = record["spec"], record["events"]
    samplings = [event for event in found if event["type"] == "sampling"]
    _start(record, provenance, builder)
    for event in samplings:
        _add_call(event, builder, model=_model_of(spec))
    for name, number, scorer in _scores(found):
        builder.score(name=name, value=number, scorer=scorer)
    errors = [event["data"] for event in found if event["type"] == "error"]
    answers = _sampled(samplings[-1]) if samplings else []
    builder.finish(
        status="error" if errors else "ok",
        output=answers[0] if answers else None,
        error=_error_of(errors[0]) if errors else None,
        ended_at=_ended_at(found),
    )


def _start(record: Mapping[str, Any], provenance: Mapping[str, Any], builder: RunBuilder) -> None:
    spec, found = record["spec"], record["events"]
    prompts = [event["data"].get("prompt") for event in found if event["type"] == "sampling"]
    names = {"eval": "base_eval", "split": "split", "eval_run": "run_id"}
    tags = {tag: text for tag, key in names.items() if (text := text_of(spec.get(key)))}
    functions = spec.get("completion_fns")
    if is_list(functions) and functions:
        tags["completion_fn"] = ", ".join(map(str, functions))
    builder.start(
        name=text_of(spec.get("eval_name")) or FORMAT,
        source=f"import:{FORMAT}",
        config=spec,
        inputs={"prompt": _asked(prompts[0])} if prompts else None,
        provenance=provenance,
        rest={
            "final_report": record["final_report"],
            "events": [event for event in found if event["type"] not in _READ],
        },
        labels={"case_id": record["sample_id"]},
        tags=tags,
    )


def _asked(prompt: Any) -> Any:
    """Return what the last message of a chat prompt asks, or the prompt itself."""
    return prompt[-1].get("content") if is_list(prompt) and prompt else prompt


def _add_call(event: Event, builder: RunBuilder, *, model: str | None) -> None:
    """Add one sampling; each has a conversation of its own, and one answer a choice."""
    data = event["data"]
    prompt = data.get("prompt")
    builder.llm_call(
        *({"role": "assistant", "content": text} for text in _sampled(event)),
        model=text_of(data.get("model")) or model,
        sent=prompt if is_list(prompt) else [{"role": "user", "content": str(prompt)}],
        span=Span(ended_at=time_of(event.get("created_at"))),
        extra={key: value for key, value in data.items() if key not in _OF_SAMPLING},
        **openai_usage_columns(data.get("usage")),
    )


def _sampled(event: Event) -> list[str]:
    sampled = event["data"].get("sampled")
    texts: list[Any] = sampled if is_list(sampled) else [sampled]
    return [text if isinstance(text, str) else str(text) for text in texts if text is not None]


def _scores(found: Sequence[Event]) -> Iterator[tuple[str, float, str]]:
    """Yield name, value and scorer; a scorer names its event, as a sample may have several."""
    for event in found:
        data, scorer = event["data"], f"{FORMAT} event {event.get('event_id')}"
        if event["type"] == "match" and isinstance(data.get("correct"), bool):
            yield "match", float(data["correct"]), scorer
        if event["type"] == "metrics":
            for name, value in data.items():
                number = float(value) if isinstance(value, bool) else number_of(value)
                if number is not None:
                    yield name, number, scorer


def _model_of(spec: Mapping[str, Any]) -> str | None:
    """Return what the spec says was asked; with several functions it is not known which."""
    functions = spec.get("completion_fns")
    if is_list(functions):
        return text_of(functions[0]) if len(functions) == 1 else None
    return text_of(spec.get("model_name"))


def _error_of(data: Mapping[str, Any]) -> Error:
    return Error(type=text_of(data.get("type")), message=text_of(data.get("message")))


def _ended_at(found: Sequence[Event]) -> datetime | None:
    times = [at for event in found if (at := time_of(event.get("created_at"))) is not None]
    return max(times, default=None)
