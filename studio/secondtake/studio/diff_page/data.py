"""What the Diff page shows, fetched: the diff of two runs, kept while one clicks about."""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.models.diffs import RunDiff, Step
from secondtake.backend.models.runs import RunFacts
from secondtake.studio.diff_page.rows import Fold, Pair, Written, folded, pairs_of
from secondtake.studio.run_page.header import title_of_run

KEPT: Final = 4
TITLE_CHARS: Final = 1000
"""Of the inputs of a run, of which its title is made."""
RUNNING: Final = "running"


class DiffView:
    """Two runs as the page shows them, and what is derived from them, once."""

    def __init__(self, diff: RunDiff, run_a: RunFacts, run_b: RunFacts) -> None:
        self.diff = diff
        self.run_a = run_a
        self.run_b = run_b
        self.fetched_at = datetime.now(UTC)

    @property
    def running(self) -> list[str]:
        """The letters of the runs that go on: there will be more of them."""
        sides = {"A": self.diff.a, "B": self.diff.b}
        return [letter for letter, side in sides.items() if side.status == RUNNING]

    @cached_property
    def title_a(self) -> str:
        """What A is about."""
        return title_of_run(self.run_a, first_said=_first_said(self.diff.steps_a))

    @cached_property
    def title_b(self) -> str:
        """What B is about."""
        return title_of_run(self.run_b, first_said=_first_said(self.diff.steps_b))

    @cached_property
    def pairs(self) -> list[Pair]:
        """The edits along both runs."""
        return pairs_of(self.diff)

    @cached_property
    def rows(self) -> list[Pair | Fold]:
        """The edits along both runs, identical ones folded."""
        return folded(self.pairs)

    @cached_property
    def written(self) -> Written:
        """Amounts as text."""
        return Written(self.diff)


class _Kept:
    """The last few diffs that were shown; shared by all sessions, which keep none of their own."""

    def __init__(self) -> None:
        self._views: OrderedDict[tuple[str, str, str], DiffView] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, str, str]) -> DiffView | None:
        with self._lock:
            view = self._views.get(key)
            if view is not None:
                self._views.move_to_end(key)
            return view

    def put(self, key: tuple[str, str, str], view: DiffView) -> None:
        with self._lock:
            self._views[key] = view
            self._views.move_to_end(key)
            while len(self._views) > KEPT:
                self._views.popitem(last=False)


def load_diff(client: Client, a: str, b: str, *, may_be_kept: bool) -> DiffView:
    """Return what differs between two runs; what is kept of it, if it may be.

    Args:
        client: asks the backend.
        a: the baseline: a run's id, a unique prefix of it, or `last`.
        b: the candidate, likewise.
        may_be_kept: False when a page is opened: scores may have come since.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        NoServerError: no server answers.
    """
    key = (client.url, a, b)
    view = _kept().get(key) if may_be_kept else None
    if view is None:
        view = _fetch(client, a, b)
        _kept().put(key, view)
    return view


def _fetch(client: Client, a: str, b: str) -> DiffView:
    with ThreadPoolExecutor(max_workers=2) as aside:
        facts = [aside.submit(_facts, client, name) for name in (a, b)]
        diff = client.diff_runs(a, b)
        run_a, run_b = (each.result() for each in facts)
    if (run_a.run_id, run_b.run_id) != (diff.a.run_id, diff.b.run_id):
        # `last` was another run a moment before.
        run_a, run_b = _facts(client, str(diff.a.run_id)), _facts(client, str(diff.b.run_id))
    return DiffView(diff, run_a, run_b)


def _facts(client: Client, name: str) -> RunFacts:
    return client.get_run(name, max_chars=TITLE_CHARS, parts=()).summary


def _first_said(steps: list[Step]) -> str | None:
    """Return what a person said first."""
    for step in steps[:1]:
        for message in step.sent:
            content = message.get("content") if isinstance(message, dict) else None
            if isinstance(content, str) and message.get("role") == "user" and content.strip():
                return content
    return None


@st.cache_resource(show_spinner=False)
def _kept() -> _Kept:
    return _Kept()
