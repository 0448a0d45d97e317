"""What the Run page shows, fetched: a run with its rows and spans, kept while one clicks about."""

import hashlib
import json
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final
from uuid import UUID

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import SecondTakeError
from secondtake.backend.models.records import MessageRow, NodeTiming
from secondtake.backend.models.runs import RunDetail, SpanTree, TextQuery
from secondtake.backend.models.workflows import RunGraph
from secondtake.studio.run_page.blobs import data_uri
from secondtake.studio.run_page.long_text import BLOCK_CHARS
from secondtake.studio.run_page.threads import Conversations, Turn, conversations
from secondtake.studio.run_page.tool_rows import ToolUse
from secondtake.studio.run_page.waterfall import shaped

KEPT_RUNS: Final = 8
KEPT_BYTES: Final = 150_000_000
"""Of memory, as far as it can be told; the run that was shown last is kept whatever it takes."""
ROW_BYTES: Final = 7_000
"""Of memory that a row takes with what is derived from it; measured on a run of 5,000 spans."""
SETTLED_AFTER: Final = timedelta(seconds=10)
KEPT_PICTURES: Final = 32
PARTS_CHARS: Final = 400_000
"""Of the parts of a message, that are fetched whole: a few pictures that stand in it."""
RUNNING: Final = "running"


class RunView:
    """A run as the page shows it, and what is derived from it, once."""

    def __init__(self, detail: RunDetail, tree: SpanTree, *, version: str | None = None) -> None:
        self.detail = detail
        self.tree = tree
        self._version = version
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
    def version(self) -> str:
        """Differs from that of the same run once more of it is known."""
        return self._version or version_of(self.detail)

    @cached_property
    def weight_bytes(self) -> int:
        """Memory that it takes, about."""
        detail = self.detail
        rows = [len(detail.messages), len(detail.tool_calls), len(detail.llm_calls)]
        rows += [len(detail.node_timings), len(self.tree.spans)]
        texts = sum(len(message.content or "") for message in detail.messages)
        return ROW_BYTES * sum(rows) + 2 * texts

    @cached_property
    def waterfall(self) -> str:
        """The rows of its waterfall, as the component takes them."""
        run = self.detail.summary
        return shaped(self.tree, name=run.workflow or run.name, running=self.is_running)

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
    """The last few runs that were shown; shared by all sessions, which keep none of their own."""

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
            self._views.pop(key, None)
            self._views[key] = view
            while len(self._views) > KEPT_RUNS or self._is_too_much():
                self._views.popitem(last=False)

    def _is_too_much(self) -> bool:
        views = self._views.values()
        return len(views) > 1 and sum(view.weight_bytes for view in views) > KEPT_BYTES


def load_view(client: Client, name: str, *, may_be_kept: bool) -> RunView:
    """Return a run; the one that is kept, if it may be.

    What is kept of a run that goes on is renewed by `renew_view`.

    Args:
        client: asks the backend.
        name: the run's id, a unique prefix of it, or `last`.
        may_be_kept: False when a page is opened: a run that has ended is asked whether it is still
            as it was, scores may have come since; one that goes on is fetched.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        NoServerError: no server answers.
    """
    view = _kept().get((client.url, name))
    if view is not None and (may_be_kept or _is_as_it_was(client, view)):
        return view
    return _keep(client, _fetch(client, name))


def renew_view(client: Client, name: str, shown: str | None) -> RunView | None:
    """Look at a run that goes on; return it when it is no longer as it was shown.

    Args:
        client: asks the backend.
        name: as in `load_view`.
        shown: the `version` of what is shown.

    Raises:
        NoServerError: no server answers.
    """
    detail = client.get_run(name, max_chars=BLOCK_CHARS)
    version = version_of(detail)
    if version == shown:
        return None
    # In this order: a run that ends in between is looked at once more, never shown half.
    tree = client.run_spans(str(detail.summary.run_id))
    return _keep(client, RunView(detail, tree, version=version))


def version_of(detail: RunDetail) -> str:
    """Return what tells a run from itself as it was before."""
    text = detail.model_dump_json().encode()
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _is_as_it_was(client: Client, view: RunView) -> bool:
    """Ask for what can change of a run that has ended, which is little."""
    if view.is_running:
        return False
    now = client.get_run(view.run_id, max_chars=BLOCK_CHARS, parts=("evaluations",))
    renamed = {"short_id": view.detail.summary.short_id}  # of itself nothing has changed
    return (now.summary.model_copy(update=renamed), now.evaluations) == (
        view.detail.summary,
        view.detail.evaluations,
    )


def _fetch(client: Client, name: str) -> RunView:
    """Fetch a run, its spans at the same time."""
    begun = datetime.now(UTC)
    with ThreadPoolExecutor(max_workers=1) as aside:
        spans = aside.submit(client.run_spans, name)
        detail = client.get_run(name, max_chars=BLOCK_CHARS)
        tree = spans.result()
    run = detail.summary
    is_settled = run.ended_at is None or begun - run.ended_at > SETTLED_AFTER
    if run.status == RUNNING or tree.run_id != run.run_id or not is_settled:
        # The spans may be older than the rest. The other way round is looked at once more.
        tree = client.run_spans(str(run.run_id))
    return RunView(detail, tree)


def _keep(client: Client, view: RunView) -> RunView:
    _kept().put((client.url, view.run_id), view)
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


def load_parts(client: Client, run_id: str, message_id: UUID) -> list[Any]:
    """Return all parts of a message that came clipped; none of one that a page cannot bear."""
    return _load_parts(client.url, run_id, str(message_id), client)


@st.cache_resource(show_spinner=False)
def _kept() -> _Kept:
    return _Kept()


@st.cache_resource(show_spinner=False, max_entries=KEPT_PICTURES)
def _load_picture(url: str, sha256: str, _client: Client) -> str | None:
    try:
        return data_uri(_client.read_blob(sha256))
    except SecondTakeError:
        return None


@st.cache_resource(show_spinner=False, max_entries=KEPT_PICTURES)
def _load_parts(url: str, run_id: str, message_id: str, _client: Client) -> list[Any]:
    query = TextQuery(
        run=run_id, table="messages", row=message_id, field="parts", limit=PARTS_CHARS
    )
    try:
        piece = _client.read_text(query)
        parts = json.loads(piece.text) if piece.next_offset is None else []
    except (SecondTakeError, ValueError):
        return []
    return parts if isinstance(parts, list) else []
