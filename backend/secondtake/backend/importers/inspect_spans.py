"""The steps of a sample of Inspect AI: when each ended, and what is inside of what.

Logs have `span_begin` and `span_end` with ids, older ones `step` with `begin` and `end` and none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secondtake.backend.dialects.attributes import text_of
from secondtake.runner.narrow import is_list, is_object

Json = Mapping[str, Any]


@dataclass
class Spans:
    """The spans of one sample."""

    begun: set[str] = field(default_factory=set[str])
    ended_at: dict[str, Any] = field(default_factory=dict[str, Any])
    """Timestamps, by the id of the span."""
    step_ends: dict[int, Any] = field(default_factory=dict[int, Any])
    """Timestamps, by the place of the event that began the step."""
    missing: set[str] = field(default_factory=set[str])
    """Ids that events name, of spans that the log does not have."""

    def known(self, span_id: str | None) -> str | None:
        """Return the id when the log has that span, else None."""
        return span_id if span_id in self.begun else None


def spans_of(events: Sequence[Json]) -> Spans:
    """Look through the events of a sample for the spans in it."""
    spans = Spans()
    open_steps: list[tuple[int, str]] = []
    named: set[str | None] = set()
    for place, event in enumerate(events):
        kind, span_id = event.get("event"), text_of(event.get("id"))
        named.add(text_of(event.get("parent_id" if kind == "span_begin" else "span_id")))
        if kind == "span_begin" and span_id is not None:
            spans.begun.add(span_id)
        elif kind == "span_end" and span_id is not None:
            spans.ended_at[span_id] = event.get("timestamp")
        elif is_step(event, "begin"):
            open_steps.append((place, str(event.get("name"))))
        elif is_step(event, "end"):
            name = str(event.get("name"))
            while open_steps:
                began, opened = open_steps.pop()
                if opened == name:
                    spans.step_ends[began] = event.get("timestamp")
                    break
    spans.missing = {span_id for span_id in named if span_id is not None} - spans.begun
    return spans


def is_step(event: Json, action: str) -> bool:
    """Tell whether an event begins or ends a step of an older log."""
    return event.get("event") == "step" and event.get("action") == action


def flattened(events: Any) -> list[tuple[Json, int | None]]:
    """Return the events of a sample, each with the place of the event that holds it.

    In older logs the events of a tool or a subtask stand within its own event.
    """
    found: list[tuple[Json, int | None]] = []
    _collect(events, None, found)
    return found


def _collect(events: Any, inside: int | None, found: list[tuple[Json, int | None]]) -> None:
    for event in events if is_list(events) else []:
        if is_object(event):
            place = len(found)
            found.append((event, inside))
            _collect(event.get("events"), place, found)
