"""What a replay reads of the world beside its calls: memory, the clock, random numbers, uuids."""

import threading
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondtake.runner.replay.matching import without_visits
from secondtake.runner.replay.recording import Recording


@dataclass(frozen=True)
class Found:
    """A value, which may be None."""

    value: Any


class RecordedWorld:
    """Gives each recorded read once, in order, by where it was made. Safe for many threads."""

    def __init__(self, recording: Recording, *, visits_may_race: bool) -> None:
        self._place = without_visits if visits_may_race else str
        self._lock = threading.Lock()
        self._written: dict[tuple[Path, str], Any] = {}
        self._ambient: dict[tuple[str, str], deque[Any]] = defaultdict(deque)
        self._reads: dict[tuple[str, str, str], deque[Any]] = defaultdict(deque)
        for ambient in recording.ambient_reads:
            key = (ambient.ambient_kind, self._place(ambient.node_path or ""))
            self._ambient[key].append(ambient.value)
        for change in recording.memory:
            if change.operation == "read":
                where = self._place(change.node_path or "")
                self._reads[change.scope, change.key, where].append(change.value)

    def ambient(self, ambient_kind: str, node_path: str | None) -> Any:
        """Return the next value that was read here; None when there is no further one."""
        with self._lock:
            values = self._ambient.get((ambient_kind, self._place(node_path or "")))
            return values.popleft() if values else None

    def read(self, path: Path, key: str, *, scope: str, node_path: str | None) -> Found | None:
        """Return what a memory holds: what this replay wrote, else what was read here.

        None when neither is known; the memory itself is to be asked then.
        """
        with self._lock:
            values = self._reads.get((scope, key, self._place(node_path or "")))
            recorded = Found(values.popleft()) if values else None
            if (path, key) in self._written:
                return Found(self._written[path, key])
            return recorded

    def write(self, path: Path, key: str, value: Any) -> None:
        """Keep what this replay writes; the memory itself stays as it is."""
        with self._lock:
            self._written[path, key] = value
