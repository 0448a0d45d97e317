"""What there is to filter runs by."""

from duckdb import DuckDBPyConnection

from secondtake.backend.models.statistics import RunFacets
from secondtake.backend.store.facets import read_facets
from secondtake.backend.store.patience import patient


@patient
def run_facets(con: DuckDBPyConnection) -> RunFacets:
    """Return the workflows, models, sessions, users, tags and statuses that runs have."""
    return read_facets(con)
