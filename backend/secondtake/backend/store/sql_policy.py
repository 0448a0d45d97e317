"""What a user's query may contain: decided on DuckDB's own syntax tree, before it runs.

Tables are allowed by name, everything else that can stand behind FROM by kind. Functions are
allowed but for those below: DuckDB has some 600, nearly all of them arithmetic on their
arguments, and a query that is refused for `list_cosine_distance` helps nobody. Those that reach
beyond their arguments are few and known (a test goes through all that DuckDB has). The connection
itself is the second wall: no file, no network, no settings.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from duckdb import DuckDBPyConnection, Error

from secondtake.backend.errors import SqlRefusedError
from secondtake.runner.narrow import is_list, is_object

TABLES: Final = frozenset(
    {
        "alerts", "ambient_reads", "annotations", "budgets", "cases", "cost_rollup", "datasets",
        "diffs", "evaluations", "experiments", "llm_calls", "loaded_segments", "memory_snapshots",
        "messages", "mirror_outbox", "node_timings", "prices", "prompts", "replays", "runs",
        "schema_migrations", "spans", "tool_calls", "tool_definitions", "variants",
    }
)  # fmt: skip
"""The tables and views that a query may name."""

TABLE_FUNCTIONS: Final = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
"""They see their arguments and nothing else."""

FORBIDDEN_FUNCTIONS: Final = frozenset(
    {
        # settings, variables, the environment, what else runs here
        "current_setting", "getenv", "getvariable", "current_query", "current_query_id",
        "current_connection_id", "current_transaction_id", "txid_current", "in_search_path",
        "get_block_size", "version",
        # another query inside the query, or its plan
        "query", "query_table", "json_serialize_sql", "json_serialize_plan",
        "json_deserialize_sql", "json_execute_serialized_sql",
        # state that outlives the query
        "nextval", "currval", "setseed", "write_log",
        # time without work
        "sleep", "sleep_ms",
        # the catalog
        "format_type", "col_description", "obj_description", "shobj_description", "has_any_column_privilege",
        # storage and internals of the engine
        "stats", "vector_type", "parse_duckdb_log_message",
    }
)  # fmt: skip
"""Functions that reach beyond their arguments."""

FORBIDDEN_PREFIXES: Final = re.compile(
    r"read_|write_|pg_|duckdb_|pragma_|parquet_|__internal|sniff_|has_\w+_privilege|inet_"
)

_SCHEMAS: Final = ("", "main")
_HARMLESS_SOURCES: Final = frozenset(
    {"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SUBQUERY", "TABLE_FUNCTION"}
)
"""Kinds of table references; these are looked into, any other is refused."""

TEXT_LENGTH_MAX: Final = 100_000
_UNREADABLE: Final = re.compile("[\x00\ud800-\udfff]")

Names = frozenset[str]
"""Common table expressions that are in scope."""


def check_query(con: DuckDBPyConnection, text: str) -> None:
    """Return when `text` is one SELECT over our tables.

    Raises:
        SqlRefusedError: it is not; the text says why, and what to write instead.
    """
    statements = _parse(con, text)
    if len(statements) != 1:
        found = "nothing" if not statements else f"{len(statements)} statements"
        raise SqlRefusedError(f"The query holds {found}; write exactly one SELECT.")
    for part, in_scope in _walk(statements[0]):
        _check_part(part, in_scope)


def _parse(con: DuckDBPyConnection, text: str) -> list[Any]:
    if len(text) > TEXT_LENGTH_MAX:
        raise SqlRefusedError(
            f"The query has {len(text):,} characters; write one of at most {TEXT_LENGTH_MAX:,}."
        )
    if not text.isprintable() and _UNREADABLE.search(text):
        raise SqlRefusedError("The query holds characters that are no text; take them out.")
    try:
        row = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()
        tree: dict[str, Any] = json.loads(row[0]) if row else {}
    except (Error, RecursionError) as error:
        raise SqlRefusedError(
            f"The query cannot be read ({_first_line(error)}); write a simpler SELECT."
        ) from error
    if not tree.get("error"):
        return list(tree["statements"])
    if tree.get("error_type") == "parser":
        raise SqlRefusedError(
            f"The query cannot be read: {_first_line(tree['error_message'])}; correct it."
        )
    raise SqlRefusedError("Only a SELECT may be run here; write one, without parameters.")


def _walk(statement: Any) -> Iterator[tuple[Mapping[str, Any], Names]]:
    """Yield every object of the tree with the common table expressions that it can see.

    A loop and not a recursion: how deep the tree is is up to the user.
    """
    waiting: list[tuple[Any, Names]] = [(statement, frozenset())]
    while waiting:
        part, in_scope = waiting.pop()
        if is_list(part):
            waiting.extend((item, in_scope) for item in part)
        elif is_object(part):
            yield part, in_scope
            waiting.extend(_parts_of(part, in_scope))


def _parts_of(part: dict[str, Any], in_scope: Names) -> Iterator[tuple[Any, Names]]:
    inner = in_scope
    expressions: dict[str, list[dict[str, Any]]] = part.get("cte_map") or {}
    for entry in expressions.get("map", []):
        # A common table expression sees those before it, and itself only when it is recursive.
        yield entry["value"], inner
        inner |= {entry["key"].lower()}
    if part.get("type") == "RECURSIVE_CTE_NODE":
        inner |= {part["cte_name"].lower()}
    for key, value in part.items():
        if key != "cte_map":
            yield value, inner


def _check_part(part: Mapping[str, Any], in_scope: Names) -> None:
    if "function_name" in part:
        _check_function(part["function_name"])
    if part.get("class") == "PARAMETER":
        raise SqlRefusedError("The query has a parameter (`?` or `$`); write the value itself.")
    # Expressions have a class, queries a map of their common table expressions.
    if "query_location" in part and "class" not in part and "cte_map" not in part:
        _check_source(part, in_scope)


def _check_function(name: str) -> None:
    if name.lower() in FORBIDDEN_FUNCTIONS or FORBIDDEN_PREFIXES.match(name.lower()):
        raise SqlRefusedError(
            f"The function {name!r} may not be used here, it reaches beyond the tables; "
            "leave it out."
        )


def _check_source(part: Mapping[str, Any], in_scope: Names) -> None:
    kind = part["type"]
    if kind == "TABLE_FUNCTION":
        name = str(part["function"].get("function_name"))
        if name.lower() not in TABLE_FUNCTIONS:
            raise SqlRefusedError(
                f"The table function {name!r} may not be used here; read from {_our_tables()}."
            )
    elif kind == "BASE_TABLE":
        _check_table(part, in_scope)
    elif kind == "SHOW_REF":
        raise SqlRefusedError(
            "DESCRIBE, SHOW and SUMMARIZE may not be used here; "
            "`select * from runs limit 0` shows the columns of a table."
        )
    elif kind not in _HARMLESS_SOURCES:
        raise SqlRefusedError(f"{kind} may not be used here; read from {_our_tables()}.")


def _check_table(part: Mapping[str, Any], in_scope: Names) -> None:
    name, schema, catalog = (
        str(part[key] or "") for key in ("table_name", "schema_name", "catalog_name")
    )
    if not schema and not catalog and name.lower() in in_scope:
        return
    if name.lower() not in TABLES or schema.lower() not in _SCHEMAS or catalog:
        full = ".".join(piece for piece in (catalog, schema, name) if piece)
        raise SqlRefusedError(f"There is no table {full!r} to read; there are {_our_tables()}.")


def _our_tables() -> str:
    return ", ".join(sorted(TABLES))


def _first_line(error: object) -> str:
    return (str(error).splitlines() or [""])[0]
