"""Reads many runs whole, one after the other, in as little memory as the largest of them takes.

Each run becomes one line of JSON, made in DuckDB: an object with the run's own row as `run` and the
rows of every other table by its name, each list in the order in which it happened. Columns have the
names that the tables have; money is text, times are ISO 8601 with `Z`, NULL is null.

Runs are taken in the order in which they were loaded, because rows that were loaded together lie
together. So many are read at once as fit into `GROUP_BYTES`; how large each is was asked before.
"""

from array import array
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.models.exports import EXPORT_TABLES, ExportedRun, ExportQuery
from secondtake.backend.store.columns import event_columns, quoted
from secondtake.backend.store.run_filter import conditions
from secondtake.backend.store.snapshot import snapshot

LINE_FORMAT: Final = "secondtake.run"
LINE_VERSION: Final = 1
RUNS_AT_ONCE: Final = 500
PLACES_AT_ONCE: Final = 10_000
GROUP_BYTES: Final = 8 << 20
"""So much text is read at once, or one run that has more."""

RUNS: Final = "runs"
RUN_MEMBER: Final = "run"
"""Under which a line has the row of `RUNS`."""

_IN_ORDER: Final = "seq NULLS LAST, recorded_at, rowid"
_TEXTS: Final = ("VARCHAR", "JSON")
_WANTED: Final = "SELECT rowid AS place, run_id FROM runs WHERE rowid IN (SELECT unnest($places))"


def export_runs(con: DuckDBPyConnection, query: ExportQuery) -> Generator[ExportedRun]:
    """Yield the runs that fit, as they all were when the first one was asked for.

    `con` is in a transaction from the first run to the last, and is used for nothing else.
    """
    with snapshot(con):
        reader = _Reader(con, query)
        places = _places(con, query)
        for start in range(0, len(places), RUNS_AT_ONCE):
            for group in reader.groups(places[start : start + RUNS_AT_ONCE]):
                for text in reader.lines(group):
                    yield ExportedRun(text, len(places))


class _Reader:
    """Knows the columns of the tables that are wanted."""

    def __init__(self, con: DuckDBPyConnection, query: ExportQuery) -> None:
        self._con = con
        types = event_columns(con).types
        wanted = [name for name in query.tables or EXPORT_TABLES if name != RUNS]
        self._sizes = _sizes_query({name: types[name] for name in (RUNS, *wanted)})
        self._rows = {name: _rows_query(name, types[name]) for name in wanted}
        self._runs = f"""
            SELECT rowid, {_object_of(types[RUNS])} FROM runs
            WHERE rowid IN (SELECT unnest($places))
        """

    def groups(self, places: Sequence[int]) -> Iterator[Sequence[int]]:
        """Yield runs by their places in groups of which each is small enough to be read at once."""
        try:
            sizes = self._asked(self._sizes, places)
        except duckdb.OutOfMemoryException:
            if len(places) == 1:
                raise
            half = len(places) // 2
            yield from self.groups(places[:half])
            yield from self.groups(places[half:])
            return
        start, total = 0, 0
        for number, place in enumerate(places):
            if number > start and total + sizes[place] > GROUP_BYTES:
                yield places[start:number]
                start, total = number, 0
            total += sizes[place]
        yield places[start:]

    def lines(self, places: Sequence[int]) -> Iterator[str]:
        """Yield the line of each run; of each the text is given away, not kept."""
        runs = self._asked(self._runs, places)
        rows = {name: self._asked(sql, places) for name, sql in self._rows.items()}
        for place in places:
            lists = [f',"{name}":[{found.pop(place, "")}]' for name, found in rows.items()]
            yield (
                f'{{"format":"{LINE_FORMAT}","version":{LINE_VERSION},'
                f'"{RUN_MEMBER}":{runs.pop(place)}'
                f"{''.join(lists)}}}"
            )

    def _asked(self, sql: str, places: Sequence[int]) -> dict[int, Any]:
        return dict(self._con.execute(sql, {"places": list(places)}).fetchall())


def _places(con: DuckDBPyConnection, query: ExportQuery) -> Sequence[int]:
    """Return the places in the table of the runs that fit: 8 bytes a run."""
    where, parameters = conditions(query)
    for number, (name, least) in enumerate(query.min_scores.items()):
        where += f" AND run_id IN ({_newest_at_least(number)})"
        parameters |= {f"score_{number}": name, f"least_{number}": least}
    con.execute(f"SELECT rowid FROM runs WHERE {where} ORDER BY rowid", parameters)
    places = array("q")
    while rows := con.fetchmany(PLACES_AT_ONCE):
        places.extend(place for (place,) in rows)
    return places


def _newest_at_least(number: int) -> str:
    """Return a query of the runs whose newest score, as lists of runs show it, is high enough."""
    return f"""
        SELECT run_id FROM evaluations
        WHERE span_id IS NULL AND name = $score_{number} AND score_value IS NOT NULL
        GROUP BY run_id
        HAVING last(score_value ORDER BY recorded_at NULLS FIRST, seq NULLS FIRST, evaluation_id)
            >= $least_{number}
    """


def _sizes_query(tables: Mapping[str, Mapping[str, str]]) -> str:
    """Return a query of how many bytes of text each run has in these tables."""
    each = " UNION ALL ".join(
        f"SELECT place, {_bytes_of(types)} AS size FROM {name} JOIN wanted USING (run_id)"
        for name, types in tables.items()
    )
    return f"""
        WITH wanted AS MATERIALIZED ({_WANTED})
        SELECT place, sum(size)::BIGINT FROM ({each}) GROUP BY place
    """


def _rows_query(name: str, types: Mapping[str, str]) -> str:
    """Return a query of a table: for each run its rows, as what stands in a JSON array."""
    return f"""
        SELECT place, string_agg({_object_of(types)}, ',' ORDER BY {_IN_ORDER})
        FROM (SELECT *, rowid FROM {name}) JOIN ({_WANTED}) USING (run_id)
        GROUP BY place
    """


def _bytes_of(types: Mapping[str, str]) -> str:
    texts = [name for name, kind in types.items() if kind in _TEXTS]
    return " + ".join(f"coalesce(strlen({quoted([name])}), 0)" for name in texts)


def _object_of(types: Mapping[str, str]) -> str:
    """Return the expression of a row as the text of a JSON object."""
    pairs = (f"'{name}': {_as_json(name, kind)}" for name, kind in types.items())
    return f"to_json({{{', '.join(pairs)}}})::VARCHAR"


def _as_json(name: str, kind: str) -> str:
    column = quoted([name])
    if kind == "TIMESTAMP":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"{column}::VARCHAR" if kind.startswith("DECIMAL") else column
