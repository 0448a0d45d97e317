"""The page that compares models: `/compare?id=<experiment>&from=<case>`; without an id, the list."""

from datetime import UTC, datetime
from typing import Final

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NoServerError, SecondTakeError
from secondtake.backend.formats import count
from secondtake.backend.models.comparisons import Comparison, ComparisonQuery
from secondtake.studio import live
from secondtake.studio.compare_page import grid, table
from secondtake.studio.compare_page.form import show_form
from secondtake.studio.compare_page.past import past
from secondtake.studio.compare_page.scatter import show_scatter
from secondtake.studio.components.pane import Act, show_pane
from secondtake.studio.connection import backend
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.html import show as put
from secondtake.studio.navigation import compare_address, has_arrived
from secondtake.studio.run_page.json_text import name_line

EVERY_S: Final = 1.0
LIST_EVERY_S: Final = 3.0
_SHOWN: Final = "compare_page.shown"


def show() -> None:
    """Draw the comparison that the address names, else the list and the form."""
    client = backend()
    name, offset = _address()
    if not name:
        _list(client)
        return
    try:
        comparison = _load(client, name, offset)
    except NoServerError:
        raise
    except SecondTakeError as error:
        _say(str(error))
        return
    first = [comparison]

    def body() -> None:
        found = first.pop() if first else _load(client, name, offset)
        _draw(found)
        if comparison.status == "running" and found.status != "running":
            st.rerun()  # all of the page: from now on nothing needs to be looked at

    live.section(body, every_s=EVERY_S if comparison.status == "running" else None)


def _address() -> tuple[str, int]:
    """Return which comparison and which of its cases; those before, when one comes back.

    Streamlit loses the query of a page that one goes back to.
    """
    name, first = st.query_params.get("id", "").strip(), st.query_params.get("from", "")
    offset = int(first) if first.isascii() and first.isdigit() and len(first) < 9 else 0
    kept = st.session_state.get(_SHOWN)
    if not name and has_arrived() and isinstance(kept, tuple):
        name, offset = kept
        _write(name, offset)
    st.session_state[_SHOWN] = (name, offset)
    return name, offset


def _write(name: str, offset: int) -> None:
    query = {"id": name} if name else {}
    st.query_params.from_dict(query | ({"from": str(offset)} if offset else {}))


def _load(client: Client, name: str, offset: int) -> Comparison:
    return client.get_comparison(
        ComparisonQuery(
            experiment=name, offset=offset, limit=grid.CASES_AT_ONCE, max_chars=grid.ANSWER_CHARS
        )
    )


def _list(client: Client) -> None:
    put(el("div", el("h1", "Compare models", cls="page-title"),
           el("span", "the same inputs for each, answers side by side", cls="meta"),
           cls="replay-title"))  # fmt: skip
    left, right = st.columns((62, 38), gap="small")
    with right:
        show_form(client)

    def items() -> None:
        show_pane(past(client.list_comparisons().items, now=datetime.now(UTC)), key="compare_past")

    with left:
        live.section(items, every_s=LIST_EVERY_S)


def _draw(comparison: Comparison) -> None:
    show_pane(_head(comparison), key="compare_head")
    left, right = st.columns((66, 34), gap="small")
    with left:
        show_pane(
            join(table.table(comparison), table.failures(comparison.models)), key="compare_table"
        )
    with right:
        show_scatter(comparison.models)

    def turned(act: Act) -> None:
        if act.name == grid.PAGE_ACT and act.value.isdigit():
            _write(comparison.experiment_id, int(act.value))

    show_pane(grid.grid(comparison), key="compare_grid", on_act=turned)


def _head(comparison: Comparison) -> Html:
    simulated = any(model.spending.simulated for model in comparison.models)
    return el(
        "div",
        el(
            "div",
            el("h1", "Compare models", cls="page-title"),
            el("b", name_line(comparison.name or "comparison"), cls="cut"),
            _status(comparison),
            el("span", "simulated", cls="chip simulated",
               title="Simulated models answered: no money was spent") if simulated else None,
            el("span", cls="grow"),
            el("a", "All comparisons", href=compare_address()),
            cls="replay-title",
        ),
        el("p", comparison.verdict, cls="compare-verdict", role="status",
           data_testid="compare-verdict"),
    )  # fmt: skip


def _status(comparison: Comparison) -> Html:
    of = f" of {count(comparison.planned_runs)}" if comparison.planned_runs is not None else ""
    said = f"{count(comparison.ended_runs)}{of} runs"
    symbol, cls = icon("check_circle"), "chip status-ok"
    if comparison.status == "running":
        symbol, cls = icon("progress_activity", cls="spins"), "chip status-running"
    elif comparison.status == "incomplete":
        symbol, cls, said = icon("pause_circle"), "chip status-warn", f"incomplete: {said}"
    return el("span", symbol, said, cls=cls)


def _say(sentence: str) -> None:
    link = el("a", "All comparisons", href=compare_address())
    put(el("div", icon("search_off", cls="empty-icon"),
           el("h2", "This comparison cannot be shown"), el("p", sentence), el("p", link),
           cls="empty"))  # fmt: skip
