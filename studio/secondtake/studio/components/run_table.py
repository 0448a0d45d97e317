"""The table of runs: drawn in the browser, only the rows in sight."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.studio.components.scripts import read_asset
from secondtake.studio.runs_page.rows import Row


def run_table(
    rows: Sequence[Row],
    *,
    key: str,
    list_id: str,
    counted: str,
    has_more: bool,
    on_more: Callable[[], None],
) -> None:
    """Draw the table; it fills the window down to its lower edge.

    Args:
        rows: newest first.
        key: of the component.
        list_id: another filter is another list, which is read from its top.
        counted: how many runs there are, in words, for the foot.
        has_more: whether further rows can be asked for.
        on_more: called when the end of the rows is near.
    """
    _component()(
        key=key,
        data={"rows": rows, "list": list_id, "counted": counted, "more": has_more},
        on_more_change=on_more,
    )


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.run_table",
        html='<div class="table"></div>',
        css=read_asset("run_table.css"),
        js=read_asset("go.js") + read_asset("run_table.js"),
    )
