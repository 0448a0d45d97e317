"""Fixtures of the API's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.support.spare_workers import no_spare_worker

from secondtake.backend.api.app import create_app
from secondtake.runner.settings import load_settings


@pytest.fixture
def api(home: Path) -> Iterator[TestClient]:
    """Sends requests to the API over the empty store of an empty home, in this process."""
    app = create_app(load_settings({"home": home}))
    http = TestClient(app, base_url="http://127.0.0.1:8000", raise_server_exceptions=False)
    with no_spare_worker(), http as client:
        yield client
