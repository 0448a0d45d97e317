"""Tables out of files: rows of CSV, TSV, JSON Lines or a JSON list, read as a stream."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Final

from secondtake.runner.errors import ToolError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.tools.files import FileTools

MAX_TABLE_BYTES: Final = 100_000_000
MAX_JSON_BYTES: Final = 16_000_000
MAX_COLUMNS: Final = 500
MAX_CELL_CHARACTERS: Final = 1_000_000
SNIFF_CHARACTERS: Final = 20_000
DELIMITERS: Final = ",;\t|"

# With leading noughts it is a code, with more digits an id: neither is a number.
_INTEGER: Final = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})", re.ASCII)
_NUMBER: Final = re.compile(
    r"[+-]?(?:(?:0|[1-9]\d{0,29})(?:\.\d{1,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,2})?", re.ASCII
)


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns, and rows with one value each; None is a missing one."""

    columns: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


def read_json(files: FileTools, path: str) -> Any:
    """Return the value that a JSON file holds.

    Raises:
        ToolError: it is outside the root, too large, or no JSON.
    """
    with files.open_text(path) as file:
        data = file.read(MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ToolError(f"{path!r} is larger than {MAX_JSON_BYTES // 1_000_000} MB of JSON.")
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ToolError(f"{path!r} is no JSON: {error.msg} at {where}.") from None
    except (UnicodeDecodeError, RecursionError):
        raise ToolError(f"{path!r} is no JSON that can be read.") from None


def read_table(files: FileTools, file: BinaryIO, path: str) -> Table:
    """Return the table that an open text file holds, by the end of its name.

    Raises:
        ToolError: it is none; also while the rows are read.
    """
    name = path.lower()
    if name.endswith(".json"):
        return _objects(iter(_list_of(read_json(files, path), path)), path)
    if name.endswith((".jsonl", ".ndjson")):
        return _objects(_json_lines(file, path), path)
    return _csv(file, path)


def number_of(text: str) -> int | float | None:
    """Return the number that a cell of text is; None when it is none."""
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else None


def _csv(file: BinaryIO, path: str) -> Table:
    lines = _lines(file, path)
    head: list[str] = []
    for line in lines:
        head.append(line)
        if sum(map(len, head)) > SNIFF_CHARACTERS:
            break
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = csv.reader(chain(head, lines), delimiter=_delimiter(head))
    try:
        columns = next(reader, None)
    except csv.Error as error:
        raise ToolError(f"{path!r} cannot be read as a table: {error}.") from None
    if not columns:
        raise ToolError(f"{path!r} is empty; there is no table in it.")
    named = _unique([column.strip().removeprefix("\ufeff") for column in columns], path)
    return Table(columns=named, rows=_cells(reader, len(named), path))


def _cells(reader: Iterator[list[str]], width: int, path: str) -> Iterator[Sequence[Any]]:
    try:
        for number, row in enumerate(reader, start=1):
            if not row:
                continue
            if len(row) > width:
                raise ToolError(
                    f"{path!r}: row {number} has {len(row)} cells, and there are {width} columns."
                )
            cells: list[Any] = [cell if cell != "" else None for cell in row]
            yield cells + [None] * (width - len(row))
    except csv.Error as error:
        raise ToolError(f"{path!r} cannot be read as a table: {error}.") from None


def _objects(items: Iterator[Any], path: str) -> Table:
    """Return objects as rows; the columns are those of the first hundred."""
    head = [item for _, item in zip(range(100), items, strict=False)]
    columns: dict[str, None] = {}
    for item in head:
        if not is_object(item):
            raise ToolError(f"{path!r} holds something else than objects; there is no table in it.")
        columns |= dict.fromkeys(str(key) for key in item)
    if not columns:
        raise ToolError(f"{path!r} is empty; there is no table in it.")
    named = _unique(list(columns), path)

    def rows() -> Iterator[Sequence[Any]]:
        for number, item in enumerate(chain(head, items), start=1):
            if not is_object(item):
                raise ToolError(f"{path!r}: row {number} is no object.")
            extra = set(item) - columns.keys()
            if extra:
                raise ToolError(
                    f"{path!r}: row {number} has what the first 100 have not: {min(extra)!r}."
                )
            yield [item.get(name) for name in columns]

    return Table(columns=named, rows=rows())


def _list_of(value: Any, path: str) -> list[Any]:
    if not is_list(value):
        raise ToolError(f"{path!r} is no list of objects; json_query can take a list out of it.")
    return value


def _json_lines(file: BinaryIO, path: str) -> Iterator[Any]:
    for number, line in enumerate(_lines(file, path), start=1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            raise ToolError(f"{path!r}: line {number} is no JSON.") from None


def _lines(file: BinaryIO, path: str) -> Iterator[str]:
    left = MAX_TABLE_BYTES
    while line := file.readline(MAX_CELL_CHARACTERS):
        left -= len(line)
        if left < 0:
            raise ToolError(f"{path!r} is larger than {MAX_TABLE_BYTES // 1_000_000} MB.")
        yield line.decode("utf-8", errors="replace")


def _delimiter(head: Sequence[str]) -> str:
    try:
        return csv.Sniffer().sniff("".join(head), delimiters=DELIMITERS).delimiter
    except csv.Error:
        return ","


def _unique(columns: Sequence[str], path: str) -> tuple[str, ...]:
    """Return names that are all there and differ; databases compare them without case."""
    if len(columns) > MAX_COLUMNS:
        raise ToolError(f"{path!r} has {len(columns)} columns, more than {MAX_COLUMNS}.")
    names: dict[str, str] = {}
    for number, column in enumerate(columns, start=1):
        name = base = column or f"column_{number}"
        count = 1
        while name.casefold() in names:
            count += 1
            name = f"{base}_{count}"
        names[name.casefold()] = name
    return tuple(names.values())
