"""What the Diff page shows, fetched: the diff of two runs, kept while one clicks about."""

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.models.diffs import RunDiff, Step
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.run_diffs import Pair, pairs_of
from secondtake.studio.diff_page.rows import Fold, Written, folded
from secondtake.studio.run_page.header import title_of_run

KEPT: Final = 4
TITLE_CHARS: Final = 1000
"""Of the inputs of a run, of which its title is made."""
RUNNING: Final = "running"


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The two runs of a diff, as they were just now."""

    a: RunFacts
    b: RunFacts

    @property
    def ids(self) -> tuple[str, str]:
        """Their ids in full."""
        return str(self.a.run_id), str(self.b.run_id)

    @property
    def version(self) -> str:
        """Differs from that of the same runs once more of them is known."""
        # Of a run itself nothing has changed when its shortest unique name got longer.
        facts = [run.model_copy(update={"short_id": ""}) for run in (self.a, self.b)]
        return "".join(run.model_dump_json() for run in facts)


class DiffView:
    """Two runs as the page shows them, and what is derived from them, once."""

    def __init__(self, diff: RunDiff, runs: Runs) -> None:
        self.diff = diff
        self.run_a, self.run_b = runs.a, runs.b
        self.version = runs.version
        self.fetched_at = datetime.now(UTC)

    @property
    def running(self) -> list[str]:
        """The letters of the runs that go on: there will be more of them."""
        # What is known of the runs may be older than their difference: then one look more is due.
        known = {
            "A": (self.run_a.status, self.diff.a.status),
            "B": (self.run_b.status, self.diff.b.status),
        }
        return [letter for letter, statuses in known.items() if RUNNING in statuses]

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


def load_runs(client: Client, a: str, b: str) -> Runs:
    """Return two runs.

    Args:
        client: asks the backend.
        a: the baseline: a run's id, a unique prefix of it, or `last`.
        b: the candidate, likewise.

    Raises:
        NotFoundError: no run fits.
        AmbiguousError: more than one run fits.
        NoServerError: no server answers.
    """
    with ThreadPoolExecutor(max_workers=1) as aside:
        run_a = aside.submit(_facts, client, a)
        run_b = _facts(client, b)
        return Runs(a=run_a.result(), b=run_b)


def kept_diff(client: Client, runs: Runs) -> DiffView | None:
    """Return what differs between two runs, if it was shown before and they are as they were."""
    view = _kept().get((client.url, *runs.ids))
    return view if view is not None and view.version == runs.version else None


def fetch_diff(client: Client, runs: Runs) -> DiffView:
    """Return what differs between two runs, and keep it.

    Args:
        client: asks the backend.
        runs: looked at before: what is found beyond them is found again by the next look.

    Raises:
        NoServerError: no server answers.
    """
    view = DiffView(client.diff_runs(*runs.ids), runs)
    _kept().put((client.url, *runs.ids), view)
    return view


def load_diff(client: Client, ids: tuple[str, str], *, may_be_kept: bool) -> DiffView:
    """Return what differs between two runs; what is kept of it, if it may be.

    Args:
        client: asks the backend.
        ids: of the two runs, in full.
        may_be_kept: without a look at the runs.

    Raises:
        NoServerError: no server answers.
    """
    view = _kept().get((client.url, *ids)) if may_be_kept else None
    if view is not None:
        return view
    runs = load_runs(client, *ids)
    return kept_diff(client, runs) or fetch_diff(client, runs)


def renew_diff(client: Client, ids: tuple[str, str], shown: str) -> DiffView | None:
    """Look at two runs of which one goes on; return them when they are no longer as shown.

    Args:
        client: asks the backend.
        ids: of the two runs, in full.
        shown: the `version` of what is shown.

    Raises:
        NoServerError: no server answers.
    """
    runs = load_runs(client, *ids)
    return None if runs.version == shown else fetch_diff(client, runs)


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
