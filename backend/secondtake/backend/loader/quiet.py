"""Tells when there is nothing to load, by a look at the journal folder alone.

A server asks several times a second. As long as no file has come or gone and every writer lives,
the store is as the last load left it, and need not be asked.
"""

import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from secondtake.runner.segments import OPEN_SUFFIX, SEALED_SUFFIX, live_writers, writer_of

QUIET_S: Final = 5.0
"""After that long the store is asked all the same."""


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What was in the journal at a load that found nothing to do."""

    names: frozenset[str]
    taken_s: float


@dataclass(kw_only=True)
class HomeState:
    """What the loads of one home share. Other processes cannot hold its database."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    """Threads of this process take turns."""
    settled: _Look | None = None

    def is_quiet(self, names: frozenset[str], journal: Path) -> bool:
        """Tell whether a load would find nothing; the lock is held."""
        if self.settled is None or names != self.settled.names:
            return False
        if time.monotonic() - self.settled.taken_s > QUIET_S:
            return False
        writers = {writer_of(Path(name)) for name in names}
        return not writers or live_writers(journal) >= writers

    def note(self, names: frozenset[str], *, is_settled: bool) -> None:
        """Keep what was in the journal when a load began that has now ended; the lock is held."""
        waits = any(name.endswith(SEALED_SUFFIX) for name in names)
        self.settled = (
            _Look(names=names, taken_s=time.monotonic()) if is_settled and not waits else None
        )


_homes: Final[dict[str, HomeState]] = {}
_homes_lock: Final = threading.Lock()


def state_of(home: Path) -> HomeState:
    """Return what the loads of a home share in this process."""
    with _homes_lock:
        return _homes.setdefault(str(home.absolute()), HomeState())


def segments_in(journal: Path) -> frozenset[str]:
    """Return the names of the segments in the journal, sealed or still written."""
    try:
        names = os.listdir(journal)
    except FileNotFoundError:
        return frozenset()
    return frozenset(name for name in names if name.endswith((OPEN_SUFFIX, SEALED_SUFFIX)))
