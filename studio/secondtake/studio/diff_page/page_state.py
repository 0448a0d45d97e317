"""What one reader has chosen on the Diff page: as long as the session, and in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

import streamlit as st

Tab = Literal["steps", "answer", "configuration", "inputs", "state", "money"]
TABS: Final[tuple[Tab, ...]] = get_args(Tab)
SUBJECT: Final = ("a", "b")
"""What of the query says which two runs are compared."""

_KEY: Final = "diff_page.state"


@dataclass(kw_only=True)
class DiffState:
    """What is chosen on the page of two runs."""

    a: str
    """The baseline, as the address names it."""
    b: str
    """The candidate, as the address names it."""
    tab: Tab = "steps"
    step: int | None = None
    """The pair of steps that is open: its place along both runs, from 1."""
    first: int | None = None
    """Of the rows of steps, the first that is drawn; None: so that the open pair is seen."""
    opened: set[str] = field(default_factory=set[str])
    """Names of the folds that are open."""
    ids: tuple[str, str] | None = None
    """The ids of the two runs in full, once they were found."""
    version: str | None = None
    """Of runs that go on: what is shown of them."""
    was_live: bool = False
    """One of them went on when they were first shown: what is said of that keeps its place."""
    news: int = 0
    """How often more of them was found."""
    is_lost: bool = False
    """True while the server was away when the runs were looked at last."""
    look_at_s: float = 0.0
    """When runs that go on may be looked at again, by the monotonic clock."""
    is_news: bool = True
    """True until the two runs were drawn once: then what is kept of them may be shown."""

    def address(self) -> dict[str, str]:
        """Return what the address says of it; what is as at first is left out."""
        query = {"a": self.a, "b": self.b}
        if self.tab != "steps":
            query["tab"] = self.tab
        if self.step is not None:
            query["step"] = str(self.step)
        return query


def open_state(query: Mapping[str, str]) -> DiffState | None:
    """Return the state of the two runs that an address names; None when it names fewer.

    The address is read when it names other runs than before: after that it follows the state.
    """
    named = tuple(query.get(name, "").strip() for name in SUBJECT)
    kept = st.session_state.get(_KEY)
    if not all(named):
        return None
    if not isinstance(kept, DiffState) or (kept.a, kept.b) != named:
        kept = st.session_state[_KEY] = state_of(query)
    return kept


def state_of(query: Mapping[str, str]) -> DiffState:
    """Return what an address says, as far as it can be read."""
    tab, step = query.get("tab"), query.get("step", "")
    return DiffState(
        a=query.get("a", "").strip(),
        b=query.get("b", "").strip(),
        tab=cast("Tab", tab) if tab in TABS else "steps",
        step=int(step) if step.isascii() and step.isdigit() and len(step) <= 9 else None,
    )
