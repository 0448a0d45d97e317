"""What one reader puts together on the page Replay: as long as the session, and in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import streamlit as st

from secondtake.backend.models.replays import ReplayPlan
from secondtake.studio.navigation import has_arrived
from secondtake.studio.replay_page.steps import ROWS_AT_ONCE
from secondtake.studio.replay_page.wanted import Query, Wanted, read_query

StateValues = tuple[Mapping[str, Any], Mapping[str, int]]
"""A state, and the whole lengths of the values in it that are cut."""

_STATE: Final = "replay_page.state"
_ADDRESS: Final = "replay_page.address"


@dataclass(kw_only=True)
class Planned:
    """What the backend said to a request: a plan, or why there is none."""

    wanted: Wanted
    plan: ReplayPlan | None = None
    refusal: str | None = None


@dataclass(kw_only=True)
class Following:
    """Replays that were asked for and are waited for."""

    source_run_id: UUID
    run_ids: tuple[UUID, ...]
    ended: set[UUID] = field(default_factory=set[UUID])
    has_gone: bool = False
    """True once the reader was taken to the diff."""

    @property
    def have_ended(self) -> bool:
        """Whether nothing more will come."""
        return len(self.ended) == len(self.run_ids)


@dataclass(kw_only=True)
class ReplayState:
    """The replay that is put together, and what is looked at meanwhile."""

    wanted: Wanted
    focus: str | None = None
    """The span that is looked at on the left; None is the whole run."""
    target: str | None = "model"
    """The path that is edited."""
    rows: int = ROWS_AT_ONCE
    planned: Planned | None = None
    before: tuple[tuple[str, str], StateValues] | None = None
    """The state at a fork, by run and node."""
    following: Following | None = None
    problem: str | None = None
    """Why the last replay was refused when it was asked for."""

    def want(self, wanted: Wanted) -> None:
        """Ask for something else."""
        self.wanted = wanted
        self.problem = None
        if self.following is not None and self.following.have_ended:
            self.following = None


def open_state() -> ReplayState | None:
    """Return the state to draw; None when no run is named.

    The address decides when it is not the one that was written last: somebody came by a link or
    went back. Coming from another page without a query keeps what was put together.
    """
    address = _address()
    kept = st.session_state.get(_STATE)
    known = kept if isinstance(kept, ReplayState) else None
    is_written = address == st.session_state.get(_ADDRESS)
    if known is None or not (is_written or (has_arrived() and not address)):
        wanted = read_query(address)
        if known is None or known.wanted != wanted:
            known = st.session_state[_STATE] = ReplayState(wanted=wanted, target=_first(wanted))
    return known if known.wanted.run else None


def write_address(state: ReplayState) -> None:
    """Make the address say what is asked for."""
    query = state.wanted.query()
    if query != _address():
        st.query_params.from_dict(query)
    st.session_state[_ADDRESS] = query


def _first(wanted: Wanted) -> str:
    return wanted.changes[0][0] if wanted.changes else "model"


def _address() -> Query:
    return {name: st.query_params.get_all(name) for name in st.query_params}
