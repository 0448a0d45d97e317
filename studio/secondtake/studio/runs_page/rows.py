"""The rows of the table of runs: every cell as the text that stands in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypedDict

from secondtake.backend.formats import LIST_PLACES as PLACES
from secondtake.backend.formats import (
    UNKNOWN,
    count,
    counted,
    duration,
    moment,
    money,
    one_line,
    tokens,
    tokens_in_out,
    utc,
    visible,
)
from secondtake.backend.models.runs import RunSummary
from secondtake.studio.navigation import run_address
from secondtake.studio.runs_page.previews import said
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

SHOWN_TAGS: Final = 1
"""So many of a run's tags stand in its row, the others in a tooltip."""
CELL_CHARS: Final = 240
"""No cell shows more."""
STARTED: Final = {"interrupted": "interrupted: its process ended", "budget_exceeded": "over budget"}


class Row(TypedDict):
    """A run as the table draws it. Tooltips end in `_tip`; None: as the cell says."""

    id: str
    href: str
    symbol: str
    colour: str
    status: str
    spins: bool
    at: str
    at_tip: str
    known_start: bool
    input: str
    input_tip: str | None
    output: str
    tone: str
    """`plain`, `error`, `running` or `warn`."""
    workflow: str
    model: str
    time: str
    cost: str
    cost_mark: str
    """`+` when a price is missing in the sum, else empty."""
    cost_tip: str | None
    tokens: str
    tokens_tip: str | None
    score: str
    score_tip: str | None
    tags: list[str]
    more_tags: int
    tags_tip: str | None
    simulated: bool
    name: str
    session: str
    user: str
    agent: str
    source: str
    llm_calls: str
    tool_calls: str
    errors: str
    avoided: str


def run_rows(runs: Sequence[RunSummary], *, now: datetime) -> list[Row]:
    """Return the rows, in the order of the runs.

    Args:
        runs: as the backend lists them.
        now: aware; decides which starts are shown as times of today.
    """
    return [_row(run, now) for run in runs]


def _row(run: RunSummary, now: datetime) -> Row:
    status = "waiting" if run.question is not None and run.status == "running" else run.status
    text, tone = _outcome(run, status)
    asked = said(run.inputs_preview)
    cost_text, mark, cost_tip = _cost(run)
    score, score_tip = _score(run)
    tags = [visible(f"{key}={value}") for key, value in (run.tags or {}).items()]
    return {
        "id": str(run.run_id),
        "href": run_address(str(run.run_id)),
        "symbol": STATUS_ICONS.get(status, "help"),
        "colour": STATUS_COLOURS.get(status, "ink3"),
        "status": STARTED.get(status, visible(status)),
        "spins": status == "running",
        "at": moment(run.started_at or run.recorded_at, now=now),
        "at_tip": _started(run),
        "known_start": run.started_at is not None,
        "input": _cell(asked) or _cell(run.name) or UNKNOWN,
        "input_tip": visible(run.inputs_preview) if run.inputs_preview else None,
        "output": text,
        "tone": tone,
        "workflow": _cell(run.workflow or run.name) or UNKNOWN,
        "model": _cell(", ".join(run.models or ())) or UNKNOWN,
        "time": duration(run.duration_ms),
        "cost": cost_text,
        "cost_mark": mark,
        "cost_tip": cost_tip,
        "tokens": tokens(_sum(run.input_tokens, run.output_tokens)),
        "tokens_tip": _tokens_tip(run),
        "score": score,
        "score_tip": score_tip,
        "tags": tags[:SHOWN_TAGS],
        "more_tags": max(len(tags) - SHOWN_TAGS, 0),
        "tags_tip": "\n".join(tags) or None,
        "simulated": bool(run.simulated),
        "name": _cell(run.name) or UNKNOWN,
        "session": _cell(run.session_id) or UNKNOWN,
        "user": _cell(run.user_id) or UNKNOWN,
        "agent": _cell(run.agent) or UNKNOWN,
        "source": _cell(run.source) or UNKNOWN,
        "llm_calls": count(run.llm_call_count),
        "tool_calls": count(run.tool_call_count),
        "errors": count(run.error_count),
        "avoided": money(run.avoided_cost_usd, places=PLACES),
    }


def _outcome(run: RunSummary, status: str) -> tuple[str, str]:
    """Return what came out, or why not, or where the run is now; and in which tone."""
    if status == "waiting":
        return f"waits for an answer: {_cell(said(run.question) or '')}", "warn"
    if status == "running":
        node = _cell(run.current_node)
        return (f"at {node}" if node else "running"), "running"
    if run.error_type or run.error_message:
        parts = [part for part in (run.error_type, run.error_message) if part]
        return _cell(": ".join(parts)), "error"
    told = _cell(said(run.output_preview))
    return told or (UNKNOWN if status == "ok" else STARTED.get(status, visible(status))), "plain"


def _cost(run: RunSummary) -> tuple[str, str, str | None]:
    """Return the cost, what stands behind it, and the tooltip."""
    missing = run.unpriced_calls or 0
    notes = [counted(missing, "call") + " without a known price"] if missing else []
    if run.simulated:
        notes.append("simulated: no money was spent")
    if run.cost_usd is not None:
        notes.insert(0, money(run.cost_usd, places=9))
    mark = "+" if missing and run.cost_usd is not None else ""
    return money(run.cost_usd, places=PLACES), mark, "\n".join(notes) or None


def _score(run: RunSummary) -> tuple[str, str | None]:
    scores = run.scores or {}
    if not scores:
        return UNKNOWN, None
    tip = "\n".join(f"{visible(name)}: {value:g}" for name, value in scores.items())
    first = next(iter(scores.values()))
    return f"{first:.2f}", tip


def _started(run: RunSummary) -> str:
    if run.started_at is not None:
        return utc(run.started_at)
    return f"start unknown; recorded {utc(run.recorded_at)}"


def _tokens_tip(run: RunSummary) -> str | None:
    if run.input_tokens is None and run.output_tokens is None:
        return "no call said how many" if run.calls_without_usage else None
    tip = f"{tokens_in_out(run.input_tokens, run.output_tokens)} (in → out)"
    silent = run.calls_without_usage or 0
    return f"{tip}\n{counted(silent, 'call')} did not say" if silent else tip


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    line = one_line(text)
    return line if len(line) <= CELL_CHARS else f"{line[:CELL_CHARS]}…"
