"""The clock, random numbers and uuids of the run: recorded, so that a replay can give them again.

Outside a run these are the plain ones.
"""

import random as plain_random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar
from uuid import UUID, uuid4

from secondtake.runner import events
from secondtake.runner.context import RunContext, current

T = TypeVar("T")
_lock: Final = threading.Lock()
_random: Final = plain_random.Random()


def now() -> datetime:
    """Return the time, UTC."""
    return _read("clock", lambda: datetime.now(UTC))


def random() -> float:
    """Return a random number in [0, 1)."""
    return _read("random", _random.random)


def randint(low: int, high: int) -> int:
    """Return a random whole number from `low` to `high`, both included."""
    return _read("random", lambda: _random.randint(low, high))


def choice(items: Sequence[T]) -> T:
    """Return one of `items`, at random; its place is what is recorded.

    Raises:
        IndexError: `items` is empty.
    """
    if not items:
        raise IndexError("cannot choose from an empty sequence")
    return items[randint(0, len(items) - 1)]


def uuid() -> UUID:
    """Return a random UUID."""
    return _read("uuid", uuid4)


def _read(ambient_kind: Literal["clock", "random", "uuid"], execute: Callable[[], T]) -> T:
    here = current()
    if here is None:
        with _lock:
            return execute()
    here.run.check_stop()
    value: T | None = _recorded(here, ambient_kind)
    if value is None:
        with _lock:
            value = execute()
    plain: Any = str(value) if ambient_kind == "uuid" else value
    plain = plain.isoformat() if isinstance(plain, datetime) else plain
    fields = {
        "ambient_kind": ambient_kind,
        "value": plain,
        "span_id": here.span_id,
        "node_path": here.node_path,
    }
    here.run.emit(events.AmbientRead, fields)
    return value


def _recorded(here: RunContext, ambient_kind: Literal["clock", "random", "uuid"]) -> Any:
    """Return what was read here in the run that is replayed; None when it is to be read anew."""
    if here.run.replay is None:
        return None
    value = here.run.replay.ambient(ambient_kind, here.node_path)
    if value is None or ambient_kind == "random":
        return value
    return UUID(value) if ambient_kind == "uuid" else datetime.fromisoformat(value)
