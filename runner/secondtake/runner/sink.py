"""Where the runs of one home go: its journal, its redactor and its prices, shared in a process."""

import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from secondtake.runner import faults
from secondtake.runner.blobs import BLOB_BYTES_MIN, move_in_binaries, move_out_binaries
from secondtake.runner.events import BaseEvent
from secondtake.runner.home import KEY_BYTES, store_key
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.jsonable import clean_text, from_json_value, to_json_value
from secondtake.runner.pricing import PriceSnapshot, load_snapshot
from secondtake.runner.redaction import Redactor
from secondtake.runner.settings import Settings


class Sink:
    """Cleans what is to be recorded and writes it."""

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.content = settings.content
        self.writer = SegmentWriter(settings.home)
        self.redactor = Redactor(_key(settings.home), patterns=settings.redaction_patterns)

    @property
    def prices(self) -> PriceSnapshot | None:
        """The current price snapshot of the home, None when it has none yet."""
        return load_snapshot(self.home)

    def write(self, *events: BaseEvent) -> None:
        """Append events to the journal; see `SegmentWriter.write`."""
        self.writer.write(*events)

    def clean(self, value: Any) -> Any:
        """Return a value as it may be stored: JSON, large binaries as blobs, no secrets.

        None in content-off mode.
        """
        if value is None or not self.content:
            return None
        plain = move_out_binaries(to_json_value(value), self.home, redact=self.redactor.text)
        return self.redactor.value(plain)

    def restored(self, value: Any) -> Any:
        """Return a stored value as the program had it, as far as it was not redacted."""
        return from_json_value(move_in_binaries(value, self.home))

    def clean_message(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return a message as it may be stored; in content-off mode its structure alone."""
        if self.content and all(map(_is_short_text, message.values())):
            texts: dict[str, Any] = {key: clean_text(text) for key, text in message.items()}
            return self.redactor.members(texts)
        if self.content:
            return cast(dict[str, Any], self.clean(message))
        skeleton: dict[str, Any] = {"role": str(message.get("role", "unknown"))}
        if message.get("tool_calls"):
            skeleton["tool_calls"] = [
                {"id": call.get("id"), "function": {"name": call.get("function", {}).get("name")}}
                for call in to_json_value(message["tool_calls"])
            ]
        if message.get("tool_call_id"):
            skeleton["tool_call_id"] = str(message["tool_call_id"])
        return skeleton

    def label(self, text: str) -> str:
        """Return a name as it may be stored, also in content-off mode."""
        return self.redactor.text(str(to_json_value(text)))

    def structure(self, value: Any) -> Any:
        """Return settings-like JSON as it may be stored, also in content-off mode."""
        return self.redactor.value(to_json_value(value))


def _is_short_text(value: Any) -> bool:
    return type(value) is str and len(value) < BLOB_BYTES_MIN


def _key(home: Path) -> bytes:
    try:
        return store_key(home)
    except OSError as error:
        faults.report("the home folder", error, home=None)
        return secrets.token_bytes(KEY_BYTES)


_sinks: dict[tuple[Path, bool, tuple[str, ...]], Sink] = {}
_lock = threading.Lock()


def sink_for(settings: Settings) -> Sink:
    """Return the process's sink for these settings, made at first use."""
    key = (settings.home, settings.content, settings.redaction_patterns)
    with _lock:
        sink = _sinks.get(key)
        if sink is None:
            sink = _sinks[key] = Sink(settings)
        return sink
