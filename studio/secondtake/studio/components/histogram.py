"""Runs over time, failures at the foot of each bar; a click chooses that stretch of time."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.backend.formats import count, counted
from secondtake.backend.models.statistics import TimeBar
from secondtake.studio.components.scripts import read_asset

MOST_LABELS: Final = 8
ENOUGH_LABELS: Final = 2
EDGE_BARS: Final = 2
"""A label of one of the last bars would be cut at the edge."""


def histogram(
    bars: Sequence[TimeBar],
    *,
    key: str,
    now: datetime,
    on_window: Callable[[datetime, datetime], None],
) -> None:
    """Draw the bars.

    Args:
        bars: in order of time.
        key: of the component.
        now: aware; decides how the axis is labelled.
        on_window: called with the stretch of time of a bar that was chosen.
    """

    def chosen() -> None:
        place = st.session_state[key].get("window")
        if isinstance(place, int) and 0 <= place < len(bars):
            on_window(bars[place].started_at, bars[place].ended_at)

    _component()(key=key, data={"bars": drawn_bars(bars, now=now)}, on_window_change=chosen)


def drawn_bars(bars: Sequence[TimeBar], *, now: datetime) -> list[dict[str, Any]]:
    """Return what the browser draws: heights from 0 to 1, tooltips, and labels of the axis."""
    tallest = max((bar.runs for bar in bars), default=0) or 1
    labels = axis_labels([bar.started_at for bar in bars], now=now)
    return [
        {
            "height": bar.runs / tallest,
            "failed": bar.failed_runs / tallest,
            "tip": _tip(bar),
            "label": label,
        }
        for bar, label in zip(bars, labels, strict=True)
    ]


def axis_labels(starts: Sequence[datetime], *, now: datetime) -> list[str | None]:
    """Return a label for some of the bars: where a day, a minute or a second begins.

    The coarsest of the three that changes often enough; at most eight, no two alike.
    """
    local = [start.astimezone(now.tzinfo) for start in starts]
    for form in ("{0.day} {0:%b}", "{0:%H:%M}", "{0:%H:%M:%S}"):
        words = [form.format(when) for when in local]
        fresh = [place for place in range(1, len(words)) if words[place] != words[place - 1]]
        if len(fresh) >= ENOUGH_LABELS:
            break
    else:
        fresh = [0] if local else []
    kept = fresh[:: max(-(-len(fresh) // MOST_LABELS), 1)]
    if len({words[place] for place in kept}) < len(kept):  # the same time of another day
        words = [f"{when.day} {when:%b %Y %H:%M}" for when in local]
    edge = len(words) - EDGE_BARS
    shown = {place for place in kept if place < edge or place == 0}
    return [word if place in shown else None for place, word in enumerate(words)]


def _tip(bar: TimeBar) -> str:
    start, end = bar.started_at.astimezone(), bar.ended_at.astimezone()
    runs = f"{counted(bar.runs, 'run')}, {count(bar.failed_runs)} failed"
    same_day = start.date() == end.date()
    clock = "%H:%M:%S" if end - start < timedelta(minutes=2) else "%H:%M"
    until = f"{end:{clock}}" if same_day else f"{end.day} {end:%b} {end:{clock}}"
    return f"{start.day} {start:%b} {start:{clock}} to {until}\n{runs}"


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.histogram",
        html='<div class="bars" role="group" tabindex="0"'
        ' aria-label="Runs over time; arrows move, Enter chooses"></div>',
        css=read_asset("histogram.css"),
        js=read_asset("histogram.js"),
    )
