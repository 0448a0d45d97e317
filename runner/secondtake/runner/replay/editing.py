"""Messages of the recorded conversation that a replay says otherwise."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from secondtake.runner.hashing import content_digest
from secondtake.runner.replay.session import ReplaySession


def edited_messages(
    session: ReplaySession,
    messages: Sequence[Mapping[str, Any]],
    *,
    node_path: str | None,
    clean: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> list[Mapping[str, Any]]:
    """Return what a call sends, with the messages that are to be other ones.

    An edit stays in its conversation: whatever is sent in the node of the edited call and has
    the recorded message at that place, has the other one.

    Args:
        session: the replay.
        messages: what would be sent.
        node_path: where.
        clean: takes secrets out of a message, as they are out of the recorded one.
    """
    found = list(messages)
    for edit in session.options.messages:
        call = session.recording.llm_calls[edit.call - 1]
        if call.node_path != node_path or edit.index >= len(found):
            continue
        recorded = session.recording.prompt_of(call)[edit.index]
        if content_digest(clean(found[edit.index])) == content_digest(recorded):
            session.check_edit(f"llm_calls.{edit.call}.messages.{edit.index}", call)
            found[edit.index] = {**found[edit.index], "content": edit.content}
    return found
