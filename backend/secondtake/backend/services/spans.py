"""Builds the tree of a run from its spans, whatever their parents claim."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from secondtake.backend.models.runs import SpanTree, TreeSpan
from secondtake.backend.services.critical_path import Piece, Timed, find_critical_path
from secondtake.backend.store.rows import microseconds

N = TypeVar("N", int, float, Decimal)

TOOL_KINDS: Final = ("tool", "retriever")


@dataclass(kw_only=True, slots=True)
class SpanSums:
    """What a span and all spans below it add up to. Only leaf calls have amounts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    unpriced_calls: int = 0
    llm_calls: int = 0
    tool_calls: int = 0

    def add(self, other: "SpanSums") -> None:
        """Add what is known of another span."""
        self.input_tokens = add_known((self.input_tokens, other.input_tokens))
        self.output_tokens = add_known((self.output_tokens, other.output_tokens))
        self.cost_usd = add_known((self.cost_usd, other.cost_usd))
        self.unpriced_calls += other.unpriced_calls
        self.llm_calls += other.llm_calls
        self.tool_calls += other.tool_calls


@dataclass(kw_only=True, slots=True)
class _Place:
    """A span while the tree is built."""

    row: Mapping[str, Any]
    depth: int
    sums: SpanSums

    def fields(self, *, is_critical: bool = False) -> dict[str, Any]:
        """Return the fields of its `TreeSpan`."""
        sums = self.sums
        return {
            **self.row,
            "depth": self.depth,
            "is_critical": is_critical,
            "input_tokens": sums.input_tokens,
            "output_tokens": sums.output_tokens,
            "cost_usd": sums.cost_usd,
            "unpriced_calls": sums.unpriced_calls,
            "llm_calls": sums.llm_calls,
            "tool_calls": sums.tool_calls,
        }


@dataclass(frozen=True, kw_only=True)
class RunTimes:
    """What a run says of its own time."""

    status: str
    started_at: datetime | None
    ended_at: datetime | None


def span_tree(
    run_id: UUID, rows: Sequence[Mapping[str, Any]], run: RunTimes, *, now: datetime
) -> SpanTree:
    """Return the spans of a run as a tree, with the axis of its time and its critical path."""
    # Checked as a whole: thousands of spans one by one would take twice as long.
    return SpanTree.model_validate(tree_fields(run_id, rows, run, now=now))


def tree_fields(
    run_id: UUID, rows: Sequence[Mapping[str, Any]], run: RunTimes, *, now: datetime
) -> dict[str, Any]:
    """Return the fields of such a tree.

    A span that was open when its process died lasts as long as the run is known to have.
    """
    places = _places(rows)
    ended_at = [_end_of(place.row) for place in places]
    starts = _known([run.started_at, *(row["started_at"] for row in rows)])
    ends = _known([run.ended_at, *ended_at])
    began = min(starts, default=None)
    if run.status == "running" and began is not None:
        ends.append(now)
    ended = max([*ends, *starts], default=None)
    path = find_critical_path(
        [_timed(place, end or ended) for place, end in zip(places, ended_at, strict=True)]
    )
    return {
        "run_id": run_id,
        "spans": [
            place.fields(is_critical=number in path.spans) for number, place in enumerate(places)
        ],
        "started_at": began,
        "ended_at": ended,
        "critical_path": [_critical_piece(places, piece, began) for piece in path.pieces],
    }


def build_tree(rows: Sequence[Mapping[str, Any]]) -> list[TreeSpan]:
    """Return the spans in pre-order, each once, with the sums of what is below it."""
    return [TreeSpan.model_validate(place.fields()) for place in _places(rows)]


def sums_by_span(rows: Sequence[Mapping[str, Any]]) -> dict[str, SpanSums]:
    """Return for the id of each span what it and all below it add up to."""
    return {place.row["span_id"]: place.sums for place in _places(rows)}


def _places(rows: Sequence[Mapping[str, Any]]) -> list[_Place]:
    """Return the spans in pre-order, each once, with the sums of what is below it.

    `rows` come in the order that siblings shall have. A span whose parent is unknown is a root;
    of spans that are each other's parents the first is. A loop, not a recursion: a hostile
    import may nest as deep as it likes.
    """
    children: dict[str, list[int]] = defaultdict(list)
    known = {row["span_id"] for row in rows}
    roots: list[int] = []
    for number, row in enumerate(rows):
        parent = row["parent_span_id"]
        if parent in known and parent != row["span_id"]:
            children[parent].append(number)
        else:
            roots.append(number)
    places: list[_Place] = []
    seen: set[int] = set()
    for start in (*roots, *range(len(rows))):  # the second part finds what only cycles lead to
        _visit(start, rows, children, seen, places)
    _sum_up(places)
    return places


def _visit(
    start: int,
    rows: Sequence[Mapping[str, Any]],
    children: Mapping[str, list[int]],
    seen: set[int],
    places: list[_Place],
) -> None:
    waiting = [(start, 0)]
    while waiting:
        number, depth = waiting.pop()
        if number in seen:
            continue
        seen.add(number)
        places.append(_Place(row=rows[number], depth=depth, sums=_own(rows[number])))
        below = children.get(rows[number]["span_id"], ())
        waiting.extend((child, depth + 1) for child in reversed(below))


def _sum_up(places: list[_Place]) -> None:
    """Add each span to all above it, from the leaves: pre-order backwards."""
    below: dict[int, SpanSums] = {}
    for place in reversed(places):
        found = below.pop(place.depth + 1, None)
        if found is not None:
            place.sums.add(found)
        beside = below.get(place.depth)
        if beside is None:
            below[place.depth] = replace(place.sums)
        else:
            beside.add(place.sums)


def _own(row: Mapping[str, Any]) -> SpanSums:
    is_call = row["served_from"] is not None  # the executions of nodes are not served
    if row["span_kind"] == "llm" and is_call:
        return SpanSums(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            cost_usd=row["cost_usd"],
            unpriced_calls=int(_is_unpriced(row)),
            llm_calls=1,
        )
    is_tool = row["span_kind"] in TOOL_KINDS and is_call
    return SpanSums(cost_usd=row["cost_usd"], tool_calls=int(is_tool))


def _is_unpriced(row: Mapping[str, Any]) -> bool:
    """Tell whether a live call used something whose price is unknown, as the totals of runs do."""
    unused = row["input_tokens"] is None and row["output_tokens"] is None
    free = row["error_type"] is not None and unused
    return row["cost_usd"] is None and row["served_from"] == "live" and not free


def add_known(values: Iterable[N | None]) -> N | None:
    """Return the sum of what is known; None when nothing is."""
    total: N | None = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total


def _known(times: Iterable[datetime | None]) -> list[datetime]:
    return [time for time in times if time is not None]


def _end_of(row: Mapping[str, Any]) -> datetime | None:
    """Return when a span ended; by its duration where a clock was turned back meanwhile."""
    started_at: datetime | None = row["started_at"]
    ended_at: datetime | None = row["ended_at"]
    duration_ms: float | None = row["duration_ms"]
    if started_at is None or (ended_at is not None and ended_at >= started_at):
        return ended_at
    if duration_ms is None:
        return None if ended_at is None else started_at
    try:
        return started_at + timedelta(milliseconds=duration_ms)
    except OverflowError:
        return None


def _timed(place: _Place, ended_at: datetime | None) -> Timed:
    started_at = place.row["started_at"]
    return Timed(
        depth=place.depth,
        started_us=None if started_at is None else microseconds(started_at),
        ended_us=None if ended_at is None else microseconds(ended_at),
    )


def _critical_piece(
    places: Sequence[_Place], piece: Piece, began: datetime | None
) -> dict[str, Any]:
    assert began is not None, "a piece has a time, so the run has one"
    row, zero_us = places[piece.number].row, microseconds(began)
    return {
        "span_id": row["span_id"],
        "span_kind": row["span_kind"],
        "started_ms": (piece.started_us - zero_us) / 1000,
        "ended_ms": (piece.ended_us - zero_us) / 1000,
    }
