"""What calls were sent, told without walking to the beginning of the conversation for each.

Each call of a conversation is sent all that was said before. Told call by call that is the square
of its length; the messages are a tree though, so each is visited once.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from secondtake.backend.models.records import LlmCallRow, MessageRow
from secondtake.backend.services.diff_values import VALUE_CHARS, cut_note

Messages = Mapping[UUID, MessageRow]

PROMPTS_CHARS: Final = 4 * VALUE_CHARS
"""Of all instructions of a run. A configuration with as many is compared as one text anyway; a
program that instructs anew in each turn would have the square of them."""

_INSTRUCTIONS: Final = ("system", "developer")
_SEPARATOR: Final = "\n\n"


class NewMessages:
    """Tells of each call, in order, the messages that no call before it was sent or answered."""

    def __init__(self, messages: Messages, told: Iterable[UUID]) -> None:
        """Begin before the first call; `told` are messages that are told elsewhere."""
        self._messages = messages
        self._told = set(told)
        self._walked: set[UUID] = set()
        """Messages of which all that was said before was told as well."""

    def of(self, call: LlmCallRow) -> list[MessageRow]:
        """Return what is new in a call, the first message first."""
        path = [*_upwards(call.input_message_id, self._messages, self._walked)]
        new = [message for message in reversed(path) if message.message_id not in self._told]
        walked = [message.message_id for message in path]
        self._walked.update(walked)
        self._told.update(walked, call.output_message_ids or ())
        return new


@dataclass(frozen=True, slots=True)
class _Prompt:
    """The instructions from the beginning of a conversation to one of them."""

    text: str
    """All of them; where a run has too many characters of them, what tells it from others."""
    total_chars: int
    digest: bytes


class Prompts:
    """Gives the instructions that calls were sent: the system prompt, and what followed it."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._known: dict[UUID, _Prompt | None] = {}
        self._chars = 0

    def of(self, call: LlmCallRow) -> str | None:
        """Return all instructions of a call, the first one first; None without any."""
        # Of a foreign recording that goes round in circles, the round is cut where it is first met.
        path = [*_upwards(call.input_message_id, self._messages, self._known)]
        start = path[-1].parent_id if path else call.input_message_id
        prompt = None if start is None else self._known.get(start)
        for message in reversed(path):
            if message.role in _INSTRUCTIONS and message.content:
                prompt = self._extended(prompt, message.content)
            self._known[message.message_id] = prompt
        return None if prompt is None else prompt.text

    def _extended(self, prompt: _Prompt | None, content: str) -> _Prompt:
        before = b"" if prompt is None else prompt.digest
        total_chars = len(content)
        if prompt is not None:
            total_chars += prompt.total_chars + len(_SEPARATOR)
        data = before + content.encode(errors="surrogatepass")
        digest = hashlib.blake2b(data, digest_size=16).digest()
        self._chars += total_chars
        if self._chars > PROMPTS_CHARS:
            text = cut_note(total_chars, 0, digest.hex()).lstrip()
        else:
            text = content if prompt is None else f"{prompt.text}{_SEPARATOR}{content}"
        return _Prompt(text, total_chars, digest)


def _upwards(
    message_id: UUID | None, messages: Messages, done: Mapping[UUID, object] | set[UUID]
) -> Iterator[MessageRow]:
    """Yield a message and what was said before it, the last one first, up to what is done."""
    met: set[UUID] = set()
    while message_id is not None and message_id not in done and message_id not in met:
        message = messages.get(message_id)
        if message is None:
            return
        met.add(message_id)
        yield message
        message_id = message.parent_id
