"""Cost by latency: one mark a model, with its runs around it."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import streamlit as st

from secondtake.backend.formats import counted, duration, money, one_line
from secondtake.backend.models.comparisons import ComparedModel, Latency
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.theme.tokens import FONT, shades

HEIGHT_PX: Final = 230
MARKS_MAX: Final = 500
LOG_FROM: Final = 50
"""The spread from which on an axis is logarithmic."""
NAME_CHARS: Final = 28
CLEAR: Final = "rgba(0,0,0,0)"


def placed(models: Sequence[ComparedModel]) -> list[ComparedModel]:
    """Return the models that have a place: with a known cost and time."""
    fit = [m for m in models if m.latency is not None and m.spending.per_run_usd is not None]
    return fit[:MARKS_MAX]


def axis_type(values: Sequence[float]) -> str:
    """Return `log` when the largest is many times the smallest."""
    known = [value for value in values if value > 0]
    if len(known) < len(values) or not known:
        return "linear"
    return "log" if max(known) / min(known) > LOG_FROM else "linear"


def show_scatter(models: Sequence[ComparedModel]) -> None:
    """Draw the chart; it has its height before the browser has what it needs to draw it."""
    fit = placed(models)
    with st.container(key="compare_scatter"):
        missing = len(models) - len(fit)
        left_out = f" · {counted(missing, 'model')} without a known cost or time" if missing else ""
        put(el("div", el("span", "Cost by time", cls="strong"),
               el("span", f"left and low is better{left_out}", cls="meta cut",
                  title=f"Of a run; left and low is better{left_out}"),
               cls="replay-head"))  # fmt: skip
        if not fit:
            put(el("div", icon("scatter_plot", cls="empty-icon"),
                   el("p", "No model has a run that ended well with a known price yet."),
                   cls="scatter-none"))  # fmt: skip
            return
        st.plotly_chart(
            figure(fit, mode="dark" if st.context.theme.type == "dark" else "light"),
            key="compare_chart",
            theme=None,
            config={"displayModeBar": False},
        )


def figure(models: Sequence[ComparedModel], *, mode: str) -> dict[str, Any]:
    """Return the figure. The stylesheet colours it anew when the theme is switched.

    Args:
        models: those that have a place.
        mode: `light` or `dark`.
    """
    colour = {name: str(getattr(shade, mode)) for name, shade in shades().items()}
    known = [(m, m.latency) for m in models if m.latency is not None]
    times = [latency.p50_ms / 1000 for _, latency in known]
    costs = [float(m.spending.per_run_usd or 0) for m, _ in known]
    middle = max(times) / 2
    baseline = _trace([each for each in known if each[0].is_baseline], middle, colour, "side-a")
    others = _trace([each for each in known if not each[0].is_baseline], middle, colour, "side-b")
    longest = max(latency.max_ms / 1000 for _, latency in known)
    axis = {
        "linecolor": colour["line2"],
        "gridcolor": colour["line"],
        "zeroline": False,
        "tickfont": {"size": 11, "color": colour["ink2"]},
    }
    title = {"font": {"size": 11, "color": colour["ink2"]}}
    x = {
        "title": {"text": "p50 time", **title},
        "ticksuffix": " s",
        "showgrid": False,
        "exponentformat": "none",
    }
    y = {"title": {"text": "cost of a run", **title}, "tickprefix": "$", "exponentformat": "none"}
    layout = _layout(colour)
    layout["xaxis"] = {**axis, **x, "type": axis_type(times), **_bounds(times, to=longest)}
    layout["yaxis"] = {**axis, **y, "type": axis_type(costs), **_bounds(costs)}
    return {"data": [baseline, others], "layout": layout}


def _trace(
    models: Sequence[tuple[ComparedModel, Latency]],
    middle: float,
    colour: dict[str, str],
    side: str,
) -> dict[str, Any]:
    times = [latency.p50_ms / 1000 for _, latency in models]
    return {
        "type": "scatter",
        # Never empty: Plotly draws no such group, and the stylesheet counts the groups.
        "x": times or [None],
        "y": [float(m.spending.per_run_usd or 0) for m, _ in models] or [None],
        "mode": "markers+text",
        "text": [_plain(m.model) for m, _ in models],
        # On the side of its mark where there is room: no name leaves the picture.
        "textposition": ["top left" if time > middle else "top right" for time in times],
        "textfont": {"size": 12, "color": colour["ink"]},
        "marker": {
            "size": 11,
            "color": colour[side],
            "symbol": "diamond" if side == "side-a" else "circle",
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [(latency.max_ms - latency.p50_ms) / 1000 for _, latency in models],
            "arrayminus": [(latency.p50_ms - latency.min_ms) / 1000 for _, latency in models],
            "color": colour["bar"],
            "thickness": 1.2,
            "width": 3,
        },
        "cliponaxis": False,
        "hovertext": [_told(m) for m, _ in models],
        "hoverinfo": "text",
    }


def _layout(colour: dict[str, str]) -> dict[str, Any]:
    return {
        "height": HEIGHT_PX,
        "margin": {"l": 70, "r": 16, "t": 14, "b": 44},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "size": 12, "color": colour["ink"]},
        "showlegend": False,
        "hoverlabel": {
            "bgcolor": colour["bg2"],
            "bordercolor": colour["line2"],
            "font": {"family": FONT, "size": 12, "color": colour["ink"]},
        },
    }


def _bounds(values: Sequence[float], *, to: float | None = None) -> dict[str, Any]:
    """Return where an axis begins: at nothing when it is linear, so that lengths compare."""
    if axis_type(values) == "log":
        return {"nticks": 5}
    largest = max(*values, to or 0)
    return {"range": [0, largest * (1.05 if to else 1.25) or 1], "nticks": 5}


def _told(model: ComparedModel) -> str:
    cost = money(model.spending.per_run_usd)
    simulated = " simulated" if model.spending.simulated else ""
    time = duration(model.latency.p50_ms if model.latency else None)
    return f"{_plain(model.model)}<br>{cost}{simulated} a run<br>{time} p50"


def _plain(name: str) -> str:
    """Return a name as text: Plotly takes some tags in texts for markup."""
    line = one_line(name[: 4 * NAME_CHARS])
    return escape(line if len(line) <= NAME_CHARS else f"{line[:NAME_CHARS]}…")
