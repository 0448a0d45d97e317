"""The filters of a view in words, and how each is taken away."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from secondtake.backend.formats import duration, money, visible
from secondtake.studio.components.filter_chips import FilterChip
from secondtake.studio.runs_page.view import RunsView, toggled

_LISTS: Final = (
    ("status", "Status"),
    ("workflow", "Workflow"),
    ("model", "Model"),
    ("tag", "Tag"),
)
_SINGLE: Final = (("session", "Session"), ("user", "User"))

Removable = tuple[FilterChip, RunsView]
"""A chip, and the view without its filter."""


def filters_in_words(view: RunsView, *, now: datetime) -> list[Removable]:
    """Return a chip for each filter, pill and search aside: those are seen in the toolbar."""
    found: list[Removable] = []

    def add(name: str, text: str, **fields: Any) -> None:
        found.append((FilterChip(name=name, text=text), replace(view, **fields)))

    if view.since is not None:
        add("Started", _window(view, now), since=None, until=None)
    for facet, name in _LISTS:
        for value in getattr(view, facet):
            without = toggled(view, facet, value)
            found.append((FilterChip(name=name, text=visible(value)), without))
    for facet, name in _SINGLE:
        value = getattr(view, facet)
        if value is not None:
            add(name, visible(value), **{facet: None})
    lowest, highest = view.min_cost_usd, view.max_cost_usd
    if (lowest, highest) != (None, None):
        texts = (None if one is None else money(one) for one in (lowest, highest))
        add("Cost", _between(*texts), min_cost_usd=None, max_cost_usd=None)
    shortest, longest = view.min_duration_s, view.max_duration_s
    if (shortest, longest) != (None, None):
        texts = (None if one is None else duration(one * 1000) for one in (shortest, longest))
        add("Time", _between(*texts), min_duration_s=None, max_duration_s=None)
    if view.simulated != "With":
        add("Simulated", view.simulated.lower(), simulated="With")
    return found


def _between(low: str | None, high: str | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def _window(view: RunsView, now: datetime) -> str:
    start, end = view.since, view.until
    if start is None:
        return ""
    first = _point(start, now)
    return f"since {first}" if end is None else f"{first} to {_point(end, now, after=start)}"


def _point(when: datetime, now: datetime, *, after: datetime | None = None) -> str:
    local = when.astimezone()
    if after is not None and after.astimezone().date() == local.date():
        return f"{local:%H:%M}"
    year = "" if local.year == now.astimezone().year else f" {local.year}"
    return f"{local.day} {local:%b}{year} {local:%H:%M}"
