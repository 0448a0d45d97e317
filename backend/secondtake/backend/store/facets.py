"""Which values runs have that a person may filter by."""

from typing import Final

from duckdb import DuckDBPyConnection

from secondtake.backend.models.statistics import FacetValue, RunFacets
from secondtake.backend.store.long_texts import NAME_CHARS
from secondtake.backend.store.rows import fetch

MOST: Final = 200
"""So many values of each, the most frequent."""

_VALUES: Final = {
    "workflows": "SELECT coalesce(workflow, name) AS value FROM runs",
    "models": "SELECT unnest(list_distinct(models)) AS value FROM runs",
    "sessions": "SELECT session_id AS value FROM runs",
    "users": "SELECT user_id AS value FROM runs",
    "tags": "SELECT unnest(list_transform(map_entries(tags), lambda e: e.key || '=' || e.value)) "
    "AS value FROM runs",
    "statuses": "SELECT status AS value FROM runs",
}


def read_facets(con: DuckDBPyConnection) -> RunFacets:
    """Return each value with the number of runs that have it, the most frequent first.

    Values that are longer than names are shown are left out: cut, they would find nothing.
    """
    parts = (
        f"""
        (SELECT '{facet}' AS facet, value, count(*) AS runs FROM ({values})
         WHERE value IS NOT NULL AND length(value) <= {NAME_CHARS}
         GROUP BY value ORDER BY runs DESC, value LIMIT {MOST})
        """
        for facet, values in _VALUES.items()
    )
    found: dict[str, list[FacetValue]] = {facet: [] for facet in _VALUES}
    for row in fetch(con, " UNION ALL ".join(parts)):
        found[row["facet"]].append(FacetValue(value=row["value"], runs=row["runs"]))
    for values in found.values():
        values.sort(key=lambda each: (-each.runs, each.value))
    return RunFacets(**found)
