"""Recordings: the rows of a run turned back into the events that they came from.

A row keeps all that its event said, with two exceptions. The start and the end of a node, and
those of a run, share a row, which keeps the place (`seq`) of the first and the time at which it was
written. Places have no gaps, so the places of the ends are those that no row has, and ends take
them in the order in which they came. Of two nodes that end within a millisecond, in threads of
their own, either may then be the first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from duckdb import DuckDBPyConnection

from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store.patience import patient
from secondtake.backend.store.recordings import list_event_rows
from secondtake.backend.store.snapshot import snapshot
from secondtake.runner.errors import UsageError
from secondtake.runner.events import (
    AmbientRead,
    BaseEvent,
    LlmCall,
    MemoryChange,
    Message,
    NodeFinished,
    NodeStarted,
    ReplayFinished,
    RunFinished,
    RunStarted,
    Score,
    ToolCall,
    ToolDefinitions,
)
from secondtake.runner.replay.recording import Recording

E = TypeVar("E", bound=BaseEvent)
Row = Mapping[str, Any]

_ONE_ROW_EACH: Final[dict[str, type[BaseEvent]]] = {
    "messages": Message,
    "tool_definitions": ToolDefinitions,
    "llm_calls": LlmCall,
    "tool_calls": ToolCall,
    "memory_snapshots": MemoryChange,
    "ambient_reads": AmbientRead,
    "replays": ReplayFinished,
    "evaluations": Score,
}
"""The kinds of event that are one row each, by table."""

_OF_AN_END: Final = (
    "ended_at", "duration_ms", "self_ms", "error_type", "error_message", "error_traceback",
)  # fmt: skip
"""What only the end of a node can know."""

_LATEST: Final = datetime.max.replace(tzinfo=UTC)


def get_recording(con: DuckDBPyConnection, name: str) -> Recording:
    """Return the events of one run, as they were recorded.

    A run that goes on or was killed has no `RunFinished`, and its open nodes no `NodeFinished`.

    Args:
        con: the store.
        name: an id, a unique prefix, or `last`.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        UsageError: the beginning of the run was lost, so there is nothing to begin with.
    """
    rows = _rows_of(con, name)
    run = rows["runs"][0]
    if run["source"] is None:
        raise UsageError(
            f"The beginning of run {run['run_id']} is not in the store, so it is no recording; "
            "`secondtake doctor` says whether something of it was rejected."
        )
    return Recording.of(_events(run, rows))


def get_recording_as_json(con: DuckDBPyConnection, name: str) -> bytes:
    """Return a recording as the content of a file; the rest is as `get_recording`."""
    return get_recording(con, name).to_json()


@patient
def _rows_of(con: DuckDBPyConnection, name: str) -> dict[str, list[dict[str, Any]]]:
    with snapshot(con):
        return list_event_rows(con, resolve_run(con, name))


def _events(run: Row, rows: Mapping[str, Sequence[Row]]) -> Iterator[BaseEvent]:
    """Yield the events of a run; those without a place in the order of time."""
    inner = [_event(model, row) for table, model in _ONE_ROW_EACH.items() for row in rows[table]]
    nodes = rows["node_timings"]
    free = _FreePlaces(event.seq for event in inner)
    free.take(row["seq"] for row in nodes)
    is_ordered = free.last >= 0 or not (inner or nodes)
    begin = free.take_first(0, until=0) if is_ordered else None
    yield _event(RunStarted, {**run, "seq": begin, "extra": _extra_of_start(run)})
    ends = list(_node_events(run, nodes, inner, free))
    yield from sorted([*inner, *ends], key=_when)
    if run["recording_faults"] is not None:
        extra = None if _is_import(run) else run["extra"]
        end = free.last + 1 if is_ordered else None
        yield _event(
            RunFinished, {**run, "seq": end, "recorded_at": _written_at(run), "extra": extra}
        )


class _FreePlaces:
    """The places in a run that no row has."""

    def __init__(self, taken: Iterable[int | None]) -> None:
        # A taken place leads to one after it, so that nobody walks a long way twice.
        self._next: dict[int, int] = {}
        self.last = -1
        """The highest place that is taken."""
        self.take(taken)

    def take(self, places: Iterable[int | None]) -> None:
        """Take places that rows have."""
        for place in places:
            if place is not None:
                self._next[place] = place + 1
                self.last = max(self.last, place)

    def take_first(self, lowest: int, *, until: int | None = None) -> int | None:
        """Take and return the first free place from `lowest` on; None when it is beyond `until`."""
        passed: list[int] = []
        found = lowest
        while found in self._next:
            passed.append(found)
            found = self._next[found]
        self._next.update(dict.fromkeys(passed, found))
        if until is not None and found > until:
            return None
        self.take([found])
        return found


def _node_events(
    run: Row, nodes: Sequence[Row], inner: Sequence[BaseEvent], free: _FreePlaces
) -> Iterator[BaseEvent]:
    """Yield starts and ends of nodes. An end comes after the calls of the node."""
    last: dict[str, int] = {}
    for event in inner:
        parent = getattr(event, "parent_span_id", None)
        if parent is not None and event.seq is not None:
            last[parent] = max(last.get(parent, 0), event.seq)
    # A recorder writes a start for each end. An import may write ends alone: then no place within
    # the run is free for them.
    within = free.last if _is_import(run) else None
    for row in sorted(nodes, key=_ending):
        start = {name: value for name, value in row.items() if name not in _OF_AN_END}
        if not _has_ended(row):
            yield _event(NodeStarted, start)
            continue
        if row["seq"] is None:
            yield _event(NodeFinished, row)
            continue
        lowest = max(row["seq"], last.get(row["span_id"], 0)) + 1
        end = free.take_first(lowest, until=within)
        if end is None:
            yield _event(NodeFinished, row)
            continue
        parent = row["parent_span_id"]
        if parent is not None:
            last[parent] = max(last.get(parent, 0), end)
        yield _event(NodeStarted, start)
        yield _event(NodeFinished, {**row, "seq": end, "recorded_at": _written_at(row)})


def _written_at(row: Row) -> datetime:
    """Return about when an end was written: when it came, and not before its beginning."""
    begun_at: datetime = row["recorded_at"]
    return max(row["ended_at"] or begun_at, begun_at)


def _has_ended(row: Row) -> bool:
    return any(row[name] is not None for name in _OF_AN_END)


def _ending(row: Row) -> tuple[datetime, int, int]:
    """Return by what ends of nodes are put in order; of equal times the inner node is first."""
    return row["ended_at"] or _LATEST, -(row["node_path"] or "").count("/"), row["seq"] or 0


def _event(model: type[E], row: Row) -> E:
    """Return a row as an event: what is NULL has the default of its field, where it has one."""
    fields = {
        name: row.get(name)
        for name, info in model.model_fields.items()
        if name != "kind" and (info.is_required() or row.get(name) is not None)
    }
    return model.model_validate(fields)


def _when(event: BaseEvent) -> datetime:
    return cast("datetime | None", getattr(event, "started_at", None)) or event.recorded_at


def _is_import(run: Row) -> bool:
    return bool(run["source"].startswith("import:"))


def _extra_of_start(run: Row) -> Any:
    """Return what the beginning said besides; a recorder says such things at the end."""
    return run["extra"] if _is_import(run) or run["recording_faults"] is None else None
