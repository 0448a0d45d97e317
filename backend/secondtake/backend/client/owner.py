"""Finds the server of a home: it leaves its address in `owner.json`."""

import json
import os
from pathlib import Path
from typing import Any, Final, cast

from secondtake.backend.client.client import Client
from secondtake.backend.errors import SecondTakeError

OWNER_NAME: Final = "owner.json"
ANSWER_TIMEOUT_S: Final = 2.0


def owner_path(home: Path) -> Path:
    """Return where the server of a home says who and where it is."""
    return home / OWNER_NAME


def read_owner(home: Path) -> tuple[int, str] | None:
    """Return process id and address that a server left, None when there is no such note."""
    try:
        owner: Any = json.loads(owner_path(home).read_bytes())
        fields = cast("dict[str, Any]", owner)
        pid, url = int(fields["pid"]), fields["url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (pid, url) if isinstance(url, str) and pid > 0 else None


def find_server(home: Path) -> str | None:
    """Return the address of the server that serves this home, None when none does.

    A note that a killed server left is no server: the process must live, and answer at the
    address under the same process id.
    """
    owner = read_owner(home)
    if owner is None or not _is_alive(owner[0]):
        return None
    pid, url = owner
    try:
        with Client(url, answer_timeout_s=ANSWER_TIMEOUT_S) as client:
            return url if client.health().pid == pid else None
    except SecondTakeError:
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True  # it is somebody else's
    except (ProcessLookupError, OverflowError):
        return False
    return True
