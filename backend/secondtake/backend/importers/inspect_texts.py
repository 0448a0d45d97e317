"""What a log of Inspect AI says elsewhere: attachments, and messages that many events share."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.runner.narrow import is_list, is_object

_PROTOCOLS: Final = ("attachment://", "tc://")
"""How a text begins that stands among the attachments; the second one in logs of 2024."""


class Texts:
    """Puts texts back where a sample names them."""

    def __init__(self, sample: Mapping[str, Any]) -> None:
        attachments: Any = sample.get("attachments")
        if not is_object(attachments):
            transcript: Any = sample.get("transcript")
            attachments = transcript.get("content") if is_object(transcript) else None
        shared: Any = sample.get("events_data")
        pool: Any = shared.get("messages") if is_object(shared) else None
        self._texts: Mapping[str, Any] = attachments if is_object(attachments) else {}
        self._pool: list[Any] = pool if is_list(pool) else []
        self.missing: set[str] = set()
        """Names of attachments that are not in the log."""

    def put_back(self, value: Any) -> Any:
        """Return a value with its attachments in their places."""
        if isinstance(value, str):
            return self._text(value) if value.startswith(_PROTOCOLS) else value
        if is_list(value):
            return [self.put_back(item) for item in value]
        if is_object(value):
            return {key: self.put_back(item) for key, item in value.items()}
        return value

    def messages_of(self, event: Mapping[str, Any]) -> list[Any]:
        """Return the messages that a model event was sent.

        Newer logs have them once a sample, and in the event ranges, `[[from, to], ...]`.
        """
        given: Any = event.get("input")
        messages: list[Any] = list(given) if is_list(given) else []
        ranges: Any = event.get("input_refs")
        for bounds in ranges if is_list(ranges) else []:
            if is_list(bounds) and len(bounds) == 2 and all(isinstance(at, int) for at in bounds):
                messages += self._pool[max(bounds[0], 0) : max(bounds[1], 0)]
        return [self.put_back(message) for message in messages]

    def _text(self, value: str) -> Any:
        _, _, name = value.partition("://")
        if name not in self._texts:
            self.missing.add(name)
            return value
        return self._texts[name]
