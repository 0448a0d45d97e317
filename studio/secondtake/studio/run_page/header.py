"""The head of the page: which run this is, how it ended, what it took."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from secondtake.backend.formats import (
    UNKNOWN,
    count,
    counted,
    duration,
    moment,
    money,
    one_line,
    percent,
    tokens,
    utc,
)
from secondtake.backend.models.runs import RunFacts
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.navigation import RUNS_ADDRESS, diff_address, replay_address, run_address
from secondtake.studio.run_page.data import RunView
from secondtake.studio.run_page.json_text import name_line, text_of
from secondtake.studio.run_page.neighbours import Neighbours
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

TITLE_CHARS: Final = 200
TAGS_SHOWN: Final = 4

TITLE_KEYS: Final = (
    "prompt", "question", "ticket", "topic", "instruction", "input", "query", "message", "task",
    "text",
)  # fmt: skip
"""Inputs that say best what a run is about, the best first."""

REPLAYABLE: Final = {
    "full": "replayable",
    "stepwise": "replayable step by step",
    "no": "not replayable",
}


def header(view: RunView, *, now: datetime) -> Html:
    """Return the head of the page."""
    run = view.detail.summary
    return el(
        "div",
        el("div", _crumb(run), _tags(run), cls="run-crumb"),
        el("div", el("h1", title_of(view), cls="page-title cut", title=title_of(view)),
           _chips(view), cls="run-title"),
        el("div", [el("span", fact, cls="fact") for fact in _facts(run, now)], cls="run-facts num"),
        cls="run-head",
        data_testid="run-head",
    )  # fmt: skip


def diff_link(run: RunFacts) -> Html:
    """Return the link that compares a run: of a replay with its source, else with one to choose."""
    run_id = str(run.run_id)
    source = None if run.source_run_id is None else str(run.source_run_id)
    where = diff_address(run_id) if source is None else diff_address(source, run_id)
    told = "Diff with…" if source is None else "Diff with its source"
    return el("a", icon("difference"), told, href=where, cls="run-diff",
              title="See exactly what differs between two runs")  # fmt: skip


def replay_link(run: RunFacts) -> Html:
    """Return the link to the page that has a run executed again, or says why it cannot be."""
    return el("a", icon("replay"), "Replay", href=replay_address(str(run.run_id)), cls="run-replay",
              title="Execute this run again with something changed")  # fmt: skip


def steps(beside: Neighbours) -> Html:
    """Return the links to the runs beside this one in the list."""
    return el(
        "div",
        _step("Newer run", "arrow_upward", "k", beside.above),
        _step("Older run", "arrow_downward", "j", beside.below),
        cls="run-steps",
    )


def _step(label: str, symbol: str, letter: str, run_id: str | None) -> Html:
    shown = [icon(symbol), el("kbd", letter.upper())]
    if run_id is None:
        return el("span", shown, title=f"{label}: none", cls="run-step", aria_disabled="true")
    return el(
        "a", shown, href=run_address(run_id), title=label, cls="run-step",
        aria_keyshortcuts=letter, data_replaces="",
    )  # fmt: skip


def title_of(view: RunView) -> str:
    """Return what a run is about in one line: its input in words, else its name."""
    return title_of_run(view.detail.summary, first_said=_first_said(view))


def title_of_run(run: RunFacts, *, first_said: str | None) -> str:
    """Return what a run is about in one line.

    Args:
        run: the run.
        first_said: what a person said first in it; None when nobody did.
    """
    text = _words(run.inputs) or first_said or run.name or run.workflow or "run"
    line = one_line(text[: 3 * TITLE_CHARS])
    return line if len(line) <= TITLE_CHARS else f"{line[:TITLE_CHARS]}…"


def _words(inputs: Any) -> str | None:
    if not isinstance(inputs, dict):
        return inputs if isinstance(inputs, str) and inputs.strip() else None
    known = {str(key).lower(): value for key, value in inputs.items()}
    for key in TITLE_KEYS:
        if isinstance(value := known.get(key), str) and value.strip():
            return value
    texts = [value for value in inputs.values() if isinstance(value, str) and value.strip()]
    return texts[0] if len(texts) == 1 else text_of(inputs)


def _first_said(view: RunView) -> str | None:
    for message in view.detail.messages:
        if message.role == "user" and message.content and message.content.strip():
            return message.content
    return None


def _crumb(run: RunFacts) -> list[Html]:
    parts = [
        el("a", "Runs", href=RUNS_ADDRESS),
        el("span", "/", cls="faint"),
        el("span", name_line(run.workflow or run.name or "run"), cls="cut"),
        el("span", "/", cls="faint"),
        el(
            "span",
            run.short_id,
            icon("content_copy"),
            cls="mono copy",
            title=f"Copy {run.run_id}",
            role="button",
            tabindex=0,
            data_copy=str(run.run_id),
        ),
    ]
    if run.simulated:
        parts.append(
            el("span", "simulated", cls="chip simulated",
               title="Simulated models answered: no money was spent")
        )  # fmt: skip
    return [*parts, *_lineage(run)]


def _lineage(run: RunFacts) -> Iterator[Html]:
    """Yield where the run comes from."""
    if run.source_run_id is not None:
        source = str(run.source_run_id)
        yield el(
            "a", icon("replay"), f"replay of {source[:13]}", cls="chip outlined",
            href=run_address(source),
        )  # fmt: skip
    for name, value in (
        ("experiment", run.experiment_id),
        ("variant", run.variant),
        ("case", run.case_id),
        ("repeat", None if run.repeat is None else str(run.repeat)),
    ):
        if value:
            said = name_line(f"{name} {value}")
            yield el("span", said, cls="chip outlined cut", title=said)


def _tags(run: RunFacts) -> list[Html]:
    tags = [
        name_line(f"{key}={value}" if value else key) for key, value in (run.tags or {}).items()
    ]
    chips = [el("span", tag, cls="chip cut", title=tag) for tag in tags[:TAGS_SHOWN]]
    if len(tags) > TAGS_SHOWN:
        rest = tags[TAGS_SHOWN:]
        chips.append(el("span", f"+{len(rest)}", cls="chip", title="\n".join(rest)))
    return chips


def _chips(view: RunView) -> list[Html]:
    run = view.detail.summary
    waits = bool(view.questions)
    status = "waiting" if waits else run.status
    colour = STATUS_COLOURS.get(status, "ink3")
    spins = " spins" if status == "running" else ""
    word = status.replace("_", " ")
    if status == "running" and run.current_node:
        word = f"running · {name_line(run.current_node)}"
    chips = [
        el("span", icon(STATUS_ICONS.get(status, "help"), cls=spins.strip()), word,
           cls=f"chip status-{colour}")
    ]  # fmt: skip
    if run.error_count:
        chips.append(
            el("span", icon("error"), counted(run.error_count, "error"), cls="chip status-error",
               title="Spans of this run that ended in an error")
        )  # fmt: skip
    if run.replayable:
        chips.append(
            el(
                "span",
                icon("replay"),
                REPLAYABLE.get(run.replayable, run.replayable),
                cls="chip outlined",
                title=name_line(run.replayable_reason or "", limit=500)
                or "Every call of it can be answered from its recording",
            )
        )
    return chips


def _facts(run: RunFacts, now: datetime) -> Iterator[Html]:
    """Yield what the run took and where it was, each fact with its unit; unknown ones say so."""
    took = run.duration_ms
    if took is None and run.started_at is not None and run.ended_at is None:
        took = (
            max((now - run.started_at).total_seconds() * 1000, 0)
            if run.status == "running"
            else None
        )
    grows = round(took) if took is not None and run.status == "running" else None
    yield join("time ", UNKNOWN) if took is None else el("b", duration(took), data_grows=grows)
    yield _cost(run)
    yield _tokens(run)
    yield join(el("b", count(run.llm_call_count)), _word(run.llm_call_count, "LLM call"))
    yield join(el("b", count(run.tool_call_count)), _word(run.tool_call_count, "tool call"))
    if run.models:
        named = run.models[0] if len(run.models) == 1 else f"{len(run.models)} models"
        yield _named("model", named, title="\n".join(name_line(model) for model in run.models[:20]))
    if run.started_at is not None:
        shown = moment(run.started_at, now=now)
        yield join("started ", el("span", shown, cls="fact-value", title=utc(run.started_at)))
    if run.session_id:
        where = f"/?session={quote(run.session_id[:2000], safe='')}&range=All"
        named = name_line(run.session_id)
        yield join("session ", el("a", named, href=where, title=named, cls="cut"))
    if run.user_id:
        yield _named("user", run.user_id)
    if commit := git_commit(run.environment):
        yield join("git ", el("span", commit[:8], cls="mono", title=commit))
    if run.recording_faults:
        said = f"{counted(run.recording_faults, 'event')} not recorded"
        yield el("span", icon("warning"), said, cls="warn", title="See `secondtake doctor`")


def _word(number: int | None, one: str) -> str:
    return f" {one}" if number == 1 else f" {one}s"


def _named(name: str, value: str, *, title: str | None = None) -> Html:
    shown = name_line(value)
    return join(f"{name} ", el("span", shown, cls="fact-value cut", title=title or shown))


def _cost(run: RunFacts) -> Html:
    parts: list[Html | str] = [f"cost {UNKNOWN}"]
    if run.cost_usd is not None:
        cls = "simulated-price" if run.simulated else None
        parts = [el("b", money(run.cost_usd), cls=cls)]
    if run.unpriced_calls:
        known = "unpriced" if run.cost_usd is None else f"{count(run.unpriced_calls)} unpriced"
        parts.append(" ")
        parts.append(
            el("span", icon("money_off"), known, cls="warn",
               title=f"{counted(run.unpriced_calls, 'call')} without a known price")
        )  # fmt: skip
    if run.avoided_cost_usd:
        parts.append(f" {money(run.avoided_cost_usd)} avoided")
    return join(parts)


def _tokens(run: RunFacts) -> Html:
    if run.input_tokens is None and run.output_tokens is None:
        return join("tokens ", UNKNOWN)
    parts: list[Html | str] = [
        el("b", tokens(run.input_tokens)), " in ", el("b", tokens(run.output_tokens)), " out",
    ]  # fmt: skip
    if run.cache_read_tokens and run.input_tokens:
        parts.append(f" · {percent(run.cache_read_tokens, run.input_tokens)} cached")
    return join(parts)


def git_commit(environment: Any) -> str | None:
    """Return the commit that a run was executed at; None when it was not recorded."""
    if not isinstance(environment, dict):
        return None
    git = environment.get("git")
    found = git.get("commit") if isinstance(git, dict) else environment.get("git_commit", git)
    return found if isinstance(found, str) and found else None
