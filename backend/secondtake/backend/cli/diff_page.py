"""A diff as one HTML file that asks nobody for anything: no script, no font, no picture."""

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.diff_markup import SIGNS, Html, el, join, prose
from secondtake.backend.cli.diff_page_steps import steps_view
from secondtake.backend.cli.diff_page_values import answer_view, changes_view, money_view
from secondtake.backend.models.diffs import DiffSide, RunDiff
from secondtake.backend.run_diffs import (
    OPERATIONS,
    beads_of,
    count_words,
    side_money,
    total_tokens,
)

BEADS_MAX: Final = 160
"""More edits than this are drawn as so many beads, each for several."""
SCORES_SHOWN: Final = 6

_TONES: Final = {
    "ok": "ok", "error": "error", "running": "running",
    "interrupted": "warn", "budget_exceeded": "warn",
}  # fmt: skip


def diff_page(diff: RunDiff) -> str:
    """Return the page."""
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"Diff of {diff.a.short_id} and {diff.b.short_id}"),
        el("style", Html(style)),
    )
    body = el(
        "body",
        SIGNS,
        el(
            "header",
            el("h1", prose(diff.verdict)),
            el("div", "A is the baseline, B the candidate.", cls="meta"),
            cls="top",
        ),
        el("div", _side(diff.a, "A"), _side(diff.b, "B"), cls="sides"),
        el("div", list(_facts(diff)), _path(diff), cls="strip"),
        _sections(diff),
        el("footer", _foot(diff)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


@cache
def _style() -> str:
    return files("secondtake.backend.cli").joinpath("diff_page.css").read_text(encoding="utf-8")


def _sections(diff: RunDiff) -> Html:
    values = [
        ("inputs", "Inputs", diff.inputs),
        ("configuration", "Configuration", diff.configuration),
        ("state", "State at the end", diff.state),
    ]
    changed = [
        (key, title, formats.counted(len(changes), "change"), changes_view(changes))
        for key, title, changes in values
        if changes
    ]
    parts = [
        ("steps", "Steps", "", steps_view(diff)),
        ("answer", "Final answer", "", answer_view(diff)),
        *changed,
        ("money", "Money and time", "", money_view(diff)),
    ]
    links = [el("a", title, href=f"#{key}") for key, title, _, _ in parts]
    sections = [
        el("section", el("h2", title, el("span", note, cls="meta")), view, id=key)
        for key, title, note, view in parts
    ]
    same = [title.lower() for _, title, changes in values if not changes]
    told = f"The same on both sides, or not recorded: {', '.join(same)}." if same else None
    nav = el("nav", links, aria_label="Parts of the page")
    return join(nav, sections, el("p", told, cls="meta") if told else None)


def _side(side: DiffSide, letter: str) -> Html:
    cls = " is-b" if letter == "B" else ""
    chips = [el("span", side.status, cls=f"chip is-{_TONES.get(side.status, 'plain')}")]
    chips += [
        el("span", f"{name} {value:g}", cls="chip", title=f"{name} {value:g}")
        for name, value in list(side.scores.items())[:SCORES_SHOWN]
    ]
    if side.simulated:
        chips.append(el("span", "simulated", cls="chip is-simulated", title="no money was spent"))
    known = [", ".join(side.models), side.how]
    about = [text for text in known if text]
    return el(
        "div",
        el("span", letter, cls=f"letter{cls}"),
        el(
            "div",
            el("div", side.name or "run", cls="name ellipsis", title=side.name),
            el(
                "div",
                el("span", side.short_id, cls="mono", title=str(side.run_id)),
                [f" · {text}" for text in about],
                cls="how meta",
            ),
            cls="who",
        ),
        el("div", chips, cls="chips"),
        cls=f"side{cls}",
    )


def _facts(diff: RunDiff) -> Iterator[Html]:
    a, b = diff.a, diff.b
    yield _fact(
        "Cost" + (" (simulated)" if a.simulated or b.simulated else ""),
        side_money(b, places=formats.CALL_PLACES),
        side_money(a, places=formats.CALL_PLACES),
        _share(a.cost_usd, b.cost_usd) or formats.money_delta(diff.delta_cost_usd),
        diff.delta_cost_usd,
        less_is_better=True,
    )
    yield _fact(
        "Time",
        formats.duration(b.duration_ms),
        formats.duration(a.duration_ms),
        _share(a.duration_ms, b.duration_ms) or formats.duration_delta(diff.delta_duration_ms),
        diff.delta_duration_ms,
        less_is_better=True,
    )
    yield _fact(
        "Tokens in → out",
        formats.tokens_in_out(b.input_tokens, b.output_tokens),
        formats.tokens_in_out(a.input_tokens, a.output_tokens),
        _share(total_tokens(a), total_tokens(b)),
        _difference(total_tokens(a), total_tokens(b)),
    )
    for name, before, after in (
        ("LLM calls", a.llm_calls, b.llm_calls),
        ("Tool calls", a.tool_calls, b.tool_calls),
    ):
        yield _fact(
            name,
            formats.count(after),
            formats.count(before),
            formats.tokens_delta(after - before),
            after - before,
        )
    for name in list(dict.fromkeys([*a.scores, *b.scores]))[:SCORES_SHOWN]:
        yield _score(name, a.scores.get(name), b.scores.get(name))


def _score(name: str, before: float | None, after: float | None) -> Html:
    value, was = (formats.UNKNOWN if each is None else f"{each:g}" for each in (after, before))
    delta = _difference(before, after)
    return _fact(
        f"Score {name}", value, was, formats.number_delta(delta), delta, less_is_better=False
    )


def _fact(
    label: str,
    value: str,
    was: str,
    change: str,
    delta: Any,
    *,
    less_is_better: bool | None = None,
) -> Html:
    """Return a figure of B, and how it differs from that of A.

    `less_is_better` is None for what is neither good nor bad.
    """
    tone = ""
    if delta and less_is_better is not None:
        tone = " better" if (delta < 0) == less_is_better else " worse"
    known = change if change != formats.UNKNOWN else ""
    return el(
        "div",
        el("div", label, cls="label ellipsis", title=label),
        el(
            "div", el("span", value, cls="value"), el("span", known, cls=f"change{tone}"), cls="num"
        ),
        el("div", f"was {was}", cls="meta num"),
        cls="fact",
    )


def _path(diff: RunDiff) -> Html:
    """Return the edits along both runs, a bead for each."""
    beads = beads_of(diff, at_most=BEADS_MAX)
    where = "all steps are the same"
    if diff.first_divergence is not None:
        before = formats.counted(diff.first_divergence, "identical step")
        where = (
            f"diverged after {before}" if diff.first_divergence else "diverged at the first step"
        )
    return el(
        "div",
        el("div", " · ".join(count_words(diff)) or "No steps", cls="label"),
        el(
            "div",
            [
                el("i", cls=f"bead is-{bead.operation}", title=OPERATIONS[bead.operation])
                for bead in beads
            ],
            cls="beads" + (" is-dense" if len(beads) > 40 else ""),
        ),
        el("div", where, cls="meta"),
        cls="fact path",
    )


def _foot(diff: RunDiff) -> str:
    made = f"secondtake diff {diff.a.run_id} {diff.b.run_id} --html FILE"
    note = " Simulated prices: no money was spent." if diff.a.simulated or diff.b.simulated else ""
    return f"Made by Second Take: {made}.{note}"


def _share(before: Any, after: Any) -> str:
    return formats.percent_change(before, after)


def _difference(before: Any, after: Any) -> Any:
    return None if before is None or after is None else after - before
