"""The state of a run after any of its steps, on the page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.records import MemoryRow
from secondtake.backend.models.runs import SpanTree, StateAt, StateQuery, TextPiece, TextQuery
from secondtake.studio.components.pane import Act, Download, show_pane
from secondtake.studio.html import join
from secondtake.studio.html import show as put
from secondtake.studio.run_page.long_text import (
    DOWNLOAD_ACT,
    NEXT_ACT,
    PIECE_CHARS,
    Place,
)
from secondtake.studio.run_page.state_markup import (
    STATE_TABLE,
    memory_markup,
    no_state,
    state_markup,
)
from secondtake.studio.run_page.state_rows import piece_text, slider_label, step_of_span

VALUE_CHARS: Final = 4_000
"""Of a value at first."""

_KEY: Final = "run_state"


@dataclass(kw_only=True)
class _Reader:
    """What one reader opened, and where the slider was put by the page."""

    run: str
    span_id: str | None = None
    moves: int = 0
    """How often the page moved the slider: each time it is a new one."""
    pieces: dict[Place, TextPiece] = field(default_factory=dict[Place, TextPiece])
    download: Download | None = None


def show_state(
    client: Client,
    run: str,
    *,
    step: int | None,
    span_id: str | None = None,
    tree: SpanTree | None = None,
    memory: Sequence[MemoryRow] = (),
) -> int | None:
    """Show the state of a run after a step, and return the step; None is the end of the run.

    Choosing a span moves to the step that it made.

    Args:
        client: asks the backend.
        run: id of the run.
        step: the step that the page shows. What the function returns goes here the next time.
        span_id: the span that the page has selected.
        tree: the spans of the run, to find the step of a span inside a node.
        memory: the rows of the memory, of which reads and writes are listed below.
    """
    reader = _reader(run, span_id)
    now = _state_at(client, run, step)
    if span_id != reader.span_id:
        reader.span_id = span_id
        made = step_of_span(now.steps, tree, span_id) if tree and span_id else None
        if made is not None and made != now.step:
            reader.moves += 1
            now = _state_at(client, run, made)
    with st.container(key=_KEY, gap=None):
        chosen = _slider(reader, now)
        if chosen != now.step:
            now = _state_at(client, run, chosen)
        _show_values(client, reader, now, memory)
    return None if now.step == len(now.steps) - 1 else now.step


def show_no_state(*, running: bool) -> None:
    """Say that there is no state, where it would be."""
    with st.container(key=_KEY, gap=None):
        put(no_state(running=running))


def _reader(run: str, span_id: str | None) -> _Reader:
    kept = st.session_state.get(f"{_KEY}:reader")
    if isinstance(kept, _Reader) and kept.run == run:
        return kept
    # A span that the address names has its step beside it.
    made = st.session_state[f"{_KEY}:reader"] = _Reader(run=run, span_id=span_id)
    return made


def _state_at(client: Client, run: str, step: int | None) -> StateAt:
    try:
        return client.fold_state(StateQuery(run=run, step=step, max_chars=VALUE_CHARS))
    except NotFoundError:
        if step is None:
            raise
        return _state_at(client, run, None)  # an address may name a step that there is not


def _slider(reader: _Reader, now: StateAt) -> int:
    """Let a step be chosen. A run that goes on gets a longer slider, which is another one."""
    last = len(now.steps) - 1
    if last < 1:
        return now.step
    chosen = st.select_slider(
        "Step",
        options=range(last + 1),
        value=now.step,
        format_func=lambda step: slider_label(now.steps, step),
        key=f"{_KEY}:{reader.run}:{reader.moves}:{last}",
        label_visibility="collapsed",
    )
    return int(chosen)


def _show_values(
    client: Client, reader: _Reader, now: StateAt, memory: Sequence[MemoryRow]
) -> None:
    has_state = len(now.steps) > 1 or bool(now.values)
    before = None
    if now.step > 0:
        before = _state_at(client, reader.run, now.step - 1)
    values = state_markup(now, before, reader.pieces) if has_state else no_state()

    def acted(act: Act) -> None:
        _act(client, reader, act)

    show_pane(
        join(values, memory_markup(memory, reader.pieces)),
        key=f"{_KEY}_values",
        on_act=acted,
        download=reader.download,
    )


def _act(client: Client, reader: _Reader, act: Act) -> None:
    """Fetch what was asked for of a long value."""
    found = Place.unpacked(act.value)
    if found is None:
        return
    place, offset = found
    if act.name == NEXT_ACT:
        reader.pieces[place] = read_piece(client, reader.run, place, offset, PIECE_CHARS)
    elif act.name == DOWNLOAD_ACT:
        whole = read_piece(client, reader.run, place, 0, None)
        token = f"{place.packed()}:{id(whole)}"
        reader.download = Download(token=token, file_name="value.txt", text=whole.text)


def read_piece(client: Client, run: str, place: Place, offset: int, limit: int | None) -> TextPiece:
    """Return a piece of a value, by the characters of its text or its compact JSON; None: all."""
    if place.table != STATE_TABLE:
        query = TextQuery(run=run, table="memory", row=place.row, field=place.field, offset=offset)
        if limit is None:
            total = client.read_text(query).total_chars
            return client.read_text(query.model_copy(update={"limit": max(total, 1)}))
        return client.read_text(query.model_copy(update={"limit": limit}))
    end = None if limit is None else offset + limit
    state = client.fold_state(StateQuery(run=run, step=int(place.row), max_chars=end))
    text = piece_text(state.values.get(place.field))
    total = state.clipped.get(place.field, len(text))
    piece = text[offset:end]
    after = offset + len(piece)
    return TextPiece(
        text=piece,
        offset=offset,
        total_chars=total,
        next_offset=after if after < total else None,
    )
