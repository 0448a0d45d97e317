"""Reads the line of one run: its row, the rows of its tables, and conversations among them.

    {"format": "secondtake.run", "version": 1, "run": {...}, "messages": [{...}, ...], ...}

Every list has the name of its table, every member that of a column; docs/reference/tables.md says
what they mean. Money is text, times are ISO 8601 in UTC, null is unknown.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from uuid import UUID

Row = Mapping[str, Any]


class RunRows:
    """One run as its line has it."""

    def __init__(self, line: str) -> None:
        """Read a line; tables that were not exported are empty."""
        # json and not orjson: the latter turns integers beyond 64 bits into floats.
        self._members: dict[str, Any] = json.loads(line)

    @property
    def run(self) -> Row:
        """The row of the run itself."""
        row: Row = self._members["run"]
        return row

    @property
    def run_id(self) -> UUID:
        """Its id."""
        return UUID(self.run["run_id"])

    def rows(self, table: str) -> list[Row]:
        """Return the rows of a table, in the order in which they happened."""
        rows: list[Row] = self._members.get(table, [])
        return rows

    @cached_property
    def messages(self) -> Mapping[str, Row]:
        """Every chat turn by its id."""
        return {row["message_id"]: row for row in self.rows("messages")}

    @cached_property
    def tools(self) -> Mapping[str, Any]:
        """The tool definitions that were offered, by `tools_hash`."""
        return {row["tools_hash"]: row["definitions"] for row in self.rows("tool_definitions")}

    def turns_back(self, message_id: str | None) -> Iterator[Row]:
        """Yield the turns from this one to the first one, as far as they were recorded."""
        row = self.messages.get(message_id or "")
        while row is not None:
            yield row
            row = self.messages.get(row["parent_id"] or "")


def content_of(message: Row) -> Any:
    """Return the content of a turn as it was sent: a text, or a list of parts."""
    return message["content"] if message["parts"] is None else message["parts"]
