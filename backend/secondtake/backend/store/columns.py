"""Which column of which type each field of an event is.

One name has one type in every table, so that a segment can be read as one wide relation.
"""

from collections.abc import Iterator
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


def table_types(con: DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Return for each table that events fill its columns and their types, in order."""
    rows = con.execute(
        """
        SELECT table_name, column_name, data_type
        FROM duckdb_columns()
        WHERE list_contains(?, table_name) AND NOT internal
        ORDER BY table_name, column_index
        """,
        [list(EVENT_TABLES)],
    ).fetchall()
    types: dict[str, dict[str, str]] = {table: {} for table in EVENT_TABLES}
    for table, column, data_type in rows:
        types[table][column] = data_type
    return types


def union_types(types: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return every field of any event that has a column, with its type; `kind` comes first."""
    union = {"kind": "VARCHAR"}
    for kind, model in event_models():
        columns = types[TABLES[kind]]
        union |= {field: columns[field] for field in model.model_fields if field in columns}
    return union


def stored_columns(kind: str, types: dict[str, dict[str, str]]) -> list[str]:
    """Return the columns that an event of this kind fills."""
    model = dict(event_models())[kind]
    return [column for column in types[TABLES[kind]] if column in model.model_fields]


def quoted(columns: list[str], prefix: str = "") -> str:
    """Return the columns as a SQL list, quoted: some are named like keywords."""
    return ", ".join(f'{prefix}"{column}"' for column in columns)
