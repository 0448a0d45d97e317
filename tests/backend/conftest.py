"""Fixtures of the backend's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from duckdb import DuckDBPyConnection

from secondtake.backend.store.connection import open_store


@pytest.fixture
def con(home: Path) -> Iterator[DuckDBPyConnection]:
    """The empty store of an empty home."""
    connection = open_store(home)
    yield connection
    connection.close()
