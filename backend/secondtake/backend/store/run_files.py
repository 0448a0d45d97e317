"""Writes the rows of one run as Parquet files, for programs that are none of ours."""

from pathlib import Path
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.store.columns import EVENT_TABLES


def set_status(con: DuckDBPyConnection, run_id: UUID, status: str) -> None:
    """Say how a run without an end stands; only the machine that recorded it can know."""
    con.execute("UPDATE runs SET status = ? WHERE run_id = ?", [status, run_id])


def write_run_tables(con: DuckDBPyConnection, run_id: UUID, folder: Path) -> list[Path]:
    """Write each table that events fill, with the rows of one run, as `<table>.parquet`.

    Args:
        con: the store.
        run_id: the run.
        folder: an existing folder in the home of the store: DuckDB writes nowhere else.

    Returns:
        The files, one a table, also where the run has no row.
    """
    files = [folder / f"{table}.parquet" for table in EVENT_TABLES]
    for table, path in zip(EVENT_TABLES, files, strict=True):
        target = str(path).replace("'", "''")
        con.execute(
            f"""
            COPY (SELECT * FROM {table} WHERE run_id = '{run_id}' ORDER BY rowid)
            TO '{target}' (FORMAT parquet, COMPRESSION zstd)
            """
        )
    return files
