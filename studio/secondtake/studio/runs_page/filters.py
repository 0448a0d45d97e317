"""The filters behind the button: what is not worth a place in the toolbar."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

import streamlit as st

from secondtake.studio.components.facet_picker import Facet, facet_picker
from secondtake.studio.connection import backend
from secondtake.studio.runs_page.state import change_view, current_view
from secondtake.studio.runs_page.view import SIMULATED, STATUSES, RunsView, toggled

STATUS: Final = "runs_status"
SIMULATED_KEY: Final = "runs_simulated"
MIN_COST, MAX_COST = "runs_min_cost", "runs_max_cost"
MIN_TIME, MAX_TIME = "runs_min_time", "runs_max_time"
FROM, TO = "runs_from", "runs_to"

STATUS_WORDS: Final[dict[str, str]] = {"budget_exceeded": "over budget"}


def filter_popover(view: RunsView) -> None:
    """Draw the button, and the filters when it is open."""
    with st.popover(
        "Filter",
        key="runs_filter",
        icon=":material/filter_list:",
        width="content",
        on_change="rerun",
    ) as opened:
        if opened.open:
            _filters(view)


def _filters(view: RunsView) -> None:
    _set(
        {
            STATUS: list(view.status),
            SIMULATED_KEY: view.simulated,
            MIN_COST: _float(view.min_cost_usd),
            MAX_COST: _float(view.max_cost_usd),
            MIN_TIME: view.min_duration_s,
            MAX_TIME: view.max_duration_s,
            FROM: view.since.astimezone().date() if view.since else None,
            TO: _last_day(view.until),
        }
    )
    st.pills(
        "Status",
        STATUSES,
        selection_mode="multi",
        key=STATUS,
        format_func=lambda status: STATUS_WORDS.get(status, str(status)),
        on_change=_changed,
    )
    _pair("Cost, $", MIN_COST, MAX_COST, step=0.01, format="%g")
    _pair("Time, s", MIN_TIME, MAX_TIME, step=1.0, format="%g")
    left, right = st.columns(2, gap="small")
    left.date_input("Started from", key=FROM, format="YYYY-MM-DD", value=None, on_change=_changed)
    right.date_input("to", key=TO, format="YYYY-MM-DD", value=None, on_change=_changed)
    st.segmented_control(
        "Simulated runs", SIMULATED, key=SIMULATED_KEY, required=True, on_change=_changed
    )
    _facets(view)


def _pair(label: str, low: str, high: str, **options: Any) -> None:
    left, right = st.columns(2, gap="small")
    left.number_input(
        f"{label}: at least", min_value=0.0, value=None, key=low, on_change=_changed, **options
    )
    right.number_input(
        "at most", min_value=0.0, value=None, key=high, on_change=_changed, **options
    )


def _facets(view: RunsView) -> None:
    found = backend().run_facets()
    facet_picker(
        [
            Facet(name="workflow", title="Workflow", values=found.workflows, chosen=view.workflow),
            Facet(name="model", title="Model", values=found.models, chosen=view.model),
            Facet(name="tag", title="Tag", values=found.tags, chosen=view.tag),
            Facet(
                name="session", title="Session", values=found.sessions, chosen=_one(view.session)
            ),
            Facet(name="user", title="User", values=found.users, chosen=_one(view.user)),
        ],
        key="runs_facets",
        on_pick=lambda facet, value: change_view(toggled(current_view(), facet, value)),
    )


def _changed() -> None:
    """Take over what the controls say; called when any of them has changed."""
    view, said = current_view(), st.session_state
    since, until = view.since, view.until
    if said[FROM] != (since.astimezone().date() if since else None) or said[TO] != _last_day(until):
        since, until = _window(said[FROM], said[TO])
    change_view(
        replace(
            view,
            status=tuple(status for status in STATUSES if status in (said[STATUS] or ())),
            simulated=said[SIMULATED_KEY] or "With",
            min_cost_usd=_decimal(said[MIN_COST]),
            max_cost_usd=_decimal(said[MAX_COST]),
            min_duration_s=said[MIN_TIME],
            max_duration_s=said[MAX_TIME],
            since=since,
            until=until,
        )
    )


def _window(first: date | None, last: date | None) -> tuple[datetime | None, datetime | None]:
    """Return the local days from first to last as a window; without a first day there is none."""
    if first is None:
        return None, None
    since = datetime.combine(first, time()).astimezone()
    if last is None or last < first:
        return since, None
    return since, datetime.combine(last + timedelta(days=1), time()).astimezone()


def _last_day(until: datetime | None) -> date | None:
    return None if until is None else (until.astimezone() - timedelta(microseconds=1)).date()


def _set(values: dict[str, Any]) -> None:
    for key, value in values.items():
        if key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value


def _one(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)


def _decimal(amount: float | None) -> Decimal | None:
    return None if amount is None else Decimal(str(amount))
