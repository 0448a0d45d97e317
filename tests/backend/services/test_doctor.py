"""What `doctor` finds, and what `config` shows."""

import json
import os
from pathlib import Path

import pytest
from tests.support.stored import write_run

from secondtake.backend.local import LocalBackend
from secondtake.backend.models.system import Check, Health
from secondtake.backend.services.config import describe_settings
from secondtake.backend.store.migrations import known_migrations
from secondtake.runner import faults
from secondtake.runner.home import faults_path, journal_folder, prices_folder
from secondtake.runner.settings import OPTIONS, load_settings


def examine() -> Health:
    return LocalBackend(load_settings()).doctor()


def check(name: str) -> Check:
    (found,) = (each for each in examine().checks if each.name == name)
    return found


@pytest.mark.usefixtures("home")
def test_an_unused_home_is_healthy_and_stays_unmade() -> None:
    health = examine()
    assert health.healthy
    assert not load_settings().home.exists()
    assert [each.name for each in health.checks if each.status == "warn"] == ["prices"]


def test_every_check_that_is_not_ok_has_a_cure(home: Path) -> None:
    write_run(home)
    faults.report("an event", OSError("no space left"), home=home)
    for each in examine().checks:
        assert each.detail.endswith(".")
        assert "\n" not in each.detail
        assert each.status == "ok" or each.cure


def test_a_used_home_tells_its_schema_and_its_runs(home: Path) -> None:
    write_run(home)
    found = check("database")
    assert found.status == "ok"
    assert f"schema version {known_migrations()[-1].version}, 1 runs" in found.detail


def test_faults_of_recording_are_counted_by_kind(home: Path) -> None:
    home.mkdir()
    for _ in range(3):
        faults.report("an event", OSError("no space left"), home=home)
    with faults_path(home).open("a") as file:
        file.write("not json\n")
    found = check("recording")
    assert found.status == "warn"
    assert found.detail.startswith("4 faults noted: an event: OSError (3);")
    assert found.cure is not None


def test_rejected_lines_are_counted(home: Path) -> None:
    journal_folder(home).mkdir(parents=True)
    (journal_folder(home) / "other-1.ndjson").write_text('{"kind":"nonsense"}\n{"a":1}\n')
    found = check("rejected lines")
    assert found.status == "warn"
    assert found.detail.startswith("2 lines could not become rows")


def test_a_database_that_is_none_fails_with_a_cure(home: Path) -> None:
    home.mkdir()
    (home / "secondtake.duckdb").write_bytes(b"this is no database at all" * 1000)
    health = examine()
    assert not health.healthy
    (found,) = (each for each in health.checks if each.name == "database")
    assert found.status == "fail"
    assert found.cure


def test_a_newer_database_fails_with_a_cure(home: Path) -> None:
    write_run(home)
    backend = LocalBackend(load_settings())
    with backend._connection() as con:  # pyright: ignore[reportPrivateUsage]
        con.execute("INSERT INTO schema_migrations VALUES (9999, 'future', TIMESTAMP '2030-01-01')")
    found = check("database")
    assert found.status == "fail"
    assert "9999" in found.detail
    assert found.cure is not None
    assert "Upgrade" in found.cure


def test_the_price_snapshot_is_named_and_an_old_one_is_warned_of(home: Path) -> None:
    folder = prices_folder(home)
    folder.mkdir(parents=True)
    (folder / "current.json").write_text(json.dumps({"snapshot": "abc"}))
    (folder / "abc.json").write_text("{}")
    assert (check("prices").status, check("prices").detail) == ("ok", "Snapshot abc, 0 days old.")
    os.utime(folder / "abc.json", (0, 0))
    assert check("prices").status == "warn"
    (folder / "current.json").write_text("[]")
    assert check("prices").status == "warn"


@pytest.mark.usefixtures("home")
def test_keys_are_shown_by_name_and_never_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-1")
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=sk-planted-2\n")
    text = examine().model_dump_json()
    assert "OPENAI_API_KEY" in text
    assert "ANTHROPIC_API_KEY (.env)" in text
    assert "planted" not in text


@pytest.mark.usefixtures("home")
def test_every_setting_is_shown_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDTAKE_REDACTION_PATTERNS", "hunter2,x")
    shown = describe_settings(load_settings({"model": "sim/weak"}))
    by_name = {each.name: each for each in shown.settings}
    assert set(by_name) == {option.name for option in OPTIONS}
    assert (by_name["model"].value, by_name["model"].origin) == ("sim/weak", "flag")
    assert by_name["home"].origin == "environment SECONDTAKE_HOME"
    assert by_name["redaction_patterns"].value == "2 hidden"
    assert "hunter2" not in shown.model_dump_json()
