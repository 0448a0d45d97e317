"""Many runs whole, one after the other."""

from collections.abc import Generator

from duckdb import DuckDBPyConnection

from secondtake.backend.models.exports import ExportedRun, ExportQuery
from secondtake.backend.store import exporting


def export_runs(con: DuckDBPyConnection, query: ExportQuery) -> Generator[ExportedRun]:
    """Yield the runs that fit, each as one line of JSON, in the order in which they were loaded.

    They are as they were when the first one was asked for. The connection is used for nothing else
    until the last one is there, or the iterator is closed.
    """
    return exporting.export_runs(con, query)
