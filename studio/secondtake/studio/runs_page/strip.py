"""The strip of figures as markup."""

from collections.abc import Sequence
from typing import Final

from secondtake.studio.html import Html, el, icon
from secondtake.studio.runs_page.figures import Figure

BAR_PX: Final = 18


def strip(figures: Sequence[Figure]) -> Html:
    """Return the figures side by side."""
    return el("div", [_figure(figure) for figure in figures], cls="kpis")


def _figure(figure: Figure) -> Html:
    notes: list[Html] = []
    if figure.change is not None:
        notes.append(el("b", figure.change.text, cls=figure.change.tone))
    if figure.note:
        notes.append(el("span", figure.note))
    label: list[Html] = [el("span", figure.label, cls="cut")]
    if figure.warning:
        label.append(el("span", icon("money_off"), figure.warning, cls="kpi-warning"))
    return el(
        "div",
        el("div", label, cls="kpi-label"),
        el("div", figure.value, cls="kpi-value"),
        _bars(figure.bars),
        el("div", notes, cls="kpi-note cut", title=" ".join(_plain(figure))),
        cls="kpi",
        title=figure.tip,
    )


def _plain(figure: Figure) -> list[str]:
    parts = [figure.change.text if figure.change else "", figure.note, figure.warning or ""]
    return [part for part in parts if part]


def _bars(bars: Sequence[float | None]) -> Html:
    made = [
        el("i", cls="none" if bar is None else None, style={"height": f"{_height(bar)}px"})
        for bar in bars
    ]
    return el("div", made, cls="kpi-bars", aria_hidden="true")


def _height(bar: float | None) -> int:
    return max(round((bar or 0) * BAR_PX), 1)
