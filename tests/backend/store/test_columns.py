"""One name has one type everywhere, so that a segment can be read as one wide relation."""

from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import event_columns, event_models
from secondtake.runner.events import TABLES

NOT_STORED = {("run_started", "seq"), ("run_finished", "seq")}
"""A run is no event among others: its row has no place in itself."""


def test_every_field_of_every_event_has_a_column(con: DuckDBPyConnection) -> None:
    columns = event_columns(con)
    without = {
        (kind, field)
        for kind, model in event_models()
        for field in model.model_fields
        if field != "kind" and field not in columns.types[TABLES[kind]]
    }
    assert without == NOT_STORED


def test_a_name_has_the_same_type_in_every_table(con: DuckDBPyConnection) -> None:
    columns = event_columns(con)
    types: dict[str, set[str]] = {}
    for kind, model in event_models():
        for field in model.model_fields:
            if field in columns.types[TABLES[kind]]:
                types.setdefault(field, set()).add(columns.types[TABLES[kind]][field])
    assert {name: found for name, found in types.items() if len(found) > 1} == {}
    assert {name: {kind} for name, kind in columns.union().items() if name != "kind"} == types


def test_the_union_has_the_types_that_the_fields_promise(con: DuckDBPyConnection) -> None:
    union = event_columns(con).union()
    assert union["kind"] == "VARCHAR"
    assert union["run_id"] == "UUID"
    assert union["input_tokens"] == "BIGINT"
    assert union["cost_usd"] == "DECIMAL(18,9)"
    assert union["started_at"] == "TIMESTAMP"
    assert union["tags"] == "MAP(VARCHAR, VARCHAR)"
    assert union["extra"] == "JSON"
    assert union["output_message_ids"] == "UUID[]"


def test_every_kind_of_event_has_a_table(con: DuckDBPyConnection) -> None:
    assert {kind for kind, _ in event_models()} == set(TABLES)
    assert all(event_columns(con).types.values())
