"""Puts the spans of a trace into order and under their parents, as far as the source is whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from secondtake.backend.dialects.shapes import ReadSpan

_LAST: Final = datetime.max.replace(tzinfo=UTC)
_BREAK: Final = -1


@dataclass(frozen=True, kw_only=True)
class PlacedSpan:
    """A span and its place in the tree."""

    read: ReadSpan
    span_id: str | None
    """None: it has none, or another span of the trace has the same; one is made."""
    parent_span_id: str | None
    missing_parent: str | None
    """The parent that it names and that the source does not hold, or that is its descendant."""


def placed(spans: Sequence[ReadSpan]) -> list[PlacedSpan]:
    """Return the spans by their beginning, parents before children, those without time last.

    Nothing is invented: where a parent is missing the span has none, and `missing_parent` says so.
    """
    index = {span.raw.span_id: place for place, span in reversed(list(enumerate(spans)))}
    parents = [_parent(span, index) for span in spans]
    depths = _depths(parents)
    by_depth = sorted(range(len(spans)), key=lambda place: max(depths[place], 0))
    begins: dict[int, datetime] = {}
    for place in by_depth:
        above = parents[place] if depths[place] > 0 else None
        begun = spans[place].raw.started_at or _LAST
        # Clocks of two processes may say that a step began before the one that holds it.
        begins[place] = begun if above is None else max(begun, begins[above])
    order = sorted(by_depth, key=lambda place: (begins[place], max(depths[place], 0), place))
    found: list[PlacedSpan] = []
    for place in order:
        span, parent = spans[place], parents[place]
        is_held = parent is not None and depths[place] != _BREAK
        named = span.raw.parent_span_id or None
        found.append(
            PlacedSpan(
                read=span,
                span_id=span.raw.span_id if index.get(span.raw.span_id) == place else None,
                parent_span_id=named if is_held else None,
                missing_parent=None if is_held else named,
            )
        )
    return found


def _parent(span: ReadSpan, index: dict[str | None, int]) -> int | None:
    named = span.raw.parent_span_id
    return index.get(named) if named else None


def _depths(parents: Sequence[int | None]) -> list[int]:
    """Return how deep each span lies; `_BREAK` for one whose parent would close a ring."""
    depths: list[int | None] = [None] * len(parents)
    for first in range(len(parents)):
        path: list[int] = []
        place: int | None = first
        on_path: set[int] = set()
        while place is not None and depths[place] is None and place not in on_path:
            path.append(place)
            on_path.add(place)
            place = parents[place]
        if place is not None and place in on_path:
            depths[place] = _BREAK
            path.remove(place)
        for below in reversed(path):
            above = parents[below]
            depths[below] = 0 if above is None else max(depths[above] or 0, 0) + 1
    return [depth or 0 for depth in depths]
