"""Adds what happened in a sample of Inspect AI: steps, LLM calls, tool calls."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secondtake.backend.dialects.attributes import text_of, usd_of
from secondtake.backend.importers.builder import Error, RunBuilder, Span
from secondtake.backend.importers.inspect_messages import (
    PARAMETERS,
    chat_form,
    content_form,
    parameters_of,
    tokens_of,
    tool_definitions,
)
from secondtake.backend.importers.inspect_spans import Spans, flattened, is_step, spans_of
from secondtake.backend.importers.inspect_texts import Texts
from secondtake.backend.importers.moments import duration_ms_of, moment_of
from secondtake.runner.narrow import is_list, is_object

Json = Mapping[str, Any]

REPEATING: Final = frozenset({"state", "store", "sample_init", "score", "span_end", "step"})
"""Events that only say again, as changes, what messages, scores and the sample itself say."""

_SHOWN: Final = frozenset({"model", "tool", "subtask", "span_begin"})
_OF_EVENT: Final = frozenset(
    {"event", "timestamp", "span_id", "uuid", "id", "working_start", "completed", "error"}
)
_OF_MODEL: Final = _OF_EVENT | {
    "model", "input", "input_refs", "tools", "tool_choice", "config", "output", "call",
    "traceback", "traceback_ansi",
}  # fmt: skip
_OF_TOOL: Final = _OF_EVENT | {"type", "function", "arguments", "result", "events"}
_OF_OUTPUT: Final = frozenset({"model", "choices", "usage", "completion"})
_CLASS: Final = re.compile(r"(?:\w+\.)*(?P<name>[A-Z]\w*(?:Error|Exception|Timeout|Limit\w*))\b")


class SampleEvents:
    """The events of one sample, with all texts in their places."""

    def __init__(self, sample: Json, texts: Texts) -> None:
        transcript: Any = sample.get("transcript")
        given = transcript.get("events") if is_object(transcript) else sample.get("events")
        found = flattened(given)
        self._holders = [inside for _, inside in found]
        self.raw: list[Json] = [event for event, _ in found]
        """As they stand in the log."""
        self.spans: Spans = spans_of(self.raw)
        self._texts = texts
        self._whole = [self._put_back(event) for event in self.raw]
        self.has_calls = any(event.get("event") == "model" for event in self.raw)

    @property
    def others(self) -> list[Json]:
        """Those that become no row and say something that stands nowhere else."""
        apart = REPEATING | _SHOWN
        return [event for event in self._whole if event.get("event") not in apart]

    @property
    def times(self) -> list[Any]:
        """When they were, where that is said."""
        found = (moment_of(event.get("timestamp")) for event in self.raw)
        return [moment for moment in found if moment is not None]

    def add_to(self, builder: RunBuilder) -> None:
        """Add the rows of all events, in order."""
        ids: dict[int, str] = {}
        open_steps: list[tuple[str, str]] = []
        for place, event in enumerate(self._whole):
            holder = self._holders[place]
            parent = ids.get(holder) if holder is not None else None
            parent = parent or self.spans.known(text_of(event.get("span_id")))
            parent = parent or (open_steps[-1][1] if open_steps else None)
            if is_step(event, "begin"):
                step = self._add_step(place, event, parent, builder)
                open_steps.append((str(event.get("name")), step))
            elif is_step(event, "end"):
                _close(open_steps, str(event.get("name")))
            elif event.get("event") in _SHOWN:
                ids[place] = self._add(event, parent, builder)

    def _add(self, event: Json, parent: str | None, builder: RunBuilder) -> str:
        kind = event["event"]
        if kind == "model":
            return add_call(event, parent, builder)
        if kind == "tool":
            return add_tool_call(event, parent, builder)
        if kind == "subtask":
            return _add_subtask(event, parent, builder)
        return self._add_span(event, builder)

    def _add_span(self, event: Json, builder: RunBuilder) -> str:
        span_id = text_of(event.get("id"))
        outside = text_of(event.get("parent_id"))
        kept = {key: event[key] for key in ("type", "metadata") if event.get(key)}
        if outside is not None and self.spans.known(outside) is None:
            kept["missing_parent"] = outside
        return builder.node(
            str(event.get("name")),
            span_kind="agent" if event.get("type") == "agent" else "node",
            span=Span(
                span_id=span_id,
                parent_span_id=self.spans.known(outside),
                started_at=moment_of(event.get("timestamp")),
                ended_at=moment_of(self.spans.ended_at.get(span_id or "")),
            ),
            extra=kept,
        )

    def _add_step(self, place: int, event: Json, parent: str | None, builder: RunBuilder) -> str:
        return builder.node(
            str(event.get("name")),
            span=Span(
                parent_span_id=parent,
                started_at=moment_of(event.get("timestamp")),
                ended_at=moment_of(self.spans.step_ends.get(place)),
            ),
            extra={key: event[key] for key in ("type",) if event.get(key)},
        )

    def _put_back(self, event: Json) -> Json:
        """Return an event with its texts; the raw bodies of a call only say them once more."""
        kind = event.get("event")
        if kind in REPEATING:
            return event
        apart = {"events", "input", "call"} if kind == "model" else {"events"}
        whole = {k: self._texts.put_back(v) for k, v in event.items() if k not in apart}
        if kind == "model":
            whole["input"] = self._texts.messages_of(event)
            whole["call"] = _told_by_provider(event.get("call"))
        return whole


def add_call(event: Json, parent: str | None, builder: RunBuilder) -> str:
    """Add the LLM call of a model event; return its id."""
    output: Json = _object(event.get("output"))
    choices: list[Any] = output["choices"] if is_list(output.get("choices")) else []
    answers = [
        choice for choice in choices if is_object(choice) and _is_message(choice.get("message"))
    ]
    config = _object(event.get("config"))
    call = _object(event.get("call"))
    return builder.llm_call(
        *(chat_form(choice["message"]) for choice in answers),
        model=text_of(event.get("model")),
        sent=[chat_form(message) for message in event["input"] if _is_message(message)],
        tools=tool_definitions(event.get("tools")),
        parameters=parameters_of(config, tool_choice=event.get("tool_choice")),
        span=Span(
            parent_span_id=parent,
            started_at=moment_of(event.get("timestamp")),
            ended_at=moment_of(event.get("completed")),
            duration_ms=None if event.get("completed") else duration_ms_of(output.get("time")),
            error=_error_of(event.get("error"), event.get("traceback")),
        ),
        extra={
            **{k: v for k, v in event.items() if k not in _OF_MODEL and v is not None},
            **{f"output.{k}": v for k, v in output.items() if k not in _OF_OUTPUT and v},
            **{
                f"config.{k}": v for k, v in config.items() if k not in PARAMETERS and v is not None
            },
            **_logprobs(answers),
            **{k: call[k] for k in ("system_fingerprint",) if call.get(k)},
        },
        finish_reason=text_of(answers[0].get("stop_reason")) if answers else None,
        response_id=text_of(call.get("id")),
        service_tier=text_of(call.get("service_tier")),
        served_from="cache" if event.get("cache") == "read" else "live",
        **model_columns(text_of(event.get("model")), output),
    )


def model_columns(model: str | None, output: Json) -> dict[str, Any]:
    """Return the columns that an output fills: who answered, tokens, cost."""
    provider, slash, _ = (model or "").partition("/")
    columns: dict[str, Any] = {
        "provider": provider if slash and provider else None,
        "served_model": text_of(output.get("model")),
    }
    usage = output.get("usage")
    if not is_object(usage):
        return columns
    tokens = dict(vars(tokens_of(usage)))
    cost_usd = usd_of(usage.get("total_cost"))
    return {
        **columns,
        "usage": usage,
        "usage_convention": tokens.pop("convention"),
        "usage_note": tokens.pop("note"),
        **tokens,
        "cost_usd": cost_usd,
        "cost_basis": "recorded" if cost_usd is not None else None,
    }


def add_tool_call(event: Json, parent: str | None, builder: RunBuilder) -> str:
    """Add the tool call of a tool event; return its id."""
    return builder.tool_call(
        tool=str(event.get("function")),
        call_id=text_of(event.get("id")),
        arguments=event.get("arguments"),
        result=content_form(event.get("result")),
        span=Span(
            parent_span_id=parent,
            started_at=moment_of(event.get("timestamp")),
            ended_at=moment_of(event.get("completed")),
            duration_ms=None
            if event.get("completed")
            else duration_ms_of(event.get("working_time")),
            error=_tool_error(event.get("error")),
        ),
        extra={k: v for k, v in event.items() if k not in _OF_TOOL and v is not None},
    )


def _add_subtask(event: Json, parent: str | None, builder: RunBuilder) -> str:
    kept = {key: event[key] for key in ("type", "input", "result") if event.get(key)}
    return builder.node(
        str(event.get("name")),
        span=Span(
            parent_span_id=parent,
            started_at=moment_of(event.get("timestamp")),
            ended_at=moment_of(event.get("completed")),
        ),
        extra=kept,
    )


def _close(open_steps: list[tuple[str, str]], name: str) -> None:
    """Close a step and those in it; an end without a beginning closes nothing."""
    if any(opened == name for opened, _ in open_steps):
        while open_steps.pop()[0] != name:
            pass


def _told_by_provider(call: Any) -> Json:
    response = call.get("response") if is_object(call) else None
    names = ("id", "service_tier", "system_fingerprint")
    return {k: response[k] for k in names if k in response} if is_object(response) else {}


def _logprobs(choices: Sequence[Json]) -> dict[str, Any]:
    found = [choice.get("logprobs") for choice in choices]
    return {"logprobs": found} if any(found) else {}


def _error_of(message: Any, traceback: Any) -> Error | None:
    """Return the error of a call; its class stands at the beginning of the message, if at all."""
    if message is None:
        return None
    text = message if isinstance(message, str) else str(message)
    found = _CLASS.match(text)
    return Error(
        type=found["name"] if found else "Error", message=text, traceback=text_of(traceback)
    )


def _tool_error(error: Any) -> Error | None:
    if not is_object(error):
        return None
    message = error.get("message")
    return Error(
        type=text_of(error.get("type")) or "Error",
        message=None if message is None else str(message),
    )


def _is_message(value: Any) -> bool:
    return is_object(value) and isinstance(value.get("role"), str)


def _object(value: Any) -> Json:
    return value if is_object(value) else {}
