"""One SELECT over the tables."""

from duckdb import DuckDBPyConnection

from secondtake.backend.models.system import SqlQuery, SqlResult
from secondtake.backend.store import sql


def run_sql(con: DuckDBPyConnection, query: SqlQuery) -> SqlResult:
    """Return the rows of one SELECT over our tables and views.

    Raises:
        SqlRefusedError: the query is anything else.
        SqlFailedError: it has a mistake, or took too long.
    """
    return sql.run_sql(con, query.text, max_rows=query.max_rows, timeout_s=query.timeout_s)
