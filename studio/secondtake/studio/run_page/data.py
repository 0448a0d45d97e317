"""What the Run page shows, fetched: a run with its rows and spans, kept while one clicks about."""

import threading
from collections import OrderedDict
from functools import cached_property
from typing import Final
from uuid import UUID

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.records import MessageRow, NodeTiming
from secondtake.backend.models.runs import RunDetail, SpanTree
from secondtake.backend.models.workflows import RunGraph
from secondtake.studio.run_page.blobs import data_uri
from secondtake.studio.run_page.long_text import BLOCK_CHARS
from secondtake.studio.run_page.threads import Conversations, Turn, conversations
from secondtake.studio.run_page.tool_rows import ToolUse

KEPT_RUNS: Final = 8
KEPT_PICTURES: Final = 32
RUNNING: Final = "running"


class RunView:
    """A run as the page shows it, and what is derived from it, once."""

    def __init__(self, detail: RunDetail, tree: SpanTree) -> None:
        self.detail = detail
        self.tree = tree
        self.graph: RunGraph | None = None
        """Fetched when it is looked at."""

    @property
    def run_id(self) -> str:
        """Its id in full."""
        return str(self.detail.summary.run_id)

    @property
    def is_running(self) -> bool:
        """True while more may come."""
        return self.detail.summary.status == RUNNING

    @cached_property
    def messages(self) -> dict[UUID, MessageRow]:
        """Its messages by id."""
        return {message.message_id: message for message in self.detail.messages}

    @cached_property
    def conversations(self) -> Conversations:
        """Its messages as conversations."""
        return conversations(self.detail)

    def asked_tools(self, message: MessageRow) -> list[ToolUse]:
        """Return the tool calls that a message asks for."""
        turn = self._turns.get(message.message_id)
        return turn.tools if turn is not None else []

    def tool_answered_by(self, message: MessageRow) -> str | None:
        """Return the name of the tool that a tool message is the answer of."""
        return self._answered.get(message.message_id)

    @cached_property
    def _answered(self) -> dict[UUID, str]:
        return {
            use.answer.message_id: use.name
            for turn in self._turns.values()
            for use in turn.tools
            if use.answer is not None and use.name is not None
        }

    @cached_property
    def _turns(self) -> dict[UUID, Turn]:
        return {
            turn.message.message_id: turn
            for thread in self.conversations.threads
            for turn in thread.turns
            if turn.message is not None
        }

    @cached_property
    def questions(self) -> list[NodeTiming]:
        """The nodes that wait for a person's answer."""
        return [
            node
            for node in self.detail.node_timings
            if self.is_running and node.question is not None and node.ended_at is None
        ]


class _Kept:
    """The last few runs that have ended; shared by all sessions."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[str, str], RunView] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str]) -> RunView | None:
        with self._lock:
            view = self._views.get(key)
            if view is not None:
                self._views.move_to_end(key)
            return view

    def put(self, key: tuple[str, str], view: RunView) -> None:
        with self._lock:
            self._views[key] = view
            self._views.move_to_end(key)
            while len(self._views) > KEPT_RUNS:
                self._views.popitem(last=False)


def load_view(client: Client, name: str, *, may_be_kept: bool) -> RunView:
    """Return a run; of one that has ended the one that is kept, if it may be.

    Args:
        client: asks the backend.
        name: the run's id, a unique prefix of it, or `last`.
        may_be_kept: False when a page is opened: scores may have come since.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        NoServerError: no server answers.
    """
    kept = _kept()
    view = kept.get((client.url, name)) if may_be_kept else None
    if view is None:
        # In this order: a run that ends in between is fetched once more, never shown half.
        detail = client.get_run(name, max_chars=BLOCK_CHARS)
        view = RunView(detail, client.run_spans(str(detail.summary.run_id)))
        if not view.is_running:
            kept.put((client.url, view.run_id), view)
    return view


def load_graph(client: Client, view: RunView) -> RunGraph:
    """Return the graph of a run.

    Raises:
        NoServerError: no server answers.
    """
    if view.graph is None:
        view.graph = client.run_graph(view.run_id)
    return view.graph


def load_picture(client: Client, sha256: str) -> str | None:
    """Return a picture as an address that holds its bytes; None when it cannot be shown."""
    return _load_picture(client.url, sha256, client)


@st.cache_resource(show_spinner=False)
def _kept() -> _Kept:
    return _Kept()


@st.cache_resource(show_spinner=False, max_entries=KEPT_PICTURES)
def _load_picture(url: str, sha256: str, _client: Client) -> str | None:
    try:
        return data_uri(_client.read_blob(sha256))
    except SecondTakeError:
        return None
