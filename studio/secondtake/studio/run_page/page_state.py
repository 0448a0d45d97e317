"""What one reader has chosen on the Run page: as long as the session, and in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, cast, get_args

import streamlit as st

from secondtake.backend.models.runs import TextPiece
from secondtake.studio.components.pane import Download
from secondtake.studio.run_page.long_text import Place

Tab = Literal["conversation", "saw", "tools", "cost", "raw"]
TABS: Final[tuple[Tab, ...]] = get_args(Tab)
Left = Literal["waterfall", "graph"]

_KEY: Final = "run_page.state"


@dataclass(kw_only=True)
class PageState:
    """What is chosen on the page of one run."""

    name: str
    """The run, as the address names it."""
    tab: Tab = "conversation"
    left: Left = "waterfall"
    span_id: str | None = None
    step: int | None = None
    """Of the state that is shown; None is the end."""
    run_id: str | None = None
    """The run's id in full, once it was found."""
    is_news: bool = True
    """True until the run was drawn once: then what is kept of it may be shown."""
    version: str | None = None
    """Of a run that goes on: what is shown of it."""
    news: int = 0
    """How often more of it was found."""
    is_lost: bool = False
    """True while the server was away when the run was looked at last."""
    look_at_s: float = 0.0
    """When a run that goes on, or is to come, may be looked at again, by the monotonic clock."""
    sought_since_s: float | None = None
    """Since when a run that is to come is looked for."""
    pieces: dict[Place, TextPiece] = field(default_factory=dict[Place, TextPiece])
    opened: set[str] = field(default_factory=set[str])
    window: tuple[int, int] | None = None
    tool_limit: int | None = None
    cost_limit: int | None = None
    download: Download | None = None
    notice: str | None = None
    """What came of the last thing that was asked for, in a sentence."""
    notice_is_bad: bool = False

    def address(self) -> dict[str, str]:
        """Return what the address says of it; what is as at first is left out."""
        query = {"id": self.name}
        if self.tab != "conversation":
            query["tab"] = self.tab
        if self.left != "waterfall":
            query["left"] = self.left
        if self.span_id is not None:
            query["span"] = self.span_id
        if self.step is not None:
            query["step"] = str(self.step)
        return query

    def choose(self, span_id: str | None) -> None:
        """Choose a span."""
        if span_id != self.span_id:
            self.span_id = span_id
            self.window = None

    def tell(self, notice: str | None, *, is_bad: bool = False) -> None:
        """Remember what came of the last thing that was asked for."""
        self.notice, self.notice_is_bad = notice, is_bad


def open_state(query: Mapping[str, str]) -> PageState | None:
    """Return the state of the run that an address names; None when there is none.

    The address is read when it names another run than before: after that it follows the state.
    """
    name = query.get("id", "").strip()
    kept = st.session_state.get(_KEY)
    if not name:
        # Streamlit loses the query of a page that one goes back to: it is the run before.
        return kept if isinstance(kept, PageState) else None
    if not isinstance(kept, PageState) or kept.name != name:
        kept = st.session_state[_KEY] = state_of(name, query)
    return kept


def state_of(name: str, query: Mapping[str, str]) -> PageState:
    """Return what an address says, as far as it can be read."""
    tab, step = query.get("tab"), query.get("step", "")
    return PageState(
        name=name,
        tab=cast("Tab", tab) if tab in TABS else "conversation",
        left="graph" if query.get("left") == "graph" else "waterfall",
        span_id=query.get("span") or None,
        step=int(step) if step.isascii() and step.isdigit() else None,
    )
