"""Shapes the spans of a run into the rows of the waterfall. Pure: no page, no client."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any, Final, Required, TypedDict

from secondtake.backend.formats import (
    CALL_PLACES,
    UNKNOWN,
    counted,
    duration,
    money,
    one_line,
    percent,
    tokens_in_out,
)
from secondtake.backend.models.runs import SpanTree, TreeSpan

TEXT_MAX: Final = 200
"""Characters of a name, a detail or an error that a row carries; more cannot be seen in it."""

RUN_ROW: Final = ""
"""Id of the row that stands for the run where no single agent span does."""

WORDS: Final = {
    "llm": "LLM",
    "tool": "tools",
    "retriever": "retrieval",
    "human": "person",
    "agent": "agent",
    "node": "nodes",
    "other": "other",
}
"""What each kind is called in a sentence."""

_LEAST_SHARE: Final = 0.005
_WHOLE: Final = 0.98
"""A critical path of so much of the run's time is all of it."""
_CALL_KINDS: Final = ("llm", "tool", "retriever", "human", "other")
_BRANCH: Final = re.compile(r"\[\d+:[^\]]+\]$")
_SERVED: Final = {"recorded": "recorded", "cache": "cached"}


class Row(TypedDict, total=False):
    """A row as the component gets it; what is unknown, empty or false is left out."""

    id: Required[str]
    depth: Required[int]
    kind: Required[str]
    name: Required[str]
    detail: str
    error: str
    flag: str
    """`recorded`, `cached`, `running` or `waiting`."""
    cost: str
    share: float
    """Of the dearest call of the run, 0 to 1; calls only."""
    sum: bool
    """Cost and time are those of what is below."""
    simulated: bool
    time: str
    start: float
    """Milliseconds since the axis begins."""
    end: float
    first: float
    """Milliseconds to the first token."""
    off: bool
    """Off the critical path."""
    tip: str


class Legend(TypedDict):
    """A colour and what it stands for."""

    kind: str
    word: str
    share: str | None
    """Of the critical path; None when it did not go through this kind."""


class Waterfall(TypedDict):
    """All that the component draws."""

    run: str
    rows: list[Row]
    end: float
    """Length of the axis in milliseconds; 0 when no time is known."""
    running: bool
    path: list[tuple[str, float, float]]
    """The critical path by kind: kind, start, end."""
    legend: list[Legend]
    foot: str
    simulated: bool


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """What a row needs to know of the whole tree."""

    begin: datetime | None
    end_ms: float
    running: bool
    kinds: Mapping[str, str]
    calls: Mapping[str, int]
    """Numbers of the LLM calls, by span."""
    branches: Mapping[str, tuple[int, int]]
    revisited: frozenset[tuple[str | None, str | None]]
    retried: frozenset[tuple[str | None, str | None, str | None]]
    dearest: Decimal
    has_path: bool


def waterfall(tree: SpanTree, *, name: str | None = None, running: bool = False) -> Waterfall:
    """Return what the waterfall of a run shows.

    Args:
        tree: the spans.
        name: of the run, for its row.
        running: the run has not ended: what is open grows to the end of the axis.
    """
    facts = _facts(tree, running=running)
    rows = [_row(span, facts) for span in tree.spans]
    if rows and not _has_agent_root(tree.spans):
        for row in rows:
            row["depth"] += 1
        rows.insert(0, _run_row(tree, name, facts))
    ends = [row["end"] for row in rows if "end" in row]
    path = _path(tree, facts.kinds)
    return Waterfall(
        run=str(tree.run_id),
        rows=rows,
        end=max([facts.end_ms, *ends]) if ends else 0.0,
        running=running,
        path=path,
        legend=_legend(facts.kinds.values(), path),
        foot=_foot(path, facts.end_ms) if ends else "The source of this run recorded no times.",
        simulated=any(span.simulated for span in tree.spans),
    )


def kinds_of(spans: Iterable[TreeSpan]) -> dict[str, str]:
    """Return the kind by which each span is drawn: its own, else `other`.

    It is `human` for a node that asks a person, and for the answer below it.
    """
    kinds: dict[str, str] = {}
    for span in spans:  # parents come first
        kind = span.span_kind if span.span_kind in WORDS else "other"
        is_answer = kind == "other" and kinds.get(span.parent_span_id or "") == "human"
        kinds[span.span_id] = "human" if span.node_kind == "human" or is_answer else kind
    return kinds


def call_numbers(spans: Iterable[TreeSpan]) -> dict[str, int]:
    """Return the number of each LLM call, from 1, in the order in which a run lists them."""
    calls = [span for span in spans if span.span_kind == "llm" and span.served_from is not None]
    calls.sort(key=lambda span: (span.seq is None, span.seq or 0))
    return {span.span_id: number for number, span in enumerate(calls, start=1)}


def clip(text: str, limit: int = TEXT_MAX) -> str:
    """Return foreign text in one line, with its length where it is cut."""
    line = one_line(text[: 2 * limit])
    if len(text) <= limit and len(line) <= 2 * limit:
        return line
    return f"{line[:limit]}… ({len(text):,} characters)"


def argument_words(preview: str) -> str:
    """Return arguments as `amount=84.90 · to=customer`; what is no whole JSON object as it is."""
    try:
        arguments = json.loads(preview)
    except ValueError:
        return preview
    if not isinstance(arguments, dict):
        return preview
    return " · ".join(f"{name}={_value(value)}" for name, value in arguments.items())


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _facts(tree: SpanTree, *, running: bool) -> _Facts:
    spans = tree.spans
    end_ms = 0.0
    if tree.started_at and tree.ended_at:
        end_ms = max((tree.ended_at - tree.started_at).total_seconds() * 1000, 0.0)
    costs = [span.cost_usd for span in spans if _is_call(span) and span.cost_usd is not None]
    return _Facts(
        begin=tree.started_at,
        end_ms=end_ms,
        running=running,
        kinds=kinds_of(spans),
        calls=call_numbers(spans),
        branches=_branches(spans),
        revisited=frozenset((s.parent_span_id, s.name) for s in spans if (s.visit or 1) > 1),
        retried=frozenset(_attempted(span) for span in spans if (span.attempt or 1) > 1),
        dearest=max(costs, default=Decimal(0)),
        has_path=bool(tree.critical_path),
    )


def _is_call(span: TreeSpan) -> bool:
    return span.served_from is not None


def _attempted(span: TreeSpan) -> tuple[str | None, str | None, str | None]:
    return span.parent_span_id, span.span_kind, span.name


def _branches(spans: Iterable[TreeSpan]) -> dict[str, tuple[int, int]]:
    """Return for each branch of a fan-out its number and how many there are."""
    groups: dict[Any, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for span in spans:
        if not _is_call(span) and span.node_path and _BRANCH.search(span.node_path):
            key = (span.parent_span_id, span.name, span.visit)
            groups[key][span.node_path].append(span.span_id)  # attempts share a path
    return {
        span_id: (number, len(paths))
        for paths in groups.values()
        if len(paths) > 1
        for number, ids in enumerate(paths.values(), start=1)
        for span_id in ids
    }


def _has_agent_root(spans: Sequence[TreeSpan]) -> bool:
    return spans[0].span_kind == "agent" and all(span.depth > 0 for span in spans[1:])


def _run_row(tree: SpanTree, name: str | None, facts: _Facts) -> Row:
    roots = [span for span in tree.spans if span.depth == 0]
    known = [span.cost_usd for span in roots if span.cost_usd is not None]
    row = Row(id=RUN_ROW, depth=0, kind="agent", name=clip(name or "run"), sum=True)
    cost = sum(known, start=Decimal(0)) if known else None
    _add_cost(row, cost, sum(span.unpriced_calls for span in roots), is_llm=False)
    row["time"] = duration(facts.end_ms) if facts.begin else UNKNOWN
    if facts.begin:
        row["start"], row["end"] = 0.0, facts.end_ms
    if facts.running:
        row["flag"] = "running"
    return row


def _row(span: TreeSpan, facts: _Facts) -> Row:
    kind = facts.kinds[span.span_id]
    name = span.name or ("LLM call" if kind == "llm" else "(no name)")
    row = Row(id=span.span_id, depth=span.depth, kind=kind, name=clip(name))
    if detail := _detail(span, kind, facts):
        row["detail"] = detail
    if span.error_type or span.error_message:
        row["error"] = clip(": ".join(filter(None, (span.error_type, span.error_message))))
    if span.served_from in _SERVED:
        row["flag"] = _SERVED[span.served_from]
    tips = _add_times(row, span, facts)
    tips += _add_cost(row, span.cost_usd, span.unpriced_calls, is_llm=kind == "llm")
    if span.simulated:
        row["simulated"] = True
    if not _is_call(span):
        row["sum"] = True
    elif span.cost_usd and facts.dearest > 0:
        row["share"] = round(float(span.cost_usd / facts.dearest), 3)
    if facts.has_path and not span.is_critical:
        row["off"] = True
    if tips:
        row["tip"] = " · ".join(tips)
    return row


def _detail(span: TreeSpan, kind: str, facts: _Facts) -> str:
    parts: list[str] = []
    if span.span_id in facts.calls:
        parts.append(f"call {facts.calls[span.span_id]}")
    if (span.parent_span_id, span.name) in facts.revisited and span.visit:
        parts.append(f"visit {span.visit}")
    if span.span_id in facts.branches:
        number, of_all = facts.branches[span.span_id]
        parts.append(f"branch {number} of {of_all}")
    if span.attempt and _attempted(span) in facts.retried:
        parts.append(f"attempt {span.attempt}")
    if kind == "llm" and (span.input_tokens is not None or span.output_tokens is not None):
        parts.append(tokens_in_out(span.input_tokens, span.output_tokens))
    if span.preview:
        parts.append(clip(argument_words(span.preview)))
    return " · ".join(parts)


def _add_times(row: Row, span: TreeSpan, facts: _Facts) -> list[str]:
    """Give a row its time and its bar, and return what there is to say about them."""
    start = None
    if span.started_at and facts.begin:
        start = (span.started_at - facts.begin).total_seconds() * 1000
    length = _length_ms(span)
    is_open = length is None and start is not None
    tips: list[str] = []
    if is_open and facts.running and start is not None:
        row["flag"] = "waiting" if row["kind"] == "human" else "running"
        length = max(facts.end_ms - start, 0.0)
    elif is_open:
        tips.append("never ended")
    row["time"] = duration(length)
    if start is not None and length is not None:
        row["start"] = round(start, 3)
        row["end"] = round(start + length, 3)
    if span.time_to_first_token_ms is not None and length:
        row["first"] = round(min(span.time_to_first_token_ms, length), 3)
        tips.append(f"first token after {duration(span.time_to_first_token_ms)}")
    return tips


def _length_ms(span: TreeSpan) -> float | None:
    if span.duration_ms is not None:
        return span.duration_ms
    if span.started_at and span.ended_at:
        return max((span.ended_at - span.started_at).total_seconds() * 1000, 0.0)
    return None


def _add_cost(row: Row, cost: Decimal | None, unpriced: int, *, is_llm: bool) -> list[str]:
    """Give a row its cost, and return what there is to say about it."""
    if cost is not None:
        shown = money(cost, places=CALL_PLACES)
        row["cost"] = f"≥{shown}" if unpriced else shown
    elif unpriced or is_llm:
        row["cost"] = UNKNOWN
    return [f"{counted(unpriced, 'call')} unpriced"] if unpriced else []


def _path(tree: SpanTree, kinds: Mapping[str, str]) -> list[tuple[str, float, float]]:
    """Return the critical path by kind, with neighbours of one kind joined."""
    pieces = [
        (kinds.get(piece.span_id, "other"), piece.started_ms, piece.ended_ms)
        for piece in tree.critical_path
    ]
    joined: list[tuple[str, float, float]] = []
    for kind, group in groupby(pieces, key=lambda piece: piece[0]):
        for _, start, end in group:
            if joined and joined[-1][0] == kind and abs(joined[-1][2] - start) < 0.5:
                joined[-1] = (kind, joined[-1][1], round(end, 3))
            else:
                joined.append((kind, round(start, 3), round(end, 3)))
    return joined


def _legend(kinds: Iterable[str], path: Sequence[tuple[str, float, float]]) -> list[Legend]:
    """Return the kinds that occur in colour, those that took most of the critical path first."""
    spent: dict[str, float] = defaultdict(float)
    for kind, start, end in path:
        spent[kind] += end - start
    whole = sum(spent.values())
    there = {kind for kind in kinds if kind in _CALL_KINDS}
    there |= {kind for kind, part in spent.items() if part >= _LEAST_SHARE * whole > 0}
    ordered = sorted(there, key=lambda kind: (-spent[kind], list(WORDS).index(kind)))
    return [
        Legend(
            kind=kind,
            word=WORDS[kind],
            share=percent(spent[kind], whole) if spent[kind] >= _LEAST_SHARE * whole > 0 else None,
        )
        for kind in ordered
    ]


def _foot(path: Sequence[tuple[str, float, float]], whole_ms: float) -> str:
    """Return how long the critical path is, and of what when the run also did other things."""
    if not path:
        return "critical path unknown"
    length_ms = sum(end - start for _, start, end in path)
    said = f"critical path {duration(length_ms)}"
    return said if length_ms >= _WHOLE * whole_ms else f"{said} of {duration(whole_ms)}"
