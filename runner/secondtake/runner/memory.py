"""Long-term memory: what an agent keeps beyond one run, each read and write recorded.

Scopes keep apart what belongs to a node, to an agent and to a whole workflow. Values are JSON,
one file an owner in `<home>/memory`. Memory is no vault: a secret is kept as its placeholder.
Outside a run nothing is recorded, but memory works.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal, cast

import orjson

from secondtake.runner import events
from secondtake.runner.context import RunContext, current
from secondtake.runner.hashing import value_hash
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.settings import load_settings
from secondtake.runner.sink import Sink, sink_for

Scope = Literal["node", "agent", "workflow"]


def put(key: str, value: Any, *, scope: Scope = "agent") -> None:
    """Keep `value` under `key`; any later run with the same owner of the scope reads it.

    In a replay it is kept for the replay alone: the memory stays as it is.

    Raises:
        RunStopped: the run was asked to end.
        OSError: the memory file cannot be written.
    """
    here = current()
    sink, path = _place(here, scope)
    plain = sink.redactor.value(to_json_value(value))
    if here is not None and here.run.replay is not None:
        here.run.replay.world.write(path, key, plain)
    else:
        with _locked(path):
            _write(path, {**_read(path), key: plain})
    _record(here, scope, "write", key, plain)


def get(key: str, default: Any = None, *, scope: Scope = "agent") -> Any:
    """Return what was kept under `key`, else `default`.

    Raises:
        RunStopped: the run was asked to end.
        OSError: the memory file cannot be read.
    """
    here = current()
    _, path = _place(here, scope)
    replay = None if here is None else here.run.replay
    found = None if replay is None or here is None else replay.world.read(
        path, key, scope=scope, node_path=here.node_path
    )  # fmt: skip
    value = _read(path).get(key, default) if found is None else found.value
    _record(here, scope, "read", key, value)
    return value


def _place(here: RunContext | None, scope: Scope) -> tuple[Sink, Path]:
    """Return the sink, and the file of whoever owns the memory of this scope here."""
    if here is None:
        sink, owner = sink_for(load_settings()), ""
    else:
        here.run.check_stop()
        sink, owner = here.run.sink, _owner(here, scope)
    return sink, sink.home / "memory" / f"{scope}-{value_hash(owner)[:16]}.json"


def _owner(here: RunContext, scope: Scope) -> str:
    about = here.run.description
    workflow = about.workflow or about.name
    if scope == "workflow":
        return workflow
    if scope == "agent":
        return about.agent or workflow
    node = (here.node_path or "").rsplit("/", 1)[-1].split("[", 1)[0]
    return f"{workflow}/{node}"


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return cast(dict[str, Any], kept) if isinstance(kept, dict) else {}


def _write(path: Path, kept: dict[str, Any]) -> None:
    temporary = path.with_suffix(f".{secrets.token_hex(4)}")
    temporary.write_bytes(orjson.dumps(kept))
    temporary.replace(path)


@contextlib.contextmanager
def _locked(path: Path) -> Generator[None]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _record(here: RunContext | None, scope: Scope, operation: str, key: str, value: Any) -> None:
    if here is None:
        return
    fields = {
        "scope": scope,
        "operation": operation,
        "key": here.run.label(key),
        "value": here.run.clean(value),
        "span_id": here.span_id,
        "node_path": here.node_path,
    }
    here.run.emit(events.MemoryChange, fields)
