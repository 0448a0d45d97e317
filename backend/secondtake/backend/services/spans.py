"""Builds the tree of a run from its spans, whatever their parents claim."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, TypeVar

from secondtake.backend.models.runs import TreeSpan

N = TypeVar("N", int, Decimal)

TOOL_KINDS: Final = ("tool", "retriever")


@dataclass(kw_only=True)
class _Sums:
    """What a span and all spans below it add up to. Only leaf calls have amounts."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    unpriced_calls: int = 0
    llm_calls: int = 0
    tool_calls: int = 0


@dataclass(kw_only=True)
class _Place:
    """A span while the tree is built."""

    row: Mapping[str, Any]
    depth: int
    sums: _Sums = field(default_factory=_Sums)


def build_tree(rows: Sequence[Mapping[str, Any]]) -> list[TreeSpan]:
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
    return [_tree_span(place) for place in places]


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
        places.append(_Place(row=rows[number], depth=depth))
        below = children.get(rows[number]["span_id"], ())
        waiting.extend((child, depth + 1) for child in reversed(below))


def _sum_up(places: list[_Place]) -> None:
    """Add each span to all above it, from the leaves: pre-order backwards."""
    open_at: dict[int, list[_Sums]] = defaultdict(list)
    for place in reversed(places):
        below = open_at.pop(place.depth + 1, [])
        place.sums = _total([_own(place.row), *below])
        open_at[place.depth].append(place.sums)


def _own(row: Mapping[str, Any]) -> _Sums:
    is_call = row["served_from"] is not None  # the executions of nodes are not served
    if row["span_kind"] == "llm" and is_call:
        return _Sums(
            input_tokens=row["input_tokens"],
            output_tokens=row["output_tokens"],
            cost_usd=row["cost_usd"],
            unpriced_calls=int(_is_unpriced(row)),
            llm_calls=1,
        )
    is_tool = row["span_kind"] in TOOL_KINDS and is_call
    return _Sums(cost_usd=row["cost_usd"], tool_calls=int(is_tool))


def _is_unpriced(row: Mapping[str, Any]) -> bool:
    """Tell whether a live call used something whose price is unknown, as the totals of runs do."""
    unused = row["input_tokens"] is None and row["output_tokens"] is None
    free = row["error_type"] is not None and unused
    return row["cost_usd"] is None and row["served_from"] == "live" and not free


def _total(parts: Sequence[_Sums]) -> _Sums:
    return _Sums(
        input_tokens=_add(part.input_tokens for part in parts),
        output_tokens=_add(part.output_tokens for part in parts),
        cost_usd=_add(part.cost_usd for part in parts),
        unpriced_calls=sum(part.unpriced_calls for part in parts),
        llm_calls=sum(part.llm_calls for part in parts),
        tool_calls=sum(part.tool_calls for part in parts),
    )


def _add(values: Iterable[N | None]) -> N | None:
    total: N | None = None
    for value in values:
        if value is not None:
            total = value if total is None else total + value
    return total


def _tree_span(place: _Place) -> TreeSpan:
    row = {name: place.row[name] for name in TreeSpan.model_fields if name in place.row}
    return TreeSpan.model_validate(row | vars(place.sums) | {"depth": place.depth})
