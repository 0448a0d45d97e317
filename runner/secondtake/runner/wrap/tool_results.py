"""Tool calls of a wrapped program, as they show at the wire.

The program executes its tools itself. What a tool was asked is in a model's answer; what it
returned is seen when the program's next request carries it. Each is recorded once, just before
the call that brought it. When it began and how long it took nobody has seen: `started_at` is when
its result was seen, and it has no end and no duration.
"""

import hashlib
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from secondtake.runner import events
from secondtake.runner.hashing import new_span_id, tool_request_hash
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.run import RunRecorder
from secondtake.runner.wrap.fields import Json, arguments_of, mapping, objects

SEEN_AT: Final = "wire"


class ToolResults:
    """Knows which tool calls models asked for and which results were seen; for many threads.

    Conversations are told apart by what was said in them, so any number may go on at once.
    """

    def __init__(self, run: RunRecorder) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._asked: Counter[str] = Counter()
        """How often each call (id, name and arguments) was asked for and not yet seen answered."""
        self._seen: set[bytes] = set()
        """The conversations that end with a result that was seen."""

    def asked(self, messages: Sequence[Json]) -> None:
        """Note the tool calls that an answer asks for."""
        with self._lock:
            for message in messages:
                self._asked.update(_key(call) for call in objects(message.get("tool_calls")))

    def record(self, messages: Sequence[Json]) -> None:
        """Record the results that a request carries and that were not seen before."""
        for call, message in self._new(messages):
            try:
                self._write(call, message)
            except Exception as error:  # noqa: BLE001 - recording must not break the run
                self._run.fault("a tool call seen at the wire", error)

    def _new(self, messages: Sequence[Json]) -> list[tuple[Json, Json]]:
        found: list[tuple[Json, Json]] = []
        calls: dict[str, Json] = {}
        place = hashlib.blake2b(digest_size=16)
        with self._lock:
            for message in messages:
                place.update(_bytes(message))
                for call in objects(message.get("tool_calls")):
                    calls[str(call.get("id"))] = call
                if message.get("role") not in ("tool", "function"):
                    continue
                answered = _call_of(message, calls)
                here = place.digest()
                if answered is None or here in self._seen:
                    continue
                self._seen.add(here)
                if self._asked[_key(answered)] > 0:
                    self._asked[_key(answered)] -= 1
                    found.append((answered, message))
        return found

    def _write(self, call: Json, message: Json) -> None:
        run = self._run
        tool = run.label(str(mapping(call.get("function")).get("name")))
        arguments = run.clean(arguments_of(call))
        failed = bool(message.get("is_error"))
        result = run.clean(message.get("content"))
        fields: dict[str, Any] = {
            "span_id": new_span_id(),
            "started_at": run.now(),
            "tool": tool,
            "tool_call_id": call.get("id"),
            "arguments": arguments,
            "result": result,
            "request_hash": tool_request_hash(tool, arguments) if run.keeps_content else None,
            "error_type": "ToolError" if failed else None,
            "error_message": str(result) if failed and result is not None else None,
            "extra": {"seen_at": SEEN_AT},
        }
        run.meter.end_tool_call()
        run.emit(events.ToolCall, fields)


def _call_of(message: Json, calls: Mapping[str, Json]) -> Json | None:
    """Return the call that a result answers: by its id; results of old functions by their name."""
    if message.get("tool_call_id"):
        return calls.get(str(message["tool_call_id"]))
    named = [c for c in calls.values() if mapping(c.get("function")).get("name") == message["name"]]
    return named[-1] if named and message.get("name") else None


def _key(call: Json) -> str:
    name = mapping(call.get("function")).get("name")
    return orjson.dumps([call.get("id"), name, to_json_value(arguments_of(call))]).decode()


def _bytes(value: Json) -> bytes:
    return orjson.dumps(to_json_value(value), option=orjson.OPT_SORT_KEYS)
