"""What of the runs is looked at: filters, window and view, as one value that the address carries."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, TypeVar, cast, get_args

from secondtake.backend.models.runs import RunFilter, Status
from secondtake.backend.models.statistics import RunTotals

Span = Literal["1h", "24h", "7d", "30d", "All"]
Pill = Literal["Failed", "Slow", "Expensive", "Unpriced", "Waiting"]
Simulated = Literal["With", "Without", "Only"]

SPANS: Final[tuple[Span, ...]] = get_args(Span)
PILLS: Final[tuple[Pill, ...]] = get_args(Pill)
SIMULATED: Final[tuple[Simulated, ...]] = get_args(Simulated)
STATUSES: Final[tuple[Status, ...]] = get_args(Status)
FAILED: Final[tuple[Status, ...]] = ("error", "interrupted", "budget_exceeded")

LENGTHS: Final[dict[Span, timedelta]] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
IN_WORDS: Final[dict[Span, str]] = {
    "1h": "the hour",
    "24h": "24 hours",
    "7d": "7 days",
    "30d": "30 days",
}
SHORT: Final[dict[Span, str]] = {"1h": "1 h", "24h": "24 h", "7d": "7 d", "30d": "30 d"}

MAX_TEXT_CHARS: Final = 1000

Query = dict[str, list[str]]

T = TypeVar("T")
K = TypeVar("K", bound=str)


@dataclass(frozen=True, kw_only=True)
class RunsView:
    """What is looked at. What is empty or None does not filter."""

    span: Span | None = None
    """Up to now; None: as `default_span` says."""
    since: datetime | None = None
    """Of a window that was chosen by hand, with `until`: then `span` does not count."""
    until: datetime | None = None
    pill: Pill | None = None
    text: str = ""
    status: tuple[Status, ...] = ()
    workflow: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    """As `name=value`."""
    session: str | None = None
    user: str | None = None
    min_cost_usd: Decimal | None = None
    max_cost_usd: Decimal | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    simulated: Simulated = "With"
    live: bool = True

    @property
    def has_window(self) -> bool:
        """True when a window was chosen by hand."""
        return self.since is not None

    @property
    def filter_count(self) -> int:
        """How many kinds of filter are set, window, view and search aside."""
        values = (
            self.status,
            self.workflow,
            self.model,
            self.tag,
            self.session,
            self.user,
            (self.min_cost_usd, self.max_cost_usd) != (None, None),
            (self.min_duration_s, self.max_duration_s) != (None, None),
            self.simulated != "With",
        )
        return sum(bool(value) for value in values)

    @property
    def is_narrowed(self) -> bool:
        """True when something beside the span keeps runs out."""
        return bool(self.filter_count or self.text or self.pill or self.has_window)

    def cleared(self) -> "RunsView":
        """Return a view of all runs, live or not as this one."""
        return RunsView(span="All", live=self.live)


def run_filter(view: RunsView, *, now: datetime, default_span: Span) -> RunFilter:
    """Return which runs the view means, its pill aside: that one needs `pill_filter`."""
    since, until = view.since, view.until
    span = view.span or default_span
    if since is None and span in LENGTHS:
        since = now - LENGTHS[span]
    tags = [tag.partition("=") for tag in view.tag]
    return RunFilter(
        status=view.status,
        workflow=view.workflow,
        model=view.model,
        tags={name: value for name, _, value in tags},
        session_id=view.session,
        user_id=view.user,
        since=since,
        until=until,
        min_cost_usd=view.min_cost_usd,
        max_cost_usd=view.max_cost_usd,
        min_duration_ms=_milliseconds(view.min_duration_s),
        max_duration_ms=_milliseconds(view.max_duration_s),
        text=view.text.strip() or None,
        simulated={"With": None, "Without": False, "Only": True}[view.simulated],
    )


def pill_filter(pill: Pill | None, base: RunFilter, totals: RunTotals | None) -> RunFilter | None:
    """Return the filter with a pill's own narrowing.

    Args:
        pill: the view that was chosen.
        base: the filter without it.
        totals: of the runs that fit `base`; decides what is slow and what expensive.

    Returns:
        None when no run can fit: no duration or no cost is known.
    """
    if pill == "Failed":
        both = tuple(one for one in FAILED if one in (base.status or FAILED))
        return base.model_copy(update={"status": both}) if both else None
    if pill == "Unpriced":
        return base.model_copy(update={"unpriced": True})
    if pill == "Waiting":
        return base.model_copy(update={"waiting": True})
    if pill is None:
        return base
    field = {"Slow": "min_duration_ms", "Expensive": "min_cost_usd"}[pill]
    bounds: dict[str, Any] = {
        "min_duration_ms": totals.duration_p95_ms if totals else None,
        "min_cost_usd": totals.cost_p95_usd if totals else None,
    }
    if bounds[field] is None:
        return None
    asked = getattr(base, field)
    bound = bounds[field] if asked is None else max(asked, bounds[field])
    return base.model_copy(update={field: bound})


def needs_totals(pill: Pill | None) -> bool:
    """Return whether what the pill means depends on the runs that are there."""
    return pill in ("Slow", "Expensive")


def to_query(view: RunsView) -> Query:
    """Return the view as parameters of an address; what has its default is left out."""
    query: Query = {}
    for name, value in (
        ("range", view.span if not view.has_window else None),
        ("since", view.since and _written(view.since)),
        ("until", view.until and _written(view.until)),
        ("view", view.pill),
        ("q", view.text),
        ("session", view.session),
        ("user", view.user),
        ("min_cost", view.min_cost_usd),
        ("max_cost", view.max_cost_usd),
        ("min_s", view.min_duration_s),
        ("max_s", view.max_duration_s),
        ("simulated", view.simulated if view.simulated != "With" else None),
        ("live", None if view.live else "0"),
    ):
        if value is not None and value != "":
            query[name] = [f"{value:g}" if isinstance(value, float) else str(value)]
    for name, values in (
        ("status", view.status),
        ("workflow", view.workflow),
        ("model", view.model),
        ("tag", view.tag),
    ):
        if values:
            query[name] = list(values)
    return query


def from_query(query: Mapping[str, Sequence[str]]) -> RunsView:
    """Return the view that parameters of an address mean; what cannot be read is left out."""

    def one(name: str) -> str | None:
        values = query.get(name, ())
        return values[-1] if values and values[-1] else None

    since, until = _read(one("since"), _time), _read(one("until"), _time)
    simulated = one("simulated")
    return RunsView(
        span=_known(one("range"), SPANS),
        since=since if since and (until is None or since < until) else None,
        until=until if since and until and since < until else None,
        pill=_known(one("view"), PILLS),
        text=(one("q") or "")[:MAX_TEXT_CHARS],
        status=tuple(status for status in STATUSES if status in query.get("status", ())),
        workflow=_all(query.get("workflow", ())),
        model=_all(query.get("model", ())),
        tag=tuple(tag for tag in _all(query.get("tag", ())) if "=" in tag),
        session=one("session"),
        user=one("user"),
        min_cost_usd=_read(one("min_cost"), _amount),
        max_cost_usd=_read(one("max_cost"), _amount),
        min_duration_s=_read(one("min_s"), _seconds),
        max_duration_s=_read(one("max_s"), _seconds),
        simulated=cast("Simulated", simulated) if simulated in SIMULATED else "With",
        live=one("live") != "0",
    )


def toggled(view: RunsView, facet: str, value: str) -> RunsView:
    """Return the view with a value of a facet added, or taken away when it was there.

    Args:
        view: as it is now.
        facet: `status`, `workflow`, `model`, `tag`, `session` or `user`.
        value: one of the facet's values; a tag as `name=value`.
    """
    now: Any = getattr(view, facet)
    after: Any
    if facet in ("session", "user"):
        after = None if now == value else value
    elif value in now:
        after = tuple(one for one in now if one != value)
    elif facet == "tag":  # a run has one value of a tag
        name = value.partition("=")[0]
        after = (*(tag for tag in now if tag.partition("=")[0] != name), value)
    else:
        after = (*now, value)
    changes: dict[str, Any] = {facet: after}
    return replace(view, **changes)


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _known(text: str | None, known: tuple[K, ...]) -> K | None:
    return cast("K", text) if text in known else None


def _all(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _read(text: str | None, read: Callable[[str], T]) -> T | None:
    try:
        return None if text is None else read(text)
    except (ValueError, InvalidOperation, OverflowError):
        return None


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _amount(text: str) -> Decimal:
    amount = Decimal(text)
    if not amount.is_finite() or amount < 0:
        raise ValueError(text)
    return amount


def _seconds(text: str) -> float:
    seconds = float(_amount(text))
    if math.isinf(seconds):  # more than a float holds
        raise ValueError(text)
    return seconds
