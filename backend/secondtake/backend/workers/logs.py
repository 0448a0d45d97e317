"""Logs of the processes that a server or `secondtake up` starts: one file each, bounded."""

import contextlib
import os
from pathlib import Path
from typing import Final

LOG_BYTES_MAX: Final = 5_000_000
KEPT_BYTES: Final = 1_000_000
TAIL_BYTES: Final = 20_000


def log_path(home: Path, name: str) -> Path:
    """Return where the log of `server`, `studio` or `worker` is."""
    return home / "logs" / f"{name}.log"


def open_log(home: Path, name: str) -> int:
    """Return a descriptor that appends to a log, for a process to write its output to.

    Any number of processes may share a log: each write goes to its end, also after a trim.
    """
    path = log_path(home, name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def trim_log(home: Path, name: str, *, most_bytes: int = LOG_BYTES_MAX) -> None:
    """Keep only the end of a log that has grown too large; its writers need not know."""
    path = log_path(home, name)
    with contextlib.suppress(OSError):
        if path.stat().st_size <= most_bytes:
            return
        with path.open("r+b") as file:
            file.seek(-min(KEPT_BYTES, most_bytes), os.SEEK_END)
            end = file.read()
            file.truncate(0)
        with path.open("ab") as file:
            file.write(end[end.find(b"\n") + 1 :])


def log_size(home: Path, name: str) -> int:
    """Return how many bytes a log has now."""
    try:
        return log_path(home, name).stat().st_size
    except OSError:
        return 0


def last_line(home: Path, name: str, *, since_bytes: int = 0) -> str | None:
    """Return the last line with something in it that was written after a place in the log."""
    try:
        with log_path(home, name).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = since_bytes if since_bytes <= size else 0
            file.seek(max(start, size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else None
