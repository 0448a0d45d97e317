"""Values that may be long: how each is cut, and any piece of one.

A value is cut inside of DuckDB, so a text of 10 MB costs what is asked for and not what it weighs.
Texts and JSON are cut where the one who asks says so. A JSON string is a text; any other JSON value
is cut as it is written. Names are cut after `NAME_CHARS`, whoever asks. So are ids, but these end in
a digest: other rows refer to them, and two of them must not become one. Counted in characters.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal
from uuid import UUID

from duckdb import DuckDBPyConnection
from pydantic import BaseModel

from secondtake.backend.models.records import (
    EvaluationRow,
    LlmCallRow,
    MemoryRow,
    MessageRow,
    NodeTiming,
    ToolCallRow,
    ToolDefinitionsRow,
)
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.store.rows import fetch

Kind = Literal["TEXT", "JSON", "NAME", "ID", "LIST", "MAP"]
"""TEXT, NAME and ID are VARCHAR; LIST is VARCHAR[], MAP is MAP(VARCHAR, VARCHAR)."""

NAME_CHARS: Final = 300
ITEMS: Final = 100
"""So many entries of a list or a map are kept when it is cut."""
OFFSET_MAX: Final = 2**31
"""Beyond it DuckDB refuses to look; no value is as long."""

_DIGEST_CHARS: Final = 16
_CONTENT: Final = (
    "content", "error_message", "error_traceback", "label", "reason", "replayable_reason",
    "tool_call_id",
)  # fmt: skip
"""VARCHARs that hold what somebody wrote. Some providers put whole thoughts into `tool_call_id`."""
_IDS: Final = ("span_id", "parent_span_id", "tools_hash", "key")
_MADE: Final = ("short_id", "inputs_preview", "output_preview", "current_node", "question")
"""Fields of a run that are no columns."""


@dataclass(frozen=True, kw_only=True)
class LongTexts:
    """Where the values of one kind of row are that may be long."""

    table: str
    key: str | None
    """The column that tells a run's rows apart; None when a run has one."""
    fields: Mapping[str, Kind]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A piece of a value."""

    text: str
    total_chars: int


def _fields(model: type[BaseModel], *, without: Collection[str] = ()) -> dict[str, Kind]:
    """Return the columns of a row model that may be long; what somebody wrote first."""
    found: dict[str, Kind] = {}
    for name, info in model.model_fields.items():
        kind = _kind(name, info.annotation)
        if kind is not None and name not in without:
            found[name] = kind
    return dict(sorted(found.items(), key=lambda each: ("TEXT", "JSON").count(each[1]) == 0))


def _kind(name: str, annotation: Any) -> Kind | None:
    if annotation is Any:
        return "JSON"
    if annotation in (str, str | None):
        return "TEXT" if name in _CONTENT else "ID" if name in _IDS else "NAME"
    if annotation == list[str] | None:
        return "LIST"
    return "MAP" if annotation == dict[str, str] | None else None


LONG_TEXTS: Final[dict[str, LongTexts]] = {
    "runs": LongTexts(table="runs", key=None, fields=_fields(RunFacts, without=_MADE)),
    "messages": LongTexts(table="messages", key="message_id", fields=_fields(MessageRow)),
    "llm_calls": LongTexts(table="llm_calls", key="span_id", fields=_fields(LlmCallRow)),
    "tool_calls": LongTexts(table="tool_calls", key="span_id", fields=_fields(ToolCallRow)),
    "node_timings": LongTexts(table="node_timings", key="span_id", fields=_fields(NodeTiming)),
    "memory": LongTexts(table="memory_snapshots", key="seq", fields=_fields(MemoryRow)),
    "evaluations": LongTexts(
        table="evaluations", key="evaluation_id", fields=_fields(EvaluationRow)
    ),
    "tool_definitions": LongTexts(
        table="tool_definitions", key="tools_hash", fields=_fields(ToolDefinitionsRow)
    ),
}
"""By the names that `TextQuery` has."""


def may_be_long(name: str, kind: Kind, max_chars: int) -> str:
    """Return a test for values that may have to be cut: by bytes, which need no counting."""
    return f"{bytes_of(name, kind)} > {_limit(kind, max_chars)}"


def bytes_of(name: str, kind: Kind) -> str:
    """Return how many bytes a value has."""
    return f"strlen({_written(name, kind)})"


def cut(name: str, kind: Kind, max_chars: int) -> str:
    """Return a value, or its beginning."""
    return f"CASE WHEN {_is_long(name, kind, max_chars)} THEN {_beginning(name, kind, max_chars)} "\
        f"ELSE {name} END"  # fmt: skip


def whole_length(name: str, kind: Kind, max_chars: int) -> str:
    """Return how long a value is that was cut, NULL when it was not."""
    return f"CASE WHEN {_is_long(name, kind, max_chars)} THEN length({_text_of(name, kind)}) END"


def short_name(name: str) -> str:
    """Return the beginning of a name."""
    return f"left({name}, {NAME_CHARS})"


def short_id(name: str) -> str:
    """Return an id, or when it is long its beginning and what tells it from others."""
    return cut(name, "ID", NAME_CHARS)


def read_piece(
    con: DuckDBPyConnection,
    run_id: UUID,
    *,
    rows: str,
    row: str,
    field: str,
    offset: int,
    limit: int,
) -> Piece | None:
    """Return a piece of a value; None when there is no such row, or nothing in the field.

    Args:
        con: the store.
        run_id: the run.
        rows: a name of `LONG_TEXTS`.
        row: the value of its key, as text; an id also as it was cut.
        field: one of its fields.
        offset: in characters.
        limit: in characters.
    """
    place = LONG_TEXTS[rows]
    found = fetch(
        con,
        f"""
        SELECT substring(whole, $first, $limit) AS text, length(whole) AS total_chars
        FROM (
            SELECT {_text_of(field, place.fields[field])} AS whole
            FROM {place.table}
            WHERE run_id = $run_id AND ({" OR ".join(_same_row(place))}) AND {field} IS NOT NULL
            LIMIT 1
        )
        """,
        {"run_id": run_id, "row": row, "first": min(offset, OFFSET_MAX) + 1, "limit": limit},
    )
    return Piece(**found[0]) if found else None


def _same_row(place: LongTexts) -> Iterator[str]:
    if place.key is None:
        yield "$row IS NOT NULL"
        return
    yield f"{place.key}::VARCHAR = $row"
    if place.key in _IDS:
        yield f"{short_id(place.key)} = $row"


def _limit(kind: Kind, max_chars: int) -> int:
    return int(max_chars) if kind in ("TEXT", "JSON") else NAME_CHARS


def _written(name: str, kind: Kind) -> str:
    """Return a value as text, quotes and all."""
    if kind == "JSON":
        return f"{name}::VARCHAR"
    return name if kind in ("TEXT", "NAME", "ID") else f"to_json({name})::VARCHAR"


def _text_of(name: str, kind: Kind) -> str:
    written = _written(name, kind)
    if kind != "JSON":
        return written
    # The recorder writes no blank before a value.
    return f"CASE WHEN starts_with({written}, '\"') THEN {name}->>'$' ELSE {written} END"


def _is_long(name: str, kind: Kind, max_chars: int) -> str:
    # Bytes first: they are known, characters must be counted.
    may_be = may_be_long(name, kind, max_chars)
    return f"{may_be} AND length({_text_of(name, kind)}) > {_limit(kind, max_chars)}"


def _beginning(name: str, kind: Kind, max_chars: int) -> str:
    if kind == "JSON":
        return f"to_json(left({_text_of(name, kind)}, {int(max_chars)}))"
    if kind == "ID":
        kept = NAME_CHARS - _DIGEST_CHARS - 1
        return f"left({name}, {kept}) || '~' || left(md5({name}), {_DIGEST_CHARS})"
    if kind == "LIST":
        return f"list_transform({name}[:{ITEMS}], lambda item: {short_name('item')})"
    if kind == "MAP":
        pair = f"{{'key': {short_id('e.key')}, 'value': {short_name('e.value')}}}"
        entries = f"list_transform(map_entries({name})[:{ITEMS}], lambda e: {pair})"
        return f"map_from_entries({entries})"
    return f"left({name}, {_limit(kind, max_chars)})"
