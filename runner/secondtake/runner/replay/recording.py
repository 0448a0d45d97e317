"""All that a replay needs of a run: its events, in one value that can be a file.

`{"format": "secondtake.recording", "version": 1, "events": [...]}`, each event as in a journal
segment, in the order in which it happened.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast
from uuid import UUID

import orjson
from pydantic import ValidationError

from secondtake.runner.calls import LlmResponse, Tokens
from secondtake.runner.errors import UsageError
from secondtake.runner.events import (
    AmbientRead,
    BaseEvent,
    LlmCall,
    MemoryChange,
    Message,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    TokenFields,
    ToolCall,
    ToolDefinitions,
    event_adapter,
)
from secondtake.runner.narrow import is_list, is_object

FORMAT: Final = "secondtake.recording"
VERSION: Final = 1


@dataclass(frozen=True)
class Recording:
    """The events of one run, and ways to find among them."""

    events: tuple[BaseEvent, ...]
    """By `seq`, those without one in the order in which they were given."""

    @classmethod
    def of(cls, events: Iterable[BaseEvent]) -> "Recording":
        """Make a recording of the events of one run.

        Raises:
            UsageError: there is no beginning of a run among them, or of several runs.
        """
        ordered = sorted(events, key=lambda event: (event.seq is None, event.seq or 0))
        recording = cls(tuple(ordered))
        starts = [event for event in ordered if isinstance(event, RunStarted)]
        ids = {event.run_id for event in ordered}
        if len(starts) != 1 or len(ids) != 1:
            raise UsageError(
                f"A recording is of one run with its beginning; this has {len(starts)} beginnings "
                f"and events of {len(ids)} runs."
            )
        return recording

    def to_json(self) -> bytes:
        """Return the recording as the content of a file."""
        # What is required stays, also when it is null; `exclude_none` would drop it.
        plain = [
            {
                "kind": type(event).model_fields["kind"].default,
                **event.model_dump(mode="json", exclude_defaults=True),
            }
            for event in self.events
        ]
        return orjson.dumps({"format": FORMAT, "version": VERSION, "events": plain})

    @classmethod
    def from_json(cls, data: bytes) -> "Recording":
        """Read a recording.

        Raises:
            UsageError: it is none, or a newer program wrote it.
        """
        try:
            whole: Any = orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise UsageError(f"This is no recording: {error}.") from None
        if not is_object(whole) or whole.get("format") != FORMAT:
            raise UsageError("This is no recording: it does not say so in its field `format`.")
        if whole.get("version") != VERSION:
            raise UsageError(
                f"This recording has version {whole.get('version')}, this program reads version "
                f"{VERSION}; a newer program wrote it."
            )
        lines: Any = whole.get("events")
        try:
            given: list[Any] = lines if is_list(lines) else []
            found = [event_adapter().validate_json(orjson.dumps(each)) for each in given]
        except (ValidationError, TypeError) as error:
            raise UsageError(f"This recording cannot be read: {error}.") from None
        return cls.of(found)

    # The run.

    @cached_property
    def start(self) -> RunStarted:
        """The run's beginning."""
        return next(event for event in self.events if isinstance(event, RunStarted))

    @cached_property
    def end(self) -> RunFinished | None:
        """The run's end; None when it has not ended, or was killed."""
        return next((event for event in self.events if isinstance(event, RunFinished)), None)

    @property
    def run_id(self) -> UUID:
        """The run that was recorded."""
        return self.start.run_id

    # What happened in it, in order.

    @cached_property
    def llm_calls(self) -> tuple[LlmCall, ...]:
        """Every attempt to ask a model; the first one is call 1."""
        return tuple(event for event in self.events if isinstance(event, LlmCall))

    @cached_property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """Tools, searches and answers of persons; the first one is tool call 1."""
        return tuple(event for event in self.events if isinstance(event, ToolCall))

    @cached_property
    def nodes(self) -> tuple[NodeFinished | NodeStarted, ...]:
        """Every execution of a node: its end, where it has none its beginning."""
        ended = {event.span_id for event in self.events if isinstance(event, NodeFinished)}
        return tuple(
            event
            for event in self.events
            if isinstance(event, NodeFinished)
            or (isinstance(event, NodeStarted) and event.span_id not in ended)
        )

    @cached_property
    def memory(self) -> tuple[MemoryChange, ...]:
        """State changes, memory reads and writes."""
        return tuple(event for event in self.events if isinstance(event, MemoryChange))

    @cached_property
    def ambient_reads(self) -> tuple[AmbientRead, ...]:
        """What the clock, random numbers and uuids gave."""
        return tuple(event for event in self.events if isinstance(event, AmbientRead))

    @cached_property
    def messages(self) -> Mapping[UUID, Message]:
        """Every chat turn by its id."""
        return {event.message_id: event for event in self.events if isinstance(event, Message)}

    @cached_property
    def tool_definitions(self) -> Mapping[str, list[dict[str, Any]]]:
        """The tools that were offered, by `tools_hash`."""
        return {
            event.tools_hash: cast(list[dict[str, Any]], event.definitions)
            for event in self.events
            if isinstance(event, ToolDefinitions) and is_list(event.definitions)
        }

    # Requests and answers, in OpenAI's form.

    def prompt_of(self, call: LlmCall) -> list[dict[str, Any]]:
        """Return the messages that a call was sent, the first one first.

        Raises:
            UsageError: one of them was not recorded.
        """
        found: list[dict[str, Any]] = []
        message_id = call.input_message_id
        while message_id is not None:
            message = self.messages.get(message_id)
            if message is None:
                raise UsageError(f"A message that call {call.span_id} was sent is not recorded.")
            found.append(as_message(message))
            message_id = message.parent_id
        found.reverse()
        return found

    def tools_of(self, call: LlmCall) -> list[dict[str, Any]]:
        """Return the tool definitions that a call offered; empty also where they are unknown."""
        return self.tool_definitions.get(call.tools_hash or "", [])

    def response_of(self, call: LlmCall) -> LlmResponse:
        """Return what a call answered."""
        known = (self.messages.get(each) for each in call.output_message_ids or ())
        tokens = {name: getattr(call, name) for name in TokenFields.model_fields}
        return LlmResponse(
            messages=[as_message(message) for message in known if message is not None],
            finish_reason=call.finish_reason,
            provider=call.provider,
            served_model=call.served_model,
            response_id=call.response_id,
            service_tier=call.service_tier,
            usage=call.usage if is_object(call.usage) else None,
            tokens=Tokens(
                **tokens,
                convention=cast(Any, call.usage_convention),
                note=call.usage_note,
            ),
            time_to_first_token_ms=call.time_to_first_token_ms,
            reported_cost_usd=call.reported_cost_usd,
            simulated=call.simulated,
            extra=call.extra,
        )


def as_message(message: Message) -> dict[str, Any]:
    """Return a chat turn as it was said, in OpenAI's form."""
    said: dict[str, Any] = {
        "role": message.role,
        "content": message.parts if message.parts is not None else message.content,
    }
    for name in ("tool_calls", "tool_call_id", "name"):
        value = getattr(message, name)
        if value is not None:
            said[name] = value
    return {**said, **(message.extra or {})}
