"""Where things are in the home folder, and the key that belongs to it."""

import os
import secrets
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32


def journal_folder(home: Path) -> Path:
    """Segments: `*.open` while written, `*.ndjson` when sealed."""
    return home / "journal"


def blobs_folder(home: Path) -> Path:
    """Binary parts over 32 KB, by sha256."""
    return home / "blobs"


def rejected_folder(home: Path) -> Path:
    """Lines that could not become rows, with file, line and reason."""
    return home / "rejected"


def prices_folder(home: Path) -> Path:
    """Immutable price snapshots."""
    return home / "prices"


def database_path(home: Path) -> Path:
    """The one DuckDB file."""
    return home / "secondtake.duckdb"


def faults_path(home: Path) -> Path:
    """One line for each fault inside recording."""
    return home / "faults.ndjson"


def store_key(home: Path) -> bytes:
    """Return the home's secret key, made at first use.

    It keys the digests of segments and the placeholders of redacted secrets, so these match
    across the runs of one home and tell nothing to anybody else.
    """
    path = home / "store.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        return _make_key(path)
    return key if len(key) == KEY_BYTES else _make_key(path)


def _make_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
    try:
        os.link(temporary, path)  # fails when another process was first: its key wins
    except FileExistsError:
        if len(path.read_bytes()) != KEY_BYTES:
            temporary.replace(path)
            return path.read_bytes()
    temporary.unlink(missing_ok=True)
    return path.read_bytes()
