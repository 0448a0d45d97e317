"""Opens the one DuckDB file: waits for its holder, migrates it, locks it down."""

import contextlib
import fcntl
import json
import os
import re
import time
from pathlib import Path
from typing import Final

import duckdb
from duckdb import DuckDBPyConnection

from secondtake.backend.store.light_binding import bind_without_pandas
from secondtake.backend.store.migrations import apply_migrations
from secondtake.runner.errors import StoreError
from secondtake.runner.home import database_path

WAIT_S: Final = 5.0
RETRY_S: Final = 0.05
MEMORY_LIMIT: Final = "400MB"
THREADS_MAX: Final = 4
STORAGE_VERSION: Final = "v1.5.0"
"""From v1.2.0 on texts are compressed with Zstandard: a third of the size of chat messages."""

HEADER_BYTES: Final = 3 * 4096
"""A DuckDB file begins with three header blocks; a shorter one has never held a row."""

_HOLDER: Final = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")


def open_store(
    home: Path, *, wait_s: float = WAIT_S, memory_limit: str = MEMORY_LIMIT
) -> DuckDBPyConnection:
    """Open the database of `home`, made at first use, with every migration applied.

    The connection reads and writes inside `home` only, loads no extension and refuses changes of
    its configuration. Everything it needs is part of duckdb itself, nothing is downloaded.
    Threads of one process share the database by `cursor()`.

    Args:
        home: the home folder.
        wait_s: how long to wait for another process that holds the file.
        memory_limit: what DuckDB may use before it spills to `<home>`.

    Raises:
        StoreError: another process holds the file, it is no database of ours, or it is newer
            than this program.
    """
    path = database_path(home)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"Cannot create the home folder {home}: {error.strerror}. "
            "Set SECONDTAKE_HOME to a folder that you may write to."
        ) from error
    con = _connect(path, wait_s=wait_s, memory_limit=memory_limit)
    try:
        bind_without_pandas(con)
        apply_migrations(con)
        _lock_down(con, home)
    except duckdb.Error as error:
        con.close()
        raise _unusable(path, error) from error
    except BaseException:
        con.close()
        raise
    return con


def _connect(path: Path, *, wait_s: float, memory_limit: str) -> DuckDBPyConnection:
    give_up_at_s = time.monotonic() + wait_s
    while True:
        try:
            return duckdb.connect(
                str(path),
                config={
                    # Gives memory back after a large load: a server at rest is 100 MB, not 180.
                    "allocator_background_threads": True,
                    "allow_community_extensions": False,
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "memory_limit": memory_limit,
                    "preserve_insertion_order": True,
                    "python_enable_replacements": False,  # no Python variable is a table
                    "storage_compatibility_version": STORAGE_VERSION,
                    "threads": min(os.cpu_count() or 1, THREADS_MAX),
                },
            )
        except duckdb.Error as error:
            held = "Could not set lock on file" in str(error)
            if not held and not _remove_stillborn(path):
                raise _unusable(path, error) from error
            if held and time.monotonic() >= give_up_at_s:
                raise _held(path, error) from error
        time.sleep(RETRY_S)


def _lock_down(con: DuckDBPyConnection, home: Path) -> None:
    """Confine the database to `home`; another connection of this process may have done it."""
    locked = con.execute("SELECT current_setting('lock_configuration')").fetchone()
    if locked and locked[0]:
        return
    folder = str(home.resolve()).replace("'", "''")
    con.execute("SET GLOBAL TimeZone = 'UTC'")  # so that now() and our TIMESTAMPs agree
    con.execute("SET python_enable_replacements = false")  # a name is a table, never a variable
    con.execute(f"SET allowed_directories = ['{folder}']")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _remove_stillborn(path: Path) -> bool:
    """Remove a file whose maker was killed before it had written the headers."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(descriptor).st_size
        ours = size == 0 or os.pread(descriptor, 4, 8) == b"DUCK"
        if size >= HEADER_BYTES or not ours:
            return False
        path.unlink(missing_ok=True)
        return True
    except OSError:
        return True  # its maker is at work: try again
    finally:
        os.close(descriptor)


def _held(path: Path, error: duckdb.Error) -> StoreError:
    found = _HOLDER.search(str(error))
    pid = int(found["pid"]) if found else None
    holder = f"process {pid} ({Path(found['program']).name})" if found else "another process"
    url = None
    with contextlib.suppress(OSError, ValueError, AttributeError):
        owner = json.loads((path.parent / "owner.json").read_text(encoding="utf-8"))
        if pid is None or owner.get("pid") == pid:
            url = owner.get("url")
    where = f", which serves it at {url}" if url else ""
    return StoreError(
        f"The database {path} is in use by {holder}{where}. "
        "Wait until that process ends, or stop it, and try again."
    )


def _unusable(path: Path, error: duckdb.Error) -> StoreError:
    reason = str(error).splitlines()[0].rstrip(".!")
    return StoreError(
        f"Cannot open the database {path}: {reason}. "
        "Put a backup in its place, or move the file away to begin with an empty one."
    )
