"""The conversation: what was said and done in a run, in order."""

from collections.abc import Sequence
from typing import Final

from secondtake.backend.formats import counted
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.conversation_window import window_of
from secondtake.studio.run_page.failure import attempt_line
from secondtake.studio.run_page.long_text import action
from secondtake.studio.run_page.message_view import message_view, turn_head
from secondtake.studio.run_page.person import person_view
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.threads import Thread, Turn
from secondtake.studio.run_page.tool_view import tool_view

EARLIER_ACT: Final = "turns-earlier"
LATER_ACT: Final = "turns-later"

ORIGINS: Final = {
    "shared": "same instructions as above",
    "branch": "branches off after",
    "again": "asked the same again after",
    "edited": "the history was edited after",
}


def conversation(reading: Reading) -> Html:
    """Return the conversations of a run, as much of them as a page can bear."""
    threads = reading.view.conversations.threads
    if not threads:
        return _nothing(reading)
    window = window_of(threads, wanted=reading.window, chosen=reading.turn)
    parts: list[Html] = []
    if window.first:
        parts.append(_more(f"Show {counted(window.first, 'earlier turn')}", EARLIER_ACT))
    parts += [_thread(each, turns, reading) for each, turns in window.parts(threads)]
    if window.left:
        parts.append(_more(f"Show {counted(window.left, 'later turn')}", LATER_ACT))
    return el("div", parts, cls="conversation")


def _thread(thread: Thread, turns: Sequence[Turn], reading: Reading) -> Html:
    is_alone = len(reading.view.conversations.threads) == 1
    head = None if is_alone else _thread_head(thread)
    views: list[Html] = []
    path = thread.node_path
    for turn in turns:
        if turn.node_path != path and turn.node_path is not None:
            views.append(_node_line(turn, reading))
        path = turn.node_path or path
        views.append(turn_view(turn, reading))
    return el("div", head, views, cls="thread", data_key=thread.key)


def _thread_head(thread: Thread) -> Html:
    calls = {call.row.span_id for turn in thread.turns for call in turn.calls}
    said = [counted(len(calls), "call")] if calls else []
    if thread.origin == "shared":
        said.append(ORIGINS["shared"])
    elif thread.origin in ORIGINS:
        said.append(f"{ORIGINS[thread.origin]} {counted(len(thread.shared), 'message')}")
    colour = "warn" if thread.origin == "edited" else "ink3"
    return el(
        "h3",
        el("span", thread.title, cls="thread-name"),
        icon("alt_route" if thread.origin in ("branch", "edited") else "forum", cls=colour),
        el("span", " · ".join(said), cls="warn" if thread.origin == "edited" else "meta"),
        cls="thread-head",
    )


def _node_line(turn: Turn, reading: Reading) -> Html:
    return el("div", icon("crop_square"), reading.name_of(turn.node_path), cls="node-line")


def turn_view(turn: Turn, reading: Reading) -> Html:
    """Return one turn."""
    chosen = turn.key == reading.turn and reading.use is None
    cls = f"turn turn-{turn.kind}" + (" is-chosen" if chosen else "")
    if turn.kind == "person":
        body = person_view(turn, reading)
    elif turn.kind == "message" and turn.message is not None:
        body = message_view(turn, turn.message, reading)
    elif turn.kind == "tools":
        body = join(tool_view(use, reading) for use in turn.tools)
    else:
        body = _call_without_words(turn, reading)
    return el("div", body, cls=cls, data_key=turn.key)


def _call_without_words(turn: Turn, reading: Reading) -> Html:
    head = turn_head("neurology", "Assistant", turn)
    if turn.kind == "failed":
        return join(head, attempt_line(turn.calls[0].row, reading))
    return join(head, el("div", "What was said was not recorded.", cls="meta"))


def _more(label: str, act: str) -> Html:
    return el("div", action(label, act), cls="more")


def _nothing(reading: Reading) -> Html:
    running = reading.view.is_running
    said = (
        "Nothing was said yet."
        if running
        else "This run has no messages and no tool calls: it ended before a model was asked."
    )
    return el("div", icon("forum", cls="empty-icon"), el("p", said), cls="empty small")
