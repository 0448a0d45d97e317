"""What stands in the place of the plan while replays are executed, and where they end."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import streamlit as st

from secondtake.backend.client import Client
from secondtake.backend.errors import NotFoundError
from secondtake.backend.formats import count, counted, duration, money
from secondtake.backend.models.runs import RunFacts
from secondtake.studio import live
from secondtake.studio.components.arrive import arrive
from secondtake.studio.components.pane import show_pane
from secondtake.studio.html import Html, el, icon
from secondtake.studio.navigation import REPLAY_PATH, diff_address, run_address
from secondtake.studio.replay_page.page_state import Following, ReplayState
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

LOOK_EVERY_S: Final = 0.5
ANSWER_CHARS: Final = 4_000
"""Of an answer in the list of different ones."""
RUNNING: Final = "running"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Repeats that gave the same answer."""

    said: str
    runs: tuple[tuple[int, RunFacts], ...]
    """With the number of the repeat."""
    is_failure: bool


def follow(client: Client, following: Following) -> None:
    """Show replays while they are executed; when all have ended, draw the page anew."""
    if following.have_ended:
        _arrived(client, following)
        return

    def look() -> None:
        found = [_look(client, following, run_id) for run_id in following.run_ids]
        show_pane(_progress(following, found), key="replay_progress")
        if following.have_ended:
            st.rerun()

    live.section(look, every_s=LOOK_EVERY_S)


def is_over(state: ReplayState, *, came_back: bool) -> bool:
    """Return whether the replay that was followed was seen: the reader comes back from its diff."""
    return state.following is not None and state.following.has_gone and came_back


def same_answers(runs: Sequence[RunFacts]) -> list[Answers]:
    """Return the different answers, the most frequent first, failures last."""
    told: dict[tuple[bool, str], list[tuple[int, RunFacts]]] = {}
    for number, run in enumerate(runs, start=1):
        failed = run.status != "ok"
        said: Any = run.error_message or run.status if failed else run.output
        told.setdefault((failed, _dumped(said)), []).append((number, run))
    ordered = sorted(told.items(), key=lambda item: (item[0][0], -len(item[1])))
    return [
        Answers(said=_text(said), runs=tuple(its), is_failure=failed)
        for (failed, said), its in ordered
    ]


def repeats(following: Following, runs: Sequence[RunFacts]) -> Html:
    """Return how stable the answer is: each different one with its count and its runs."""
    found = same_answers(runs)
    good = [each for each in found if not each.is_failure]
    failed = sum(len(each.runs) for each in found if each.is_failure)
    verdict = f"{counted(len(good), 'answer')} in {counted(len(runs), 'replay')}"
    if len(good) > 1:
        verdict = f"{counted(len(good), 'different answer')} in {counted(len(runs), 'replay')}"
    if len(good) == 1 and not failed:
        verdict = f"The same answer in all {counted(len(runs), 'replay')}"
    parts = [verdict, f"{failed} failed" if failed else "", _spent(runs)]
    head = el("div", icon("repeat"), el("b", " · ".join(part for part in parts if part)),
              cls="replay-head repeats-head", role="status", data_testid="repeats")  # fmt: skip
    rows = [_answer(each, len(runs), following.source_run_id) for each in found]
    return el("div", head, rows, cls="repeats")


def _arrived(client: Client, following: Following) -> None:
    run_id, *others = following.run_ids
    if others:
        facts = [client.get_run(str(run_id), parts=()).summary for run_id in following.run_ids]
        show_pane(repeats(following, facts), key="replay_repeats")
        return
    address = diff_address(str(following.source_run_id), str(run_id))
    following.has_gone = True
    link = el("a", "What changed", href=address)
    show_pane(_line(icon("check_circle", cls="ok"), "The replay has ended.", link),
              key="replay_progress")  # fmt: skip
    arrive(address, from_page=REPLAY_PATH, token=str(run_id), key="replay_arrive")


def _look(client: Client, following: Following, run_id: UUID) -> RunFacts | None:
    """Return a replay as it is now; None before it has begun."""
    try:
        run = client.get_run(str(run_id), max_chars=300, parts=()).summary
    except NotFoundError:
        return None
    if run.status != RUNNING:
        following.ended.add(run_id)
    return run


def _progress(following: Following, found: Sequence[RunFacts | None]) -> Html:
    if len(found) > 1:
        begun = sum(run is not None for run in found)
        said = f"{count(len(following.ended))} of {counted(len(found), 'replay')} ended"
        return _line(_spinner(), f"{said}, {begun - len(following.ended)} being executed")
    run = found[0]
    if run is None:
        return _line(_spinner(), "Waiting for a worker…")
    link = el("a", "See it live", href=run_address(str(run.run_id)))
    if run.question is not None:
        asked = f"It waits for a person: {in_one_line(run.question, limit=120)}"
        return _line(icon("pause_circle", cls="warn"), asked, link)
    words = [
        f"Replaying {name_line(run.current_node)}" if run.current_node else "Replaying",
        counted(run.llm_call_count or 0, "LLM call"),
        counted(run.tool_call_count or 0, "tool call"),
        money(run.cost_usd),
    ]
    return _line(_spinner(), " · ".join(words), link)


def _line(symbol: Html, said: str, link: Html | None = None) -> Html:
    return el("div", symbol, el("span", said, cls="cut"), el("span", cls="grow"), link,
              cls="replay-note is-live", role="status")  # fmt: skip


def _spinner() -> Html:
    return icon("progress_activity", cls="running spins")


def _spent(runs: Sequence[RunFacts]) -> str:
    known = [run.cost_usd for run in runs if run.cost_usd is not None]
    unknown = sum(bool(run.unpriced_calls) or run.cost_usd is None for run in runs)
    said = f"{money(sum(known, start=known[0] * 0) if known else None)} spent"
    if any(run.simulated for run in runs):
        said += " (simulated)"
    return said + (f" · {unknown} unpriced" if unknown else "")


def _answer(answers: Answers, of: int, source: UUID) -> Html:
    statuses = Counter(run.status for _, run in answers.runs)
    status = statuses.most_common(1)[0][0]
    colour = STATUS_COLOURS.get(status, "ink3")
    symbol = icon(STATUS_ICONS.get(status, "help"), cls=colour) if answers.is_failure else None
    links = [
        el("a", str(number), href=diff_address(str(source), str(run.run_id)), cls="num",
           title=f"{run.short_id} · {duration(run.duration_ms)} · {money(run.cost_usd)}")
        for number, run in answers.runs
    ]  # fmt: skip
    shown = answers.said[:ANSWER_CHARS]
    rest = len(answers.said) - len(shown)
    return el(
        "div",
        el("div", el("b", f"{len(answers.runs)} of {of}", cls="num"), symbol, cls="repeat-count"),
        el("div", el("div", shown, cls="said"),
           el("div", f"{rest:,} characters more", cls="meta") if rest else None,
           el("div", "diff of the source with repeat ", links, cls="meta repeat-runs")),
        cls="repeat" + (" is-failed" if answers.is_failure else ""),
    )  # fmt: skip


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _text(dumped: str) -> str:
    value = json.loads(dumped)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
