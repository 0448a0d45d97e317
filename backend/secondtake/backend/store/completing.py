"""Rows that two events complete: a start and an end, in any order, in one batch or in two.

A node's or a run's start makes the row, its end completes it. An end that comes first makes the
row and the start fills in what the end could not know. Any other event of a run that the store has
never seen makes a row with the status `running` and no name, so that nothing is invisible.
"""

from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import EventColumns, quoted
from secondtake.backend.store.totals import TOTALS

_EXTRA: Final = """
    CASE WHEN {0} IS NULL THEN {1} WHEN {1} IS NULL THEN {0} ELSE json_merge_patch({0}, {1}) END
"""


def kept(kind: str) -> str:
    """Return a subquery: the staged events of a kind that are no duplicates."""
    return f"(SELECT * FROM staged ANTI JOIN skipped USING (row_id) WHERE kind = '{kind}')"


def complete_nodes(con: DuckDBPyConnection, columns: EventColumns, *, any_known: bool) -> None:
    """Write the nodes of the batch; `any_known` when some run of it is stored already."""
    names = list(columns.types["node_timings"])
    starting = columns.stored("node_started")
    keys = ("run_id", "span_id")
    least = ("seq", "recorded_at")
    values = ", ".join(
        f'least(e."{column}", s."{column}") AS "{column}"'
        if column in least
        else f"{_EXTRA.format('s.extra', 'e.extra')} AS extra"
        if column == "extra"
        else f'coalesce(e."{column}", s."{column}") AS "{column}"'
        if column in starting
        else f'e."{column}"'
        for column in names
        if column not in keys
    )
    nodes = f"""
        SELECT coalesce(e.run_id, s.run_id) AS run_id, coalesce(e.span_id, s.span_id) AS span_id,
               {values}, e.run_id IS NOT NULL AS is_end, coalesce(s.row_id, e.row_id) AS row_id
        FROM {kept("node_finished")} e
        FULL JOIN {kept("node_started")} s ON s.run_id = e.run_id AND s.span_id = e.span_id
    """
    if not any_known:
        con.execute(
            f"""
            INSERT INTO node_timings ({quoted(names)})
            SELECT {quoted(names)} FROM ({nodes}) ORDER BY row_id
            """
        )
        return
    changes = ", ".join(
        f'"{column}" = least(t."{column}", b."{column}")'
        if column in least
        else f"extra = {_EXTRA.format('t.extra', 'b.extra')}"
        if column == "extra"
        else f'"{column}" = CASE WHEN b.is_end THEN coalesce(b."{column}", t."{column}") '
        f'ELSE coalesce(t."{column}", b."{column}") END'
        for column in names
        if column not in keys
    )
    con.execute(
        f"""
        MERGE INTO node_timings t
        USING (SELECT * FROM ({nodes}) ORDER BY row_id) b
        ON t.run_id = b.run_id AND t.span_id = b.span_id
        WHEN MATCHED THEN UPDATE SET {changes}
        WHEN NOT MATCHED THEN INSERT ({quoted(names)}) VALUES ({quoted(names, "b.")})
        """
    )


def insert_new_runs(con: DuckDBPyConnection, columns: EventColumns) -> None:
    """Write the runs that this batch is the first to speak of, totals and all."""
    special = {
        "run_id": "t.run_id",
        "source": "CASE WHEN s.run_id IS NOT NULL THEN coalesce(s.source, 'native') END",
        "writer_id": "coalesce(s.writer_id, t.first_writer_id)",
        "status": "coalesce(e.status, 'running')",
        "recorded_at": "coalesce(s.recorded_at, t.first_recorded_at)",
        "recording_faults": "CASE WHEN e.run_id IS NOT NULL THEN "
        "coalesce(e.recording_faults, 0) END",
        "extra": _EXTRA.format("s.extra", "e.extra"),
    }
    special |= {column: f"x.{column}" for column in TOTALS}
    starting = columns.stored("run_started")
    names = list(columns.types["runs"])
    values = ", ".join(
        special.get(column, f's."{column}"' if column in starting else f'e."{column}"')
        for column in names
    )
    con.execute(
        f"""
        INSERT INTO runs ({quoted(names)})
        SELECT {values}
        FROM touched t
        JOIN totals x ON x.run_id = t.run_id
        LEFT JOIN {kept("run_started")} s ON s.run_id = t.run_id
        LEFT JOIN {kept("run_finished")} e ON e.run_id = t.run_id
        WHERE NOT t.is_known
        ORDER BY t.first_row
        """
    )


def update_known_runs(con: DuckDBPyConnection, columns: EventColumns) -> None:
    """Complete the runs that were stored before: late starts, ends, and new totals."""
    special = {
        "source": "coalesce(b.source, 'native')",
        "writer_id": "coalesce(b.writer_id, r.writer_id)",
        "extra": _EXTRA.format("r.extra", "b.extra"),
    }
    _update_from(con, "run_started", columns.stored("run_started"), special)
    special = {
        "recording_faults": "coalesce(b.recording_faults, 0)",
        "extra": _EXTRA.format("r.extra", "b.extra"),
    }
    ending = [column for column in columns.stored("run_finished") if column != "recorded_at"]
    _update_from(con, "run_finished", ending, special)
    # A list cannot be changed in place: the whole row would be written again each time.
    plain = ", ".join(f"{column} = x.{column}" for column in TOTALS if column != "models")
    known = "FROM totals x WHERE x.is_known AND r.run_id = x.run_id"
    con.execute(f"UPDATE runs r SET {plain} {known}")
    con.execute(
        f"UPDATE runs r SET models = x.models {known} AND r.models IS DISTINCT FROM x.models"
    )


def _update_from(
    con: DuckDBPyConnection, kind: str, names: list[str], special: dict[str, str]
) -> None:
    changes = ", ".join(
        f'"{column}" = {special.get(column, f"b.{chr(34)}{column}{chr(34)}")}'
        for column in names
        if column != "run_id"
    )
    con.execute(
        f"""
        UPDATE runs r SET {changes}
        FROM {kept(kind)} b
        JOIN touched t ON t.run_id = b.run_id AND t.is_known
        WHERE r.run_id = b.run_id
        """
    )
