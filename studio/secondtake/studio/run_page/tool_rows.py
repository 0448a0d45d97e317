"""Tool calls as models asked for them, found among those that were executed. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from secondtake.backend.models.records import LlmCallRow, MessageRow, ToolCallRow


@dataclass(kw_only=True, slots=True)
class ToolUse:
    """A tool call: as the model asked for it, as it was executed, as it was answered."""

    key: str
    name: str | None
    asked: Any = None
    """The arguments as the model wrote them, mostly JSON text."""
    row: ToolCallRow | None = None
    answer: MessageRow | None = None


class ToolRows:
    """Finds the execution of a tool call that a model asked for."""

    def __init__(self, rows: Iterable[ToolCallRow]) -> None:
        self._rows = sorted(rows, key=lambda row: (row.seq is None, row.seq or 0))
        self._used: set[str] = set()
        self._by_id: dict[str, list[ToolCallRow]] = defaultdict(list)
        self._by_name: dict[str | None, list[ToolCallRow]] = defaultdict(list)
        for row in self._rows:
            if row.tool_call_id is not None:
                self._by_id[row.tool_call_id].append(row)
            else:
                self._by_name[row.tool].append(row)

    def take(self, asked: Any, message: MessageRow, place: int, *, is_news: bool) -> ToolUse:
        """Return a tool call with its execution, which no other one then has.

        Args:
            asked: the tool call in the message.
            message: that asks for it.
            place: in the message.
            is_news: an LLM call of this run produced the message; else it is history that was
                sent again, and shows what was executed without having it.
        """
        fields: dict[str, Any] = asked if isinstance(asked, dict) else {}
        function: Any = fields.get("function")
        function = function if isinstance(function, dict) else fields
        name, call_id = function.get("name"), fields.get("id")
        use = ToolUse(
            key=f"{message.message_id}-{place}",
            name=name if isinstance(name, str) else None,
            asked=function.get("arguments", fields.get("input")),
        )
        known = call_id if isinstance(call_id, str) else None
        rows = self._by_name.get(use.name, []) if known is None else self._by_id.get(known, [])
        use.row = self._fitting(rows, message, may_share=known is not None)
        if use.row is not None and is_news:
            self._used.add(use.row.span_id)
        return use

    def unused(self) -> list[ToolCallRow]:
        """Return the executions that no message asked for."""
        return [row for row in self._rows if row.span_id not in self._used]

    def _fitting(
        self, rows: Sequence[ToolCallRow], message: MessageRow, *, may_share: bool
    ) -> ToolCallRow | None:
        free = [row for row in rows if row.span_id not in self._used]
        after = [row for row in free if order_of(row) >= order_of(message)]
        here = [row for row in after if row.node_path == message.node_path]
        return next(iter(here or after or (rows if may_share else ())), None)


def order_of(row: MessageRow | LlmCallRow | ToolCallRow) -> float:
    """Return the place of a row in its run; unknown ones come last."""
    return float("inf") if row.seq is None else row.seq
