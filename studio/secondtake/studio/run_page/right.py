"""The right pane: one of its tabs, and what a click in it means."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final
from uuid import uuid4

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.runs import TextQuery
from secondtake.studio.components.pane import Act, Download, show_pane
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page import (
    conversation,
    cost,
    failure,
    long_text,
    message_parts,
    message_view,
    model_saw,
    raw,
    tool_calls,
)
from secondtake.studio.run_page.conversation_window import end_of, start_of, window_of
from secondtake.studio.run_page.data import RunView, load_parts, load_picture, load_view
from secondtake.studio.run_page.page_state import PageState, Tab
from secondtake.studio.run_page.reading import Reading

TAB_WORDS: Final[Mapping[Tab, str]] = {
    "conversation": "Conversation",
    "saw": "What the model saw",
    "tools": "Tool calls",
    "cost": "Cost",
    "raw": "Raw",
}
DOWNLOAD_CHARS_MAX: Final = 100_000_000
"""Of a text that the browser saves; it travels in one message."""
READ_CHARS: Final = 10_000_000


def show_right(client: Client, view: RunView, state: PageState) -> None:
    """Show the tab that is chosen."""
    reading = Reading(
        view=view,
        span_id=state.span_id,
        pieces=state.pieces,
        picture=partial(load_picture, client),
        parts=partial(load_parts, client, view.run_id),
        opened=frozenset(state.opened),
        window=state.window,
    )
    download, state.download = state.download, None
    show_pane(
        join(_notice(view, state), failure.run_failure(reading), _tab(reading, state)),
        key="run_right",
        on_act=partial(act_on, client, view.run_id, state),
        scroll_to=_scroll_to(reading, state.tab),
        fits_window=True,
        test_id="run-right",
        address=state.address(),
        download=download,
    )


def act_on(client: Client, run_id: str, state: PageState, act: Act) -> None:
    """Do what a click in the pane means. It takes an id: what a page may call stays in memory."""
    state.tell(None)
    try:
        view = load_view(client, run_id, may_be_kept=True)
        _ACTS[act.name](client, view, state, act.value)
    except SecondTakeError as error:
        state.tell(str(error), is_bad=True)
    except KeyError:
        return  # of another version of the page, still open in a browser


def _tab(reading: Reading, state: PageState) -> Html:
    if state.tab == "saw":
        return model_saw.model_saw(reading)
    if state.tab == "tools":
        return tool_calls.tool_calls(reading, limit=state.tool_limit or tool_calls.ROWS_AT_ONCE)
    if state.tab == "cost":
        return cost.cost(reading, limit=state.cost_limit or cost.LINES_AT_ONCE)
    if state.tab == "raw":
        return raw.raw(reading)
    return conversation.conversation(reading)


def _notice(view: RunView, state: PageState) -> Html | None:
    """Return what came of the last thing that was asked for; good news only while it is news."""
    if state.notice is None or not (state.notice_is_bad or view.is_running):
        return None
    symbol = icon("error", cls="error") if state.notice_is_bad else icon("info")
    return el("div", symbol, state.notice, cls="notice", role="status")


def _scroll_to(reading: Reading, tab: Tab) -> str | None:
    if tab == "conversation":
        return reading.use or reading.turn
    prefix = {"tools": "row-", "cost": "cost-"}.get(tab)
    return f"{prefix}{reading.span_id}" if prefix and reading.span_id else None


def _choose_span(client: Client, view: RunView, state: PageState, value: str) -> None:
    state.choose(value)


def _choose_call(client: Client, view: RunView, state: PageState, value: str) -> None:
    for call in view.conversations.calls:
        if str(call.number) == value:
            state.choose(call.row.span_id)
            state.tab = "saw"


def _open(client: Client, view: RunView, state: PageState, value: str) -> None:
    state.opened.add(value)


def _next_piece(client: Client, view: RunView, state: PageState, value: str) -> None:
    found = long_text.Place.unpacked(value)
    if found is None:
        return
    place, offset = found
    if offset == 0:
        state.pieces.pop(place, None)
        return
    query = _query(view, place, offset=offset, limit=long_text.PIECE_CHARS)
    state.pieces[place] = client.read_text(query)


def _download_text(client: Client, view: RunView, state: PageState, value: str) -> None:
    found = long_text.Place.unpacked(value)
    if found is None:
        return
    place = found[0]
    name = f"{view.detail.summary.short_id}-{place.table}-{place.field}.txt"
    state.download = Download(token=str(uuid4()), file_name=name, text=_whole(client, view, place))


def _whole(client: Client, view: RunView, place: long_text.Place) -> str:
    texts: list[str] = []
    offset: int | None = 0
    while offset is not None and offset < DOWNLOAD_CHARS_MAX:
        piece = client.read_text(_query(view, place, offset=offset, limit=READ_CHARS))
        texts.append(piece.text)
        offset = piece.next_offset
    return "".join(texts)


def _query(view: RunView, place: long_text.Place, *, offset: int, limit: int) -> TextQuery:
    return TextQuery.model_validate(
        {
            "run": view.run_id,
            "table": place.table,
            "row": place.row,
            "field": place.field,
            "offset": offset,
            "limit": limit,
        }
    )


def _download_run(client: Client, view: RunView, state: PageState, value: str) -> None:
    detail = client.get_run(view.run_id)
    text = json.dumps(detail.model_dump(mode="json"), ensure_ascii=False, indent=1)
    name = f"{view.detail.summary.short_id}.json"
    state.download = Download(token=str(uuid4()), file_name=name, text=text)


def _more_tools(client: Client, view: RunView, state: PageState, value: str) -> None:
    state.tool_limit = int(value)


def _more_cost(client: Client, view: RunView, state: PageState, value: str) -> None:
    state.cost_limit = int(value)


def _earlier(client: Client, view: RunView, state: PageState, value: str) -> None:
    first, last = _window(view, state)
    turns = [turn for thread in view.conversations.threads for turn in thread.turns]
    state.window = (start_of(turns, first), last)


def _later(client: Client, view: RunView, state: PageState, value: str) -> None:
    first, last = _window(view, state)
    turns = [turn for thread in view.conversations.threads for turn in thread.turns]
    state.window = (first, end_of(turns, last))


def _window(view: RunView, state: PageState) -> tuple[int, int]:
    turn = view.conversations.places.get(state.span_id or "", (None, None))[0]
    window = window_of(view.conversations.threads, wanted=state.window, chosen=turn)
    return window.first, window.last


_ACTS: Final[Mapping[str, Callable[[Client, RunView, PageState, str], None]]] = {
    failure.SPAN_ACT: _choose_span,
    message_view.CALL_ACT: _choose_call,
    message_parts.PICTURE_ACT: _open,
    model_saw.OPEN_ACT: _open,
    tool_calls.OPEN_ACT: _open,
    raw.OPEN_ACT: _open,
    raw.MORE_ACT: _open,
    raw.DOWNLOAD_ACT: _download_run,
    long_text.NEXT_ACT: _next_piece,
    long_text.DOWNLOAD_ACT: _download_text,
    tool_calls.MORE_ACT: _more_tools,
    cost.MORE_ACT: _more_cost,
    conversation.EARLIER_ACT: _earlier,
    conversation.LATER_ACT: _later,
}
