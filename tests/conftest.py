"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded real data; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SECONDTAKE_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "EXPECTED.json").is_file():
        pytest.skip(f"the recorded data is absent ({folder}); set SECONDTAKE_SHARED_DATA")
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and a working directory without a secondtake.toml above it."""
    folder = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECONDTAKE_HOME", str(folder))
    monkeypatch.setenv("SECONDTAKE_SIM_LATENCY", "off")
    monkeypatch.delenv("COLUMNS", raising=False)  # tables fit themselves to it
    return folder
