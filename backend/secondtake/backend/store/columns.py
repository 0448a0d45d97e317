"""Which column of which type each field of an event is.

One name has one type in every table, so that a segment can be read as one wide relation.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from duckdb import DuckDBPyConnection
from pydantic import BaseModel

from secondtake.runner.events import TABLES, Event

EVENT_TABLES: Final = tuple(dict.fromkeys(TABLES.values()))
"""The tables that events fill, each once."""


def event_models() -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield every kind of event with its model."""
    for model in get_args(get_args(Event)[0]):
        yield model.model_fields["kind"].default, model


@dataclass(frozen=True, kw_only=True)
class EventColumns:
    """The columns of the tables that events fill."""

    types: Mapping[str, Mapping[str, str]]
    """For each table its columns and their types, in order."""
    required: Mapping[str, Sequence[str]]
    """For each table the columns that are never NULL."""

    def union(self) -> dict[str, str]:
        """Return every field of any event that has a column, with its type; `kind` first."""
        union = {"kind": "VARCHAR"}
        for kind, model in event_models():
            columns = self.types[TABLES[kind]]
            union |= {field: columns[field] for field in model.model_fields if field in columns}
        return union

    def stored(self, kind: str) -> list[str]:
        """Return the columns that an event of this kind fills."""
        fields = dict(event_models())[kind].model_fields
        return [column for column in self.types[TABLES[kind]] if column in fields]


def event_columns(con: DuckDBPyConnection) -> EventColumns:
    """Look up the columns in the database."""
    rows = con.execute(
        """
        SELECT table_name, column_name, data_type, is_nullable
        FROM duckdb_columns()
        WHERE list_contains(?, table_name) AND NOT internal
        ORDER BY table_name, column_index
        """,
        [list(EVENT_TABLES)],
    ).fetchall()
    types: dict[str, dict[str, str]] = {table: {} for table in EVENT_TABLES}
    required: dict[str, list[str]] = {table: [] for table in EVENT_TABLES}
    for table, column, data_type, is_nullable in rows:
        types[table][column] = data_type
        if not is_nullable:
            required[table].append(column)
    return EventColumns(types=types, required=required)


def quoted(columns: Iterable[str], prefix: str = "") -> str:
    """Return the columns as a SQL list, quoted: some are named like keywords."""
    return ", ".join(f'{prefix}"{column}"' for column in columns)
