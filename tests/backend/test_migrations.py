"""Migrations: numbered, each whole or not at all, never backwards."""

from pathlib import Path

import duckdb
import pytest
from tests.backend.journal_files import one, rows

from secondtake.backend.store.connection import open_store
from secondtake.backend.store.migrations import Migration, apply_migrations, known_migrations
from secondtake.runner.errors import StoreError


def test_the_migrations_are_numbered_without_gaps() -> None:
    versions = [migration.version for migration in known_migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_a_new_home_gets_every_migration_once(home: Path) -> None:
    open_store(home).close()
    con = open_store(home)
    noted = rows(con, "SELECT version, name FROM schema_migrations ORDER BY version")
    con.close()
    assert noted == [(step.version, step.name) for step in known_migrations()]


def test_an_older_database_gets_what_it_lacks_and_keeps_its_rows(home: Path) -> None:
    con = open_store(home)
    con.execute("INSERT INTO prompts (name, version) VALUES ('greeting', 1)")
    step = Migration(version=9999, name="more", sql="ALTER TABLE prompts ADD COLUMN mood VARCHAR")
    assert apply_migrations(con, [*known_migrations(), step]) == [step]
    assert rows(con, "SELECT name, mood FROM prompts") == [("greeting", None)]
    con.close()


def test_a_failing_migration_leaves_the_database_as_it_was(home: Path) -> None:
    con = open_store(home)
    bad = Migration(
        version=9999, name="bad", sql="CREATE TABLE half (a INTEGER); SELECT * FROM nowhere"
    )
    with pytest.raises(StoreError, match=r"Migration 9999 \(bad\) failed.*unchanged"):
        apply_migrations(con, [*known_migrations(), bad])
    assert one(con, "SELECT count(*) FROM schema_migrations WHERE version = 9999") == 0
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM half")
    con.close()


def test_a_database_newer_than_the_program_is_refused_in_one_sentence(home: Path) -> None:
    con = open_store(home)
    con.execute("INSERT INTO schema_migrations VALUES (999, 'future', TIMESTAMP '2030-01-01')")
    con.close()
    with pytest.raises(StoreError, match=r"schema version 999 .* Upgrade secondtake"):
        open_store(home)
