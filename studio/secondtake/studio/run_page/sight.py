"""What a model saw at a call, and what of it was new. Pure: no page, no client.

The messages form a forest, so what two calls share is the common beginning of the two paths down
to what they were sent. What the call before had answered counts as seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from secondtake.backend.models.records import LlmCallRow, MessageRow
from secondtake.studio.run_page.threads import INSTRUCTIONS, NumberedCall, path_to

EDITED_CALLS_MAX: Final = 400
"""So many earlier calls are looked at for a history that was edited since."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """The messages of one request, and its answers."""

    call: NumberedCall
    is_recorded: bool
    """False when the run does not say what was sent."""
    before: NumberedCall | None
    """The last call before in the same conversation; None for the first."""
    seen: Sequence[MessageRow]
    """What that call was sent or answered already."""
    removed: Sequence[MessageRow]
    """What that call was sent or answered, and this one was not: the history was edited."""
    new: Sequence[MessageRow]
    answers: Sequence[MessageRow]


def sight_at(
    call: NumberedCall, calls: Sequence[NumberedCall], messages: Mapping[UUID, MessageRow]
) -> Sight:
    """Return what the model saw at a call.

    Args:
        call: one of `calls`.
        calls: all of the run, in order.
        messages: of the run, by id.
    """
    path = path_to(messages, call.row.input_message_id)
    before, seen = _before(call, path, calls, messages)
    removed: Sequence[MessageRow] = ()
    if before is not None:
        sent = path_to(messages, before.row.input_message_id)
        # What it answered is no part of what this call was sent when it was not taken over.
        removed = sent[seen:] if seen < len(sent) else ()
    answers = [messages[each] for each in call.row.output_message_ids or () if each in messages]
    return Sight(
        call=call,
        is_recorded=bool(path),
        before=before,
        seen=path[:seen],
        removed=removed,
        new=path[seen:],
        answers=answers,
    )


def _before(
    call: NumberedCall,
    path: Sequence[MessageRow],
    calls: Sequence[NumberedCall],
    messages: Mapping[UUID, MessageRow],
) -> tuple[NumberedCall | None, int]:
    """Return the call before in the same conversation, and how much of the path it knew.

    The call that shares most, and of those the last. Instructions alone do not make two calls one
    conversation.
    """
    ids = [message.message_id for message in path]
    first_said = next((n for n, m in enumerate(path) if m.role not in INSTRUCTIONS), len(path))
    places = {message_id: place for place, message_id in enumerate(ids)}
    best: tuple[NumberedCall | None, int] = (None, first_said)
    looked_at = 0
    for other in reversed(calls[: call.number - 1]):
        row = other.row
        whole = row.input_message_id in places
        if not whole and looked_at >= EDITED_CALLS_MAX:
            continue
        looked_at += not whole
        shared = _shared(ids, row.output_message_ids or (), path_ids(messages, row))
        if shared > best[1]:
            best = (other, shared)
            if whole:
                break  # its successors were sent more of this path, or none of it
    return best if best[0] is not None else (None, 0)


def path_ids(messages: Mapping[UUID, MessageRow], row: LlmCallRow) -> set[UUID]:
    """Return the ids of what a call was sent."""
    return {message.message_id for message in path_to(messages, row.input_message_id)}


def _shared(ids: Sequence[UUID], answers: Sequence[UUID], sent: set[UUID]) -> int:
    """Return how many messages of a path another call was sent or answered."""
    known = sent | set(answers)
    return next((n for n, each in enumerate(ids) if each not in known), len(ids))
