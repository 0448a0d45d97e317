"""Whether a call that was executed again came to the same as in its source."""

from collections.abc import Mapping, Sequence
from typing import Any

from secondtake.runner.calls import LlmResponse
from secondtake.runner.conversation import EMPTY_CHAIN
from secondtake.runner.events import LlmCall
from secondtake.runner.hashing import content_digest, next_in_chain, value_hash
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.recording import Recording


def is_same_answer(
    recording: Recording, source: Recorded, response: Any, error: BaseException | None
) -> bool:
    """Tell whether a call came to what it came to in the source; ids of tool calls do not count.

    Args:
        recording: of the source.
        source: the call there.
        response: what it was answered now, cleaned of secrets as the recorded one.
        error: what it failed with now.
    """
    if error is not None or source.error_type is not None:
        return error is not None and type(error).__name__ == source.error_type
    if not isinstance(source, LlmCall):
        return value_hash(response) == value_hash(source.result)
    if not isinstance(response, LlmResponse):
        return False
    return said_hash(response.messages) == said_hash(recording.response_of(source).messages)


def said_hash(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of what a model answered, whatever ids its tool calls have."""
    chain, order = EMPTY_CHAIN, dict[str, str]()
    for message in messages:
        said = {name: value for name, value in message.items() if value}
        chain = next_in_chain(chain, said, content_digest(said), order)
    return chain.hex()
