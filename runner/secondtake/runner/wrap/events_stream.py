"""Server-sent events, read while they pass: whole events out of pieces of any size."""

import zlib
from collections.abc import Mapping
from typing import Any, Final

import orjson

from secondtake.runner.narrow import is_object

Json = Mapping[str, Any]

ENDS: Final = frozenset(
    {"message_stop", "response.completed", "response.incomplete", "response.failed", "error"}
)
"""Types of the events after which nothing of the answer comes any more; also `[DONE]`."""
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32


class EventReader:
    """Reads the events of one stream as its pieces arrive."""

    def __init__(self, encoding: str | None) -> None:
        """Read a stream with this `content-encoding`; of an unknown one nothing is read."""
        self._decoder: Any = None
        self._readable = encoding in (None, "", "identity", "gzip", "deflate")
        if encoding in ("gzip", "deflate"):
            self._decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._rest = b""
        self.ended = False
        """Whether the answer has come to its end."""

    def feed(self, piece: bytes) -> list[Json]:
        """Take a piece and return the events that it completes."""
        if self._decoder is not None:
            try:
                piece = self._decoder.decompress(piece)
            except zlib.error:
                self._readable = False
        if not self._readable:
            return []
        *lines, self._rest = (self._rest + piece).split(b"\n")
        found = [event for event in map(self._event, lines) if event is not None]
        self.ended = self.ended or any(event.get("type") in ENDS for event in found)
        return found

    def _event(self, line: bytes) -> Json | None:
        if not line.startswith(b"data:"):
            return None
        data = line[5:].strip()
        if data == b"[DONE]":
            self.ended = True
            return None
        return _read(data)


def read_all_events(body: bytes) -> list[Json]:
    """Return the events of a stream as far as it came."""
    lines = (line[5:].strip() for line in body.splitlines() if line.startswith(b"data:"))
    return [event for event in map(_read, lines) if event is not None]


def _read(data: bytes) -> Json | None:
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    return event if is_object(event) else None
