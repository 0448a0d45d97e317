"""Builds the price snapshot that calls are priced from.

A snapshot is one file, named by the hash of its content and never changed. `current.json` names
the snapshot in force and the state of the sources that it was built from, so that looking whether
it is up to date reads nothing large.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Any, Final

import orjson

from secondtake.backend.prices.litellm_map import find_map, litellm_version, read_map
from secondtake.backend.prices.overrides import FILE_NAME, read_overrides
from secondtake.backend.prices.sim import sim_models
from secondtake.runner.errors import SettingsError
from secondtake.runner.home import prices_folder
from secondtake.runner.pricing import FORMAT

ID_LENGTH: Final = 16
BUILDER: Final = 1
"""Version of the rules that make entries of sources; raise it when these change."""


def ensure_snapshot(home: Path) -> str:
    """Return the id of the current snapshot; build it when a source changed or it is missing.

    Safe to call from many processes at once: files appear whole or not at all, and equal sources
    give equal files.

    Raises:
        SettingsError: the user's prices have a mistake, or the folder cannot be written.
    """
    folder = prices_folder(home)
    state = _state_of_sources(home)
    snapshot_id = _current(folder, state)
    if snapshot_id is not None:
        return snapshot_id
    document = _build(home)
    snapshot_id = str(document["id"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_whole(folder / f"{snapshot_id}.json", orjson.dumps(document))
        current = {"snapshot": snapshot_id, "sources": state}
        _write_whole(folder / "current.json", orjson.dumps(current))
    except OSError as error:
        cure = "Make room or choose another home with SECONDTAKE_HOME."
        raise SettingsError(f"Cannot write prices to {folder}: {error}. {cure}") from error
    return snapshot_id


def _state_of_sources(home: Path) -> dict[str, Any]:
    """Return what tells whether a source changed since the last snapshot."""
    state: dict[str, Any] = {"builder": [FORMAT, BUILDER]}
    for name, path in (("litellm", find_map()), (FILE_NAME, home / FILE_NAME)):
        try:
            status = path.stat() if path else None
        except FileNotFoundError:
            status = None
        state[name] = [str(path), status.st_size, status.st_mtime_ns] if status else None
    return state


def _current(folder: Path, state: dict[str, Any]) -> str | None:
    """Return the snapshot in force when it is up to date and its file is there."""
    try:
        current = orjson.loads((folder / "current.json").read_bytes())
        if current["sources"] != state:
            return None
        snapshot_id = str(current["snapshot"])
        return snapshot_id if (folder / f"{snapshot_id}.json").stat().st_size else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _build(home: Path) -> dict[str, Any]:
    sources: list[dict[str, Any]] = []
    models: dict[str, Any] = {}
    path = find_map()
    if path is not None:
        content = path.read_bytes()
        models |= read_map(content)
        sources.append(
            {"name": "litellm", "version": litellm_version(), "sha256": _sha256(content)}
        )
    simulated = sim_models()
    models |= simulated
    sources.append(
        {"name": "simulated", "version": str(BUILDER), "sha256": _sha256(_canonical(simulated))}
    )
    own = read_overrides(home / FILE_NAME)
    if own:
        models |= own
        content = (home / FILE_NAME).read_bytes()
        sources.append({"name": FILE_NAME, "version": None, "sha256": _sha256(content)})
    body = {"format": FORMAT, "sources": sources, "models": models}
    return {"id": _sha256(_canonical(body))[:ID_LENGTH], **body}


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
