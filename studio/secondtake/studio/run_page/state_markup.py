"""The state of a run as markup. Pure: no page, no client."""

from collections.abc import Sequence
from typing import Final

from secondtake.backend.formats import count, counted
from secondtake.backend.models.records import MemoryRow
from secondtake.backend.models.runs import StateAt
from secondtake.studio.html import Html, el, icon
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.run_page.long_text import Pieces, Place, text_block
from secondtake.studio.run_page.state_rows import (
    DIFF_CHARS,
    LONG_TERM,
    StateRow,
    change_count,
    heading,
    long_term,
    memory_line,
    nested_changes,
    state_rows,
    word_diff,
)

STATE_TABLE: Final = "state"
"""In a `Place`: a value of the state after the step that `row` says."""
ROWS_MAX: Final = 200
"""Of the memory at most; all of it is under Raw and in SQL."""


def state_markup(now: StateAt, before: StateAt | None, pieces: Pieces) -> Html:
    """Return the state after a step: what it changed first, with an accent bar."""
    rows = [_state_row(row, now, pieces) for row in state_rows(now, before)]
    head = el(
        "div",
        el("b", heading(now), cls="state-title"),
        el("span", change_count(now), cls="state-count"),
        cls="pane-head state-head",
    )
    problems = [
        el("div", icon("error", cls="error"), el("span", problem), cls="state-problem")
        for problem in now.problems
    ]
    nothing = el("div", "The state is empty at this point.", cls="state-empty")
    return el("div", head, problems, rows or nothing, cls="state", data_key=f"at-{now.step}")


def memory_markup(memory: Sequence[MemoryRow], pieces: Pieces) -> Html | None:
    """Return what was read from and written to long-term memory; None when nothing was."""
    kept, nested = long_term(memory), nested_changes(memory)
    if not kept and not nested:
        return None
    parts: list[Html] = []
    if kept:
        reads = sum(row.operation == "read" for row in kept)
        said = f"{counted(reads, 'read')} · {counted(len(kept) - reads, 'write')}"
        parts += _memory_part("Long-term memory", said, kept, pieces)
    if nested:
        said = counted(len(nested), "change")
        parts += _memory_part("State inside nested workflows", said, nested, pieces)
    return el("div", parts, cls="state memory")


def no_state(*, running: bool = False) -> Html:
    """Return what there is to say of a run without a state."""
    said = (
        "No state so far: a workflow keeps one between its steps."
        if running
        else "This run recorded no state: only workflows keep one between their steps."
    )
    return el("div", said, cls="state-empty state-none")


def _memory_part(title: str, said: str, rows: Sequence[MemoryRow], pieces: Pieces) -> list[Html]:
    head = el(
        "div",
        el("b", title, cls="state-title"),
        el("span", said, cls="state-count"),
        cls="pane-head state-head",
    )
    shown = [_memory_row(row, number, pieces) for number, row in enumerate(rows[:ROWS_MAX])]
    if len(rows) > ROWS_MAX:
        text = f"The first {count(ROWS_MAX)} of {count(len(rows))}; the others are under Raw."
        shown.append(el("div", text, cls="state-empty"))
    return [head, *shown]


def _state_row(row: StateRow, now: StateAt, pieces: Pieces) -> Html:
    place = Place(table=STATE_TABLE, row=str(now.step), field=row.key)
    value: list[Html | str] = [row.line]
    if row.before_line is not None:
        value = [el("del", row.before_line), el("span", " → ", cls="faint"), el("ins", row.line)]
    where = row.mark or row.where
    key = name_line(row.key)
    summary = el(
        "summary",
        icon("chevron_right", cls="fold-mark"),
        el("span", key, cls="state-key cut", title=key),
        el("span", value, cls="state-line cut"),
        el("span", where, cls="state-where cut", title=row.where),
    )
    return el(
        "details",
        summary,
        el("div", _full(row, place, pieces), cls="state-full"),
        cls="state-row is-changed" if row.mark else "state-row",
        data_key=f"key-{row.key}",
    )


def _full(row: StateRow, place: Place, pieces: Pieces) -> list[Html]:
    if row.before is None or row.before == row.text:
        return [_whole(row, place, pieces)]
    if max(row.total, len(row.before), len(row.text)) <= DIFF_CHARS and place not in pieces:
        said = [
            text if op == "same" else el(op, text) for op, text in word_diff(row.before, row.text)
        ]
        return [el("div", "before → after", cls="state-side"), el("div", said, cls="said mono")]
    return [
        el("div", "after", cls="state-side"),
        _whole(row, place, pieces),
        el("div", "before", cls="state-side"),
        el("div", row.before, cls="said mono"),
    ]


def _whole(row: StateRow, place: Place, pieces: Pieces) -> Html:
    # Of a clipped value the whole is longer than what is laid out here.
    total = max(row.total, len(row.text))
    return text_block(row.text, place, pieces, total=total, cls="said mono", fold_at=total)


def _memory_row(row: MemoryRow, number: int, pieces: Pieces) -> Html:
    line = memory_line(row)
    key = name_line(line.key)
    place = Place(table="memory", row=str(row.seq), field="value")
    is_read = row.operation == "read"
    scope = name_line(row.scope) if row.scope and row.operation in LONG_TERM else None
    said = " · ".join(part for part in (row.operation, scope, line.where) if part)
    summary = el(
        "summary",
        icon("chevron_right", cls="fold-mark"),
        el(
            "span",
            icon("download" if is_read else "edit", cls="faint"),
            key,
            cls="state-key cut",
            title=key,
        ),
        el("span", line.line, cls="state-line cut"),
        el("span", said, cls="state-where cut", title=said),
    )
    return el(
        "details",
        summary,
        el("div", _whole(line, place, pieces), cls="state-full"),
        cls="state-row",
        data_key=f"memory-{row.seq}-{number}",
    )
