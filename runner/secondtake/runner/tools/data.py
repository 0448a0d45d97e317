"""The tools `json_query` and `csv_summary`: what is in a file of data, without reading it whole."""

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from secondtake.runner.errors import ToolError
from secondtake.runner.tools.files import MAX_CHARACTERS, FileTools
from secondtake.runner.tools.tables import number_of, read_json, read_table

MAX_EXPRESSION: Final = 1_000
DISTINCT_MAX: Final = 1_000
COMMON_SHOWN: Final = 5
SHOWN_CHARACTERS: Final = 80
TRUTHS: Final = frozenset({"true", "false", "yes", "no"})


class DataTools:
    """Looks into the data files that the file tools may read."""

    def __init__(self, files: FileTools) -> None:
        self._files = files

    def json_query(self, path: str, query: str) -> Any:
        """Take something out of a JSON file with a JMESPath expression.

        Args:
            path: The file, relative to the root of the files.
            query: A JMESPath expression, such as people[?age > `30`].name
        """
        import jmespath
        from jmespath.exceptions import JMESPathError

        if len(query) > MAX_EXPRESSION:
            raise ToolError(f"The query is longer than {MAX_EXPRESSION} characters; shorten it.")
        value = read_json(self._files, path)
        try:
            found = jmespath.search(query, value)
        except (JMESPathError, RecursionError, TypeError, ValueError) as error:
            raise ToolError(f"Not a JMESPath expression that fits: {error}") from None
        size = len(json.dumps(found, default=str))
        if size > MAX_CHARACTERS:
            raise ToolError(
                f"The answer has {size:,} characters, more than {MAX_CHARACTERS:,}; ask for less."
            )
        return found

    def csv_summary(self, path: str) -> dict[str, Any]:
        """Say what is in a table: its columns, their types, how many values are missing, ranges.

        Args:
            path: A CSV, TSV, JSON Lines or JSON file, relative to the root of the files.
        """
        with self._files.open_text(path) as file:
            table = read_table(self._files, file, path)
            columns = [_Column(name) for name in table.columns]
            rows = 0
            for row in table.rows:
                rows += 1
                for column, value in zip(columns, row, strict=True):
                    column.add(value)
        return {"rows": rows, "columns": [column.summary() for column in columns]}


class _Column:
    """What is known of a column after some rows: bounded, however many there are."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._missing = 0
        self._kinds: Counter[str] = Counter()
        self._sums: list[float] = []
        self._least: Any = None
        self._most: Any = None
        self._common: Counter[str] | None = Counter()

    def add(self, value: Any) -> None:
        if value is None:
            self._missing += 1
            return
        kind, read = _read(value)
        self._kinds[kind] += 1
        if kind in ("integer", "number"):
            self._sums.append(read)
            if len(self._sums) == 10_000:
                self._sums = [math.fsum(self._sums)]
        if kind in ("integer", "number", "date"):
            self._least = read if self._least is None else _before(self._least, read, min)
            self._most = read if self._most is None else _before(self._most, read, max)
        if self._common is not None:
            self._common[str(value)[:SHOWN_CHARACTERS]] += 1
            if len(self._common) > DISTINCT_MAX:
                self._common = None

    def summary(self) -> dict[str, Any]:
        count = self._kinds.total()
        kind = self._kind()
        told: dict[str, Any] = {"name": self._name, "type": kind, "missing": self._missing}
        told["distinct"] = len(self._common) if self._common is not None else f"> {DISTINCT_MAX}"
        if kind in ("integer", "number", "date"):
            told |= {"min": _shown(self._least), "max": _shown(self._most)}
        if kind in ("integer", "number"):
            told["mean"] = math.fsum(self._sums) / count
        if self._common and (kind in ("text", "boolean", "mixed") or len(self._common) <= 10):
            told["most_common"] = [list(item) for item in self._common.most_common(COMMON_SHOWN)]
        return told

    def _kind(self) -> str:
        kinds = set(self._kinds)
        if not kinds:
            return "empty"
        if kinds <= {"integer", "number"}:
            return "integer" if kinds == {"integer"} else "number"
        return kinds.pop() if len(kinds) == 1 else "mixed"


def _read(value: Any) -> tuple[str, Any]:
    """Return what kind of value it is, and the value as that kind."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, int | float):
        return ("integer" if isinstance(value, int) else "number"), value
    if not isinstance(value, str):
        return "other", value
    text = value.strip()
    if text.lower() in TRUTHS:
        return "boolean", text
    number = number_of(text)
    if number is not None:
        return ("integer" if isinstance(number, int) else "number"), number
    try:
        return "date", _date(text)
    except ValueError:
        return "text", value


def _date(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=None) if found.tzinfo is None else found


def _before(one: Any, other: Any, choose: Callable[[Any, Any], Any]) -> Any:
    try:
        return choose(one, other)
    except TypeError:
        return one  # a number and a date, or times with and without a zone: the type is `mixed`


def _shown(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value
