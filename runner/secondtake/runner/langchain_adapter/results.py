"""What a tool gave, as JSON, and made again of it.

A tool's result is what its caller got. Text, numbers, lists and objects are themselves; what is
LangChain's own is an object with one key that begins with `$`. Anything else cannot be given
again, and a tool that gives it makes its run one that is replayed stepwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.documents import Document
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from secondtake.runner.jsonable import to_json_value
from secondtake.runner.narrow import is_list, is_mapping, is_object

MESSAGE: Final = "$message"
COMMAND: Final = "$command"
SEND: Final = "$send"
DOCUMENT: Final = "$document"
TUPLE: Final = "$tuple"
TAGS: Final = frozenset({MESSAGE, COMMAND, SEND, DOCUMENT, TUPLE})
CLASSES: Final[Mapping[str, type[BaseMessage]]] = {
    "ai": AIMessage,
    "human": HumanMessage,
    "remove": RemoveMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}


class NotJson(Exception):
    """A value that cannot be made again of JSON; its text is the name of the value's class."""


def record_result(value: Any, *, tool_call_id: str | None = None) -> Any:
    """Return a value as it is recorded; messages that answer this tool call do not name it.

    Raises:
        NotJson: it cannot be made again.
    """
    return _Recorder(tool_call_id).record(value)


def rebuild_result(recorded: Any, *, tool_call_id: str | None = None) -> Any:
    """Return the value that was recorded; a message that names no tool call answers this one."""
    if is_list(recorded):
        return [rebuild_result(item, tool_call_id=tool_call_id) for item in recorded]
    if not is_object(recorded):
        return recorded
    inner = {k: rebuild_result(v, tool_call_id=tool_call_id) for k, v in recorded.items()}
    tag = next(iter(inner), "")
    if len(inner) == 1 and tag in TAGS:
        return _tagged(tag, inner[tag], tool_call_id)
    return inner


def as_is(value: Any) -> Any:
    """Return a value as JSON to look at, when it cannot be made again."""
    return to_json_value(value)


class _Recorder:
    def __init__(self, tool_call_id: str | None) -> None:
        self._tool_call_id = tool_call_id

    def record(self, value: Any) -> Any:
        kind = cast(type[Any], type(value))
        if value is None or kind in (str, bool, int, float):
            return value
        if kind is list:
            return [self.record(item) for item in value]
        if kind is tuple:
            return {TUPLE: [self.record(item) for item in value]}
        if kind is dict:
            return self._mapping(cast(Mapping[Any, Any], value))
        return self._object(value, kind)

    def _object(self, value: Any, kind: type[Any]) -> Any:
        if kind is Document:
            return {DOCUMENT: self._mapping(value.model_dump(exclude={"type"}))}
        if kind in CLASSES.values():
            return {MESSAGE: self._message(value)}
        named = (kind.__module__, kind.__name__)
        if named == ("langgraph.types", "Command"):
            return {COMMAND: self._fields(value, ("graph", "update", "resume", "goto"))}
        if named == ("langgraph.types", "Send"):
            return {SEND: self._fields(value, ("node", "arg"))}
        raise NotJson(kind.__name__)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        for name in value:
            if type(name) is not str or (len(value) == 1 and name in TAGS):
                raise NotJson(f"dict with the key {name!r}")
        return {name: self.record(item) for name, item in value.items()}

    def _message(self, message: BaseMessage) -> dict[str, Any]:
        """Return the fields of a message that say something."""
        fields = message.model_dump(exclude_defaults=True, exclude={"type"})
        if self._tool_call_id and fields.get("tool_call_id") == self._tool_call_id:
            del fields["tool_call_id"]
        return {"type": message.type, **{name: self.record(item) for name, item in fields.items()}}

    def _fields(self, value: Any, names: Sequence[str]) -> dict[str, Any]:
        found = {name: getattr(value, name) for name in names}
        return {k: self.record(v) for k, v in found.items() if v is not None and v != ()}


def _tagged(tag: str, inner: Any, tool_call_id: str | None) -> Any:
    if tag == TUPLE:
        return tuple(inner)
    if tag == DOCUMENT:
        return Document(**inner)
    if tag == MESSAGE:
        fields = {name: item for name, item in inner.items() if name != "type"}
        if inner["type"] == "tool":
            fields.setdefault("tool_call_id", tool_call_id)
        return CLASSES[inner["type"]](**fields)
    from langgraph.types import Command, Send

    if is_mapping(inner) and tag == SEND:
        return Send(inner["node"], inner.get("arg"))
    command: Command[Any] = Command(**inner)
    return command
