"""Numbered SQL migrations, applied when the store is opened.

`migrations/NNNN_name.sql` is version NNNN. Each runs in one transaction with the row that notes
it in `schema_migrations`.
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.runner.errors import StoreError

_FILE_NAME: Final = re.compile(r"(?P<version>\d{4})_(?P<name>\w+)\.sql")


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One step of the schema."""

    version: int
    name: str
    sql: str


@cache
def known_migrations() -> tuple[Migration, ...]:
    """Return the migrations that this program brings, oldest first."""
    found: list[Migration] = []
    for file in (files("secondtake.backend.store") / "migrations").iterdir():
        match = _FILE_NAME.fullmatch(file.name)
        if match:
            sql = file.read_text(encoding="utf-8")
            found.append(Migration(version=int(match["version"]), name=match["name"], sql=sql))
    return tuple(sorted(found, key=lambda migration: migration.version))


def apply_migrations(
    con: DuckDBPyConnection, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """Apply every migration that the database has not seen; return those applied.

    Raises:
        StoreError: the database is newer than this program, or a migration fails, in which
            case the database is as it was before that migration.
    """
    migrations = known_migrations() if migrations is None else migrations
    con.execute(
        """
        CREATE TABLE IF NOT EXISTS schema_migrations (
            version INTEGER NOT NULL,
            name VARCHAR NOT NULL,
            applied_at TIMESTAMP NOT NULL
        )
        """
    )
    rows = con.execute("SELECT version FROM schema_migrations").fetchall()
    applied = {int(version) for (version,) in rows}
    newest_known = max((migration.version for migration in migrations), default=0)
    if max(applied, default=0) > newest_known:
        raise StoreError(
            f"The database has schema version {max(applied)} and this program knows versions up "
            f"to {newest_known}. Upgrade secondtake, or use another home folder."
        )
    missing = [migration for migration in migrations if migration.version not in applied]
    for migration in missing:
        _apply(con, migration)
    return missing


def _apply(con: DuckDBPyConnection, migration: Migration) -> None:
    con.execute("BEGIN TRANSACTION")
    try:
        con.execute(migration.sql)
        con.execute(
            "INSERT INTO schema_migrations VALUES (?, ?, make_timestamp(epoch_us(now())))",
            [migration.version, migration.name],
        )
        con.execute("COMMIT")
    except duckdb.Error as error:
        with contextlib.suppress(duckdb.Error):
            con.execute("ROLLBACK")
        reason = str(error).splitlines()[0]
        raise StoreError(
            f"Migration {migration.version:04d} ({migration.name}) failed: {reason}. The database "
            "is unchanged; keep a copy of it and report this."
        ) from error
