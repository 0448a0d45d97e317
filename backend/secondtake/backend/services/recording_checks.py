"""The checks of `doctor` that tell whether everything that happened became rows."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from secondtake.backend.models.system import Check
from secondtake.backend.store.health import StoreHealth
from secondtake.runner.home import faults_path, journal_folder, prices_folder, rejected_folder
from secondtake.runner.narrow import is_object
from secondtake.runner.segments import OPEN_SUFFIX, SEALED_SUFFIX, live_writers

PRICES_OLD_DAYS: Final = 60
"""Providers change prices every few weeks."""


def check_journal(home: Path) -> Check:
    """Tell what is still in the journal: being written, or not loaded."""
    folder = journal_folder(home)
    waiting = len(list(folder.glob("*" + SEALED_SUFFIX)))
    if waiting:
        return Check(
            name="journal",
            status="warn",
            detail=f"{_counted(waiting, 'sealed segment')} could not be loaded yet.",
            cure="Mend the database (see above); any command that reads the store then loads them.",
        )
    open_segments = len(list(folder.glob("*" + OPEN_SUFFIX)))
    writers = len(live_writers(folder)) if open_segments else 0
    return Check(
        name="journal",
        status="ok",
        detail=f"Everything sealed is loaded; {_counted(writers, 'process', 'processes')} "
        "recording now.",
    )


def check_rejected(home: Path, health: StoreHealth | None) -> Check:
    """Tell how many lines could not become rows."""
    folder = rejected_folder(home)
    lines = health.rejected_lines if health else 0
    kept = len(list(folder.glob("*"))) if folder.is_dir() else 0
    if not lines and not kept:
        return Check(name="rejected lines", status="ok", detail="None.")
    return Check(
        name="rejected lines",
        status="warn",
        detail=f"{_counted(lines, 'line')} could not become rows "
        f"({_counted(kept, 'file')} in {folder}).",
        cure=f"Read the reasons in {folder}; remove its files when they are dealt with.",
    )


def check_faults(home: Path, health: StoreHealth | None) -> Check:
    """Tell what went wrong inside recording."""
    faults, unreadable = _read_faults(faults_path(home))
    by_kind = Counter(str(fault.get("fault", "unknown")) for fault in faults)
    counted = health.recording_faults if health else 0
    if not faults and not unreadable and not counted:
        return Check(name="recording", status="ok", detail="No fault was noted.")
    kinds = "; ".join(f"{kind} ({number:,})" for kind, number in by_kind.most_common(3))
    runs = health.runs_with_faults if health else 0
    last = f" Last: {faults[-1].get('at')}." if faults else ""
    return Check(
        name="recording",
        status="warn",
        detail=f"{_counted(len(faults) + unreadable, 'fault')} noted"
        + (f": {kinds}" if kinds else "")
        + f"; {_counted(runs, 'run')} lost {_counted(counted, 'event')}.{last}",
        cure=f"Read {faults_path(home)}, mend the cause, then remove the file.",
    )


def check_torn(health: StoreHealth | None) -> Check:
    """Tell how much of unfinished lines was dropped."""
    torn = health.torn_bytes if health else 0
    detail = (
        f"{torn:,} bytes of unfinished last lines were dropped after a writer was killed; "
        "nothing that a call had returned for."
        if torn
        else "None."
    )
    return Check(name="torn lines", status="ok", detail=detail)


def check_prices(home: Path) -> Check:
    """Tell which price snapshot is in force, and how old it is."""
    folder = prices_folder(home)
    missing = Check(
        name="prices",
        status="warn",
        detail="There is no price snapshot: calls would be unpriced.",
        cure="The next `secondtake run` makes one.",
    )
    try:
        snapshot = str(json.loads((folder / "current.json").read_text("utf-8"))["snapshot"])
        path = folder / f"{snapshot}.json"
        made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return missing
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Check(
            name="prices",
            status="warn",
            detail=f"The price snapshot cannot be read ({type(error).__name__}).",
            cure=f"Remove {folder / 'current.json'}; the next `secondtake run` makes a new one.",
        )
    days = (datetime.now(UTC) - made_at).days
    old = days > PRICES_OLD_DAYS
    return Check(
        name="prices",
        status="warn" if old else "ok",
        detail=f"Snapshot {snapshot}, {_counted(days, 'day')} old.",
        cure="Upgrade litellm, which brings the prices, and run once." if old else None,
    )


def _read_faults(path: Path) -> tuple[list[dict[str, Any]], int]:
    """Return the faults of the file, and the number of lines that are none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return [], 0
    faults: list[dict[str, Any]] = []
    for line in lines:
        try:
            fault = json.loads(line)
        except ValueError:
            continue
        if is_object(fault):
            faults.append(fault)
    return faults, len(lines) - len(faults)


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
