"""Cost by latency: one mark a model, with its runs around it."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import streamlit as st

from secondtake.backend.formats import counted, duration, money, one_line
from secondtake.backend.models.comparisons import ComparedModel
from secondtake.studio.html import el, icon
from secondtake.studio.html import show as put
from secondtake.studio.theme.tokens import FONT, shades

HEIGHT_PX: Final = 230
MARKS_MAX: Final = 500
LOG_FROM: Final = 50
"""The spread from which on an axis is logarithmic."""
NAME_CHARS: Final = 28


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
    """Return the figure, in the colours of the theme."""
    colour = {name: str(getattr(shade, mode)) for name, shade in shades().items()}
    known = [(m, m.latency) for m in models if m.latency is not None]
    times = [latency.p50_ms / 1000 for _, latency in known]
    costs = [float(m.spending.per_run_usd or 0) for m, _ in known]
    trace = {
        "type": "scatter",
        "x": times,
        "y": costs,
        "mode": "markers+text",
        "text": [_plain(m.model) for m, _ in known],
        "textposition": _sides(times),
        "textfont": {"size": 12, "color": colour["ink"]},
        "marker": {
            "size": 11,
            "color": [colour["side-a" if m.is_baseline else "side-b"] for m, _ in known],
            "symbol": ["diamond" if m.is_baseline else "circle" for m, _ in known],
        },
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [(latency.max_ms - latency.p50_ms) / 1000 for _, latency in known],
            "arrayminus": [(latency.p50_ms - latency.min_ms) / 1000 for _, latency in known],
            "color": colour["bar"],
            "thickness": 1.2,
            "width": 3,
        },
        "hovertext": [_told(m) for m, _ in known],
        "hoverinfo": "text",
    }
    longest = max(latency.max_ms / 1000 for _, latency in known)
    axis = {
        "linecolor": colour["line2"],
        "gridcolor": colour["line"],
        "zeroline": False,
        "tickfont": {"size": 11, "color": colour["ink2"]},
    }
    title = {"font": {"size": 11, "color": colour["ink2"]}}
    x = {"title": {"text": "p50 time", **title}, "ticksuffix": " s", "showgrid": False}
    y = {"title": {"text": "cost of a run", **title}, "tickprefix": "$"}
    layout = _layout(colour)
    layout["xaxis"] = {**axis, **x, "type": axis_type(times), **_bounds(times, to=longest)}
    layout["yaxis"] = {**axis, **y, "type": axis_type(costs), **_bounds(costs)}
    return {"data": [trace], "layout": layout}


def _layout(colour: dict[str, str]) -> dict[str, Any]:
    return {
        "height": HEIGHT_PX,
        "margin": {"l": 64, "r": 16, "t": 12, "b": 42},
        "paper_bgcolor": colour["bg"],
        "plot_bgcolor": colour["bg"],
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


def _sides(times: Sequence[float]) -> list[str]:
    """Return on which side of its mark a name stands, so that none leaves the picture."""
    middle = max(times) / 2
    return ["top left" if time > middle else "top right" for time in times]


def _told(model: ComparedModel) -> str:
    cost = money(model.spending.per_run_usd)
    simulated = " simulated" if model.spending.simulated else ""
    time = duration(model.latency.p50_ms if model.latency else None)
    return f"{_plain(model.model)}<br>{cost}{simulated} a run<br>{time} p50"


def _plain(name: str) -> str:
    """Return a name as text: Plotly takes some tags in texts for markup."""
    line = one_line(name[: 4 * NAME_CHARS])
    return escape(line if len(line) <= NAME_CHARS else f"{line[:NAME_CHARS]}…")
