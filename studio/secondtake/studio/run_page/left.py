"""The left pane: the run in time or as a graph, and its state below."""

from secondtake.backend.client import Client
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.page_state import PageState
from secondtake.studio.run_page.waterfall import show_waterfall

LEFT_KEY = "run_left"


def show_left(client: Client, view: RunView, state: PageState) -> None:
    """Draw the left pane and take over what was chosen in it."""
    run = view.detail.summary
    chosen = show_waterfall(
        view.tree,
        selected=state.span_id,
        key="waterfall",
        name=run.workflow or run.name,
        running=view.is_running,
    )
    state.choose(chosen or None)
