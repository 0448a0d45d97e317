"""What happens in a run, as it happens: rows that are new or have changed, one event each.

A recorder numbers what it writes, and its segments are loaded in order, so the rows of a run come
in the order of their `seq`. Where one is can thus be told in a few characters: the last `seq` that
was seen, and the nodes among those before it that had not ended. That is the id of an event; who
goes on after it misses nothing and gets nothing twice.
"""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.models.executions import FinishedRun, RunEvent
from secondtake.backend.models.records import NodeTiming, Row
from secondtake.backend.models.runs import RunFacts, RunSummary
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store import runs
from secondtake.backend.store.snapshot import snapshot
from secondtake.backend.store.watching import WATCHED, new_rows, read_marks
from secondtake.runner.errors import UsageError
from secondtake.runner.event_scalars import INT64_MAX

MAX_CHARS: Final = 2000
LOOK_EVERY_S: Final = 0.25
RUNNING: Final = "running"
DIGEST_BYTES: Final = 6

EventName = Literal[
    "run", "node_timings", "llm_calls", "tool_calls", "messages", "memory", "evaluations", "end"
]
OpenStore = Callable[[], AbstractContextManager[DuckDBPyConnection]]

_FIRST: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(kw_only=True)
class _Place:
    """How far one has come in a run; the id of an event is this, written down."""

    seq: int = -1
    """All rows up to this one were told."""
    open_nodes: set[int] = field(default_factory=set[int])
    """The `seq` of nodes that were told before they had ended."""
    unnumbered: dict[str, int] = field(default_factory=dict[str, int])
    """By table, how many rows without a `seq` were told."""
    summary: str = ""
    """Digest of the summary that was told last."""

    def write(self) -> str:
        """Return it as an id."""
        place = [self.seq, sorted(self.open_nodes), self.unnumbered, self.summary]
        text = json.dumps(place, separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, event_id: str) -> "_Place":
        """Return the place that an id names.

        Raises:
            UsageError: it is no id of ours.
        """
        try:
            padded = event_id + "=" * (-len(event_id) % 4)
            parts: Any = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            seq, open_nodes, unnumbered, summary = parts
            return cls(
                seq=_a_seq(seq),
                open_nodes={_a_seq(number) for number in open_nodes},
                unnumbered={str(name): int(n) for name, n in unnumbered.items()},
                summary=str(summary),
            )
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise UsageError(
                f"{event_id[:100]!r} is not the id of an event; pass `event_id` as it came."
            ) from error


class RunWatcher:
    """Follows one run; each look says what has happened since the look before."""

    def __init__(self, run_id: UUID, *, after: str | None = None) -> None:
        """Begin at the beginning of the run, or after an event.

        Raises:
            UsageError: `after` is no id of an event.
        """
        self.run_id = run_id
        self.has_ended = False
        """True when `end` was told: there will be nothing more."""
        self._place = _Place.read(after) if after else _Place()
        self._marks: dict[str, tuple[int, int]] = {}

    def look(self, con: DuckDBPyConnection) -> list[RunEvent]:
        """Return what has happened, in order; nothing while the store has no such run."""
        with snapshot(con):
            marks = read_marks(con, self.run_id)
            changed = [name for name, mark in marks.items() if self._marks.get(name) != mark]
            facts = runs.get_run(con, self.run_id, max_chars=MAX_CHARS) if changed else None
            if facts is None:
                return []
            rows = self._rows(con, [name for name in WATCHED if name in changed])
        self._marks = marks
        summary = _summary(facts).model_dump(mode="json")
        events = [*self._told(rows), *self._told_summary(summary)]
        if summary["status"] != RUNNING:
            self.has_ended = True
            events.append(self._event("end", summary))
        return events

    def _rows(self, con: DuckDBPyConnection, names: Sequence[str]) -> list[tuple[EventName, Row]]:
        """Return rows that are new, and those of nodes that were open."""
        found: list[tuple[EventName, Row]] = []
        for name in names:
            rows = new_rows(
                con,
                self.run_id,
                name,
                after=self._place.seq,
                changing=sorted(self._place.open_nodes) if name == "node_timings" else (),
                max_chars=MAX_CHARS,
            )
            known = self._place.unnumbered.get(name, 0)
            numbered = [row for row in rows if row.seq is not None]
            unnumbered = [row for row in rows if row.seq is None][known:]
            for row in (*numbered, *unnumbered):
                found.append((cast("EventName", name), row))
        return found

    def _told(self, rows: list[tuple[EventName, Row]]) -> Generator[RunEvent]:
        """Yield new rows in the order of their places, then nodes that have ended meanwhile."""
        place = self._place
        numbered: list[tuple[int, EventName, Row]] = [
            (row.seq, name, row) for name, row in rows if row.seq is not None
        ]
        new = sorted((item for item in numbered if item[0] > place.seq), key=lambda item: item[0])
        for number, (seq, name, row) in enumerate(new):
            if _is_open(row):
                place.open_nodes.add(seq)
            is_last_of_equals = number + 1 == len(new) or new[number + 1][0] != seq
            place.seq = seq if is_last_of_equals else seq - 1
            yield self._event(name, row.model_dump(mode="json"))
        told = {seq for seq, _, _ in new}
        ended = [
            row
            for seq, _, row in numbered
            if seq not in told and isinstance(row, NodeTiming) and not _is_open(row)
        ]
        for row in sorted(ended, key=_ended_at):
            place.open_nodes.discard(row.seq or 0)
            yield self._event("node_timings", row.model_dump(mode="json"))
        for name, row in rows:
            if row.seq is None:
                place.unnumbered[name] = place.unnumbered.get(name, 0) + 1
                yield self._event(name, row.model_dump(mode="json"))

    def _told_summary(self, summary: dict[str, Any]) -> Generator[RunEvent]:
        digest = _digest(summary)
        if digest != self._place.summary:
            self._place.summary = digest
            yield self._event("run", summary)

    def _event(self, name: EventName, data: dict[str, Any]) -> RunEvent:
        return RunEvent(event=name, event_id=self._place.write(), data=data)


def watch(open_store: OpenStore, name: str, *, after: str | None = None) -> Iterator[RunEvent]:
    """Yield what happens in a run until it has ended.

    Args:
        open_store: opens the store with what is pending loaded; is called for each look.
        name: an id, a unique prefix, or `last`.
        after: the id of the last event that is known.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        UsageError: `after` is no id of an event.
    """
    with open_store() as con:
        watcher = RunWatcher(resolve_run(con, name), after=after)
        events = watcher.look(con)
    while True:
        yield from events
        if watcher.has_ended:
            return
        time.sleep(LOOK_EVERY_S)
        with open_store() as con:
            events = watcher.look(con)


def finished_run(con: DuckDBPyConnection, run_id: UUID) -> FinishedRun | None:
    """Return how a run has ended; None when it has not, or the store has no such run."""
    with snapshot(con):
        facts = runs.get_run(con, run_id)
    if facts is None or facts.status == RUNNING:
        return None
    return FinishedRun(summary=_summary(facts), output=facts.output)


def _summary(facts: RunFacts) -> RunSummary:
    return RunSummary.model_validate(
        {name: getattr(facts, name) for name in RunSummary.model_fields}
    )


def _a_seq(value: Any) -> int:
    if type(value) is not int or not -1 <= value <= INT64_MAX:
        raise ValueError(value)
    return value


def _ended_at(row: NodeTiming) -> datetime:
    return row.ended_at or _FIRST


def _is_open(row: Row) -> bool:
    return isinstance(row, NodeTiming) and row.ended_at is None and row.duration_ms is None


def _digest(summary: dict[str, Any]) -> str:
    """Return what tells one summary from the next; a short id changes with other runs."""
    facts = {name: value for name, value in summary.items() if name != "short_id"}
    text = json.dumps(facts, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).hexdigest()
