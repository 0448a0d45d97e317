"""Faults inside recording: they never break the user's run, and never pass in silence.

Each is counted; the first of a kind is logged; all are appended to `<home>/faults.ndjson`, which
`secondtake doctor` reads, as long as that file can be written and is below its size limit.
"""

import logging
import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson

from secondtake.runner.home import faults_path

FILE_BYTES_MAX: Final = 1_000_000

logger = logging.getLogger("secondtake")
_lock = threading.Lock()
_logged: set[str] = set()
_count = 0


def report(where: str, error: BaseException, *, home: Path | None) -> None:
    """Count a fault, log the first of its kind, and leave a line in the home folder."""
    global _count
    kind = f"{where}: {type(error).__name__}"
    with _lock:
        _count += 1
        first = kind not in _logged
        _logged.add(kind)
    if first:
        logger.warning(
            "Second Take could not record (%s: %s). Your program goes on; "
            "see `secondtake doctor`. Further faults of this kind are only counted.",
            kind,
            error,
        )
    if home is not None:
        _append(home, kind, str(error))


def fault_count() -> int:
    """Return how many faults this process has had."""
    return _count


def _append(home: Path, kind: str, message: str) -> None:
    line = orjson.dumps(
        {
            "at": datetime.now(UTC).isoformat(),
            "pid": os.getpid(),
            "fault": kind,
            "message": message.encode("utf-8", "backslashreplace").decode()[:500],
        }
    )
    path = faults_path(home)
    try:
        if path.exists() and path.stat().st_size > FILE_BYTES_MAX:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        return  # the disk that cannot take the event cannot take this either
    try:
        os.write(descriptor, line + b"\n")
    except OSError:
        return
    finally:
        os.close(descriptor)
