"""The services in this process: opens the store for each request, and loads what is pending."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.importers.frame import ImportReport, Progress
from secondtake.backend.models.runs import (
    RunDetail,
    RunPage,
    RunQuery,
    SpanTree,
    StateAt,
    StateQuery,
)
from secondtake.backend.models.system import (
    Configuration,
    Health,
    LoadResult,
    SqlQuery,
    SqlResult,
)
from secondtake.backend.services import config, doctor, imports, load, runs, sql, state
from secondtake.backend.store.connection import open_store
from secondtake.runner.settings import Settings


class LocalBackend:
    """One method for each service. Holds the store only while a method runs."""

    def __init__(
        self, settings: Settings, *, on_load: Callable[[LoadResult], None] | None = None
    ) -> None:
        self.settings = settings
        self._on_load = on_load
        """Is told of every load, so that what was rejected does not pass in silence."""

    def load(self) -> LoadResult:
        """Load what is in the journal."""
        with self._connection() as con:
            return self._load(con)

    def list_runs(self, query: RunQuery) -> RunPage:
        """Return the runs that fit the query, newest first."""
        with self._store() as con:
            return runs.list_runs(con, query)

    def resolve_run(self, name: str) -> UUID:
        """Return the run that an id, a prefix or `last` means."""
        with self._store() as con:
            return runs.resolve_run(con, name)

    def get_run(self, name: str) -> RunDetail:
        """Return a run and every row of it."""
        with self._store() as con:
            return runs.get_run(con, name)

    def run_spans(self, name: str) -> SpanTree:
        """Return the spans of a run as a tree."""
        with self._store() as con:
            return runs.run_spans(con, name)

    def fold_state(self, query: StateQuery) -> StateAt:
        """Return the state of a run at its end, or after a step."""
        with self._store() as con:
            return state.fold_state(con, query)

    def run_sql(self, query: SqlQuery) -> SqlResult:
        """Return the rows of one SELECT."""
        with self._store() as con:
            return sql.run_sql(con, query)

    def import_files(
        self, format_name: str, paths: Sequence[Path], *, progress: Progress | None = None
    ) -> ImportReport:
        """Import recorded runs of another program."""
        with self._store() as con:
            return imports.import_runs(con, self.settings, format_name, paths, progress=progress)

    def doctor(self) -> Health:
        """Run every check."""
        return doctor.doctor(self.settings, self._store)

    def describe_settings(self) -> Configuration:
        """Return each setting with its value and origin."""
        return config.describe_settings(self.settings)

    @contextmanager
    def _store(self) -> Generator[DuckDBPyConnection]:
        """Open the store with everything in it that is in the journal."""
        with self._connection() as con:
            self._load(con)
            yield con

    def _load(self, con: DuckDBPyConnection) -> LoadResult:
        result = load.load(con, self.settings)
        if self._on_load is not None:
            self._on_load(result)
        return result

    @contextmanager
    def _connection(self) -> Generator[DuckDBPyConnection]:
        con = open_store(self.settings.home)
        try:
            yield con
        finally:
            con.close()
