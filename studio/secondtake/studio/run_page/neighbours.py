"""The runs before and after one in the list that a reader came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.models.runs import RunQuery

ORDER_KEY: Final = "runs.order"
"""Where the list of runs leaves the ids that it shows, newest first."""
LOOKED_AT: Final = 200


_KEPT: Final = "run_page.newest"


@dataclass(frozen=True, kw_only=True)
class _Newest:
    """The newest runs when a page was opened from no list; an old run is not among them."""

    run_id: str
    order: list[str]


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Ids of the runs beside one; None at the end of the list."""

    above: str | None = None
    below: str | None = None


def neighbours_of(run_id: str, order: Sequence[str]) -> Neighbours:
    """Return the runs beside one in a list."""
    if run_id not in order:
        return Neighbours()
    place = order.index(run_id)
    return Neighbours(
        above=order[place - 1] if place else None,
        below=order[place + 1] if place + 1 < len(order) else None,
    )


def load_neighbours(client: Client, run_id: str) -> Neighbours:
    """Return the runs beside one: in the list that was seen, else among the newest."""
    order = st.session_state.get(ORDER_KEY)
    if isinstance(order, list | tuple) and run_id in order:
        return neighbours_of(run_id, [str(each) for each in order])
    kept = st.session_state.get(_KEPT)
    if not isinstance(kept, _Newest) or run_id not in (kept.run_id, *kept.order):
        page = client.list_runs(RunQuery(limit=LOOKED_AT))
        kept = _Newest(run_id=run_id, order=[str(run.run_id) for run in page.items])
        st.session_state[_KEPT] = kept
    return neighbours_of(run_id, kept.order)
