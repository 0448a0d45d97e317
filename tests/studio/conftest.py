"""What the tests of pages share: the API in this process, and Streamlit's harness without its search."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from streamlit.components.v2 import manifest_scanner
from tests.support.studio_pages import api_in_process

from secondtake.backend.client import Client


@pytest.fixture(scope="session", autouse=True)
def components_are_sought_once() -> Iterator[None]:
    """Streamlit's harness reads the metadata of every installed package for each page it draws.

    What is installed stays the same, so that a quarter of a second for each page is saved.
    """
    with pytest.MonkeyPatch.context() as patch:
        found = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture
def api(home: Path) -> Iterator[TestClient]:
    """The real API over an empty store, in this process."""
    with api_in_process(home) as http:
        yield http


@pytest.fixture
def client(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client of the page of a run, that knows this API and nothing of other tests."""
    made = Client(f"http://127.0.0.1:8000/{uuid4()}", http=api)
    monkeypatch.setattr("secondtake.studio.pages.run.backend", lambda: made)
    return made
