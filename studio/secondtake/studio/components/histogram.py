"""Runs over time, failures at the foot of each bar; a click chooses that stretch of time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import streamlit as st
from streamlit.components.v2 import component
from streamlit.components.v2.types import ComponentRenderer

from secondtake.backend.formats import count, counted
from secondtake.backend.models.statistics import TimeBar
from secondtake.studio.components.scripts import read_asset


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
    """Return a label for each bar that begins a new day, or hour when all are of one day.

    So many are left out that about eight stay.
    """
    local = [start.astimezone(now.tzinfo) for start in starts]
    days = [f"{when.day} {when:%b}" for when in local]
    words = days if len(set(days)) > 2 else [f"{when:%H:%M}" for when in local]
    if words is not days:
        return [
            word if place % max(len(words) // 8, 1) == 0 else None
            for place, word in enumerate(words)
        ]
    fresh = [place for place in range(1, len(words)) if words[place] != words[place - 1]]
    kept = set(fresh[:: max(-(-len(fresh) // 8), 1)])
    return [word if place in kept else None for place, word in enumerate(words)]


def _tip(bar: TimeBar) -> str:
    start, end = bar.started_at.astimezone(), bar.ended_at.astimezone()
    runs = f"{counted(bar.runs, 'run')}, {count(bar.failed_runs)} failed"
    same_day = start.date() == end.date()
    until = f"{end:%H:%M}" if same_day else f"{end.day} {end:%b %H:%M}"
    return f"{start.day} {start:%b %H:%M} to {until}\n{runs}"


@lru_cache
def _component() -> ComponentRenderer:
    return component(
        "secondtake.histogram",
        html='<div class="bars" role="group" tabindex="0"'
        ' aria-label="Runs over time; arrows move, Enter chooses"></div>',
        css=read_asset("histogram.css"),
        js=read_asset("histogram.js"),
    )
