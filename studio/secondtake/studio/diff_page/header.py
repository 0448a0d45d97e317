"""The head of the page: the verdict, the two runs, and what they took."""

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.models.diffs import DiffSide, RunDiff
from secondtake.backend.models.runs import RunFacts
from secondtake.backend.run_diffs import (
    NOTABLE_SHARE,
    OPERATIONS,
    Bead,
    beads_of,
    count_words,
    sentence_parts,
    side_money,
    total_tokens,
)
from secondtake.studio.diff_page.data import DiffView, Runs
from secondtake.studio.html import Html, el, icon, join, text
from secondtake.studio.navigation import diff_address, replay_address, run_address
from secondtake.studio.run_page.header import title_of_run
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

BEADS_MAX: Final = 60
"""More edits than this are drawn as so many beads, each for several."""
SHORT_ID_DIGITS: Final = 13
GO_ACT: Final = "go"
"""A click that leads to a pair of steps."""

_GAIN: Final = re.compile(
    r"((?:over )?\d[\w.,]*(?: \d+s)?(?: (?:%|ms|s|times as))? "
    r"(?:cheaper|faster|higher|more expensive|expensive|slower|lower))\b"
)
_GOOD: Final = ("cheaper", "faster", "higher")


def actions(view: DiffView) -> Html:
    """Return the link that swaps the two sides, and the one that chooses others."""
    a, b = str(view.diff.a.run_id), str(view.diff.b.run_id)
    again = "Replay again" if view.run_b.source_run_id == view.diff.a.run_id else "Replay A"
    return el(
        "div",
        el("a", icon("swap_horiz"), "Swap", el("kbd", "X"), href=diff_address(b, a),
           cls="diff-action", title="Make B the baseline", aria_keyshortcuts="x",
           data_replaces=""),
        el("a", icon("difference"), "Other runs", href=diff_address(a), cls="diff-action",
           title="Compare A with another run"),
        el("a", icon("replay"), again, href=replay_address(a), cls="diff-action is-primary",
           title="Execute A again, with something changed"),
        cls="diff-actions",
    )  # fmt: skip


def header(view: DiffView, *, now: datetime, was_live: bool = False) -> Html:
    """Return the verdict, the cards of the two runs and the strip of differences.

    Args:
        view: the two runs.
        now: times of today are said without the day.
        was_live: one of them went on when they were first shown: nothing below moves when it ends.
    """
    diff = view.diff
    return el(
        "div",
        el("div", el("h1", "Diff", cls="page-title"), el("p", _verdict(diff.verdict)),
           cls="diff-verdict is-live" if was_live else "diff-verdict",
           data_testid="diff-verdict"),
        _note(view, now) if was_live else None,
        el("div", _card(view.run_a, diff.a, view.title_a, "A", diff, now),
           _card(view.run_b, diff.b, view.title_b, "B", diff, now), cls="diff-cards"),
        el("div", list(_facts(diff)), _path(diff), cls="diff-strip", data_testid="diff-strip"),
        cls="diff-head",
    )  # fmt: skip


def comparing(runs: Runs, *, now: datetime) -> Html:
    """Return the head while the two runs are compared: as much of it as is known, as high."""
    cards = [
        _card(run, _side(run), title_of_run(run, first_said=None), name, None, now)
        for name, run in (("A", runs.a), ("B", runs.b))
    ]
    said = el("p", icon("progress_activity", cls="spins"), " Comparing the two runs…",
              role="status")  # fmt: skip
    return el(
        "div",
        el("div", el("h1", "Diff", cls="page-title"), said, cls="diff-verdict"),
        el("div", cards, cls="diff-cards"),
        el("div", cls="diff-strip is-coming"),
        cls="diff-head",
        data_testid="diff-comparing",
    )


def _side(run: RunFacts) -> DiffSide:
    """Return what the card of a run says, as far as it is known without its diff."""
    return DiffSide(
        run_id=run.run_id,
        short_id=run.short_id,
        status=run.status,
        models=run.models or [],
        scores=run.scores or {},
        simulated=bool(run.simulated),
    )


def _note(view: DiffView, now: datetime) -> Html:
    who = " and ".join(view.running)
    symbol, said = icon("check_circle", cls="ok"), "Both runs have ended"
    if who:
        symbol = icon("progress_activity", cls="running spins")
        said = f"{who} {'are' if len(view.running) > 1 else 'is'} still running; this page follows"
    seen = el("span", f"as of {formats.moment(view.fetched_at, now=now)}", cls="meta num")
    return el("div", symbol, said, seen, cls="diff-note", role="status", data_testid="diff-note")


def _verdict(sentence: str) -> Iterator[Html]:
    """Yield the verdict, its gains and losses in colour; names in it stay as they are."""
    for part, is_name in sentence_parts(sentence):
        if is_name:
            yield el("code", part)
            continue
        for place, piece in enumerate(_GAIN.split(part)):
            if place % 2:
                yield el("b", piece, cls="better" if piece.endswith(_GOOD) else "worse")
            else:
                yield text(piece)


def letter(name: str) -> Html:
    """Return the sign of a side."""
    return el("span", name, cls=f"diff-letter is-{name.lower()}")


def _card(
    run: RunFacts, side: DiffSide, title: str, name: str, diff: RunDiff | None, now: datetime
) -> Html:
    known = [
        el("span", side.short_id, cls="mono", title=str(side.run_id)),
        text(_how(side.how, diff)) if side.how and diff is not None else None,
        text(", ".join(map(name_line, side.models))) if side.models and not side.how else None,
        text(formats.moment(run.started_at, now=now)) if run.started_at is not None else None,
    ]
    about = join([each for each in known if each is not None], separator=" · ")
    tip = "\n".join(each for each in (title, side.how, formats.utc(run.started_at)) if each)
    return el(
        "a",
        letter(name),
        el(
            "span",
            el("span", title, cls="diff-title cut"),
            el("span", about, cls="meta cut"),
            cls="diff-who",
        ),
        el("span", list(_chips(side)), cls="diff-chips"),
        href=run_address(str(side.run_id)),
        title=tip,
        cls=f"diff-card is-{name.lower()}",
        data_testid=f"diff-card-{name.lower()}" if diff is not None else None,
    )


def _how(how: str, diff: RunDiff) -> str:
    """Return how a run came about; a replay of the other one is called that."""
    for name, side in (("A", diff.a), ("B", diff.b)):
        how = how.replace(f"replay of {str(side.run_id)[:SHORT_ID_DIGITS]}", f"replay of {name}")
    return name_line(how)


def _chips(side: DiffSide) -> Iterator[Html]:
    colour = STATUS_COLOURS.get(side.status, "ink3")
    word = side.status.replace("_", " ")
    status_icon = icon(STATUS_ICONS.get(side.status, "help"))
    yield el("span", status_icon, word, cls=f"chip status-{colour}")
    scores = [f"{name_line(name)} {value:g}" for name, value in side.scores.items()]
    if scores:
        yield el("span", scores[0], cls="chip outlined cut", title="\n".join(scores))
    if side.simulated:
        yield el("span", "simulated", cls="chip simulated",
                 title="Simulated models answered: no money was spent")  # fmt: skip


def _facts(diff: RunDiff) -> Iterator[Html]:
    a, b = diff.a, diff.b
    simulated = a.simulated or b.simulated
    yield _fact(
        join("Cost", el("span", "simulated", cls="diff-simulated")) if simulated else "Cost",
        (_money(a), _money(b)),
        _percent(a.cost_usd, b.cost_usd) or formats.money_delta(diff.delta_cost_usd),
        _tone(a.cost_usd, b.cost_usd, less_is_better=True),
        tip="Cost" if not (a.unpriced_calls or b.unpriced_calls) else _unpriced(a, b),
    )
    yield _fact(
        "Time",
        (formats.duration(a.duration_ms), formats.duration(b.duration_ms)),
        _percent(a.duration_ms, b.duration_ms) or formats.duration_delta(diff.delta_duration_ms),
        _tone(a.duration_ms, b.duration_ms, less_is_better=True),
    )
    tokens_a, tokens_b = total_tokens(a), total_tokens(b)
    yield _fact(
        "Tokens",
        (formats.tokens(tokens_a), formats.tokens(tokens_b)),
        _percent(tokens_a, tokens_b),
        "",
        tip=f"A {formats.tokens_in_out(a.input_tokens, a.output_tokens)}\n"
        f"B {formats.tokens_in_out(b.input_tokens, b.output_tokens)}",
    )
    for label, before, after in (
        ("LLM calls", a.llm_calls, b.llm_calls),
        ("Tool calls", a.tool_calls, b.tool_calls),
    ):
        shown = (formats.count(before), formats.count(after))
        yield _fact(label, shown, formats.tokens_delta(after - before), "")
    yield from _scores(a, b)


def _scores(a: DiffSide, b: DiffSide) -> Iterator[Html]:
    """Yield the score that differs most; the others stand in its tooltip."""
    names = sorted({*a.scores, *b.scores}, key=lambda name: -abs(_gap(a, b, name)))
    if not names:
        return
    first, before, after = names[0], a.scores.get(names[0]), b.scores.get(names[0])
    delta = None if before is None or after is None else after - before
    shown = [formats.UNKNOWN if each is None else f"{each:g}" for each in (before, after)]
    tip = "\n".join(
        f"{name_line(name)}: A {a.scores.get(name, formats.UNKNOWN)}, "
        f"B {b.scores.get(name, formats.UNKNOWN)}"
        for name in names
    )
    tone = "" if not delta else "better" if delta > 0 else "worse"
    label = f"Score {name_line(first)}" + (f" +{len(names) - 1}" if len(names) > 1 else "")
    yield _fact(label, (shown[0], shown[1]), formats.number_delta(delta), tone, tip=tip)


def _gap(a: DiffSide, b: DiffSide, name: str) -> float:
    return b.scores.get(name, 0.0) - a.scores.get(name, 0.0)


def _fact(
    label: Html | str, shown: tuple[str, str], change: str, tone: str, *, tip: str | None = None
) -> Html:
    """Return a figure of B, how it differs from that of A, and what it was there."""
    was, value = shown
    known = change if change != formats.UNKNOWN else ""
    return el(
        "div",
        el("div", label, cls="diff-label cut"),
        el("div", el("b", value), el("span", known, cls=tone or "plain"), cls="diff-value"),
        el("div", f"was {was}", cls="diff-was"),
        cls="diff-fact",
        title=tip,
    )


def _path(diff: RunDiff) -> Html:
    """Return the edits along both runs, a bead for each."""
    counts = count_words(diff)
    beads = [_bead(bead) for bead in beads_of(diff, at_most=BEADS_MAX)]
    where: Html | str = "every step is the same" if diff.edits else "neither run made a call"
    if diff.first_divergence is not None:
        same = formats.counted(diff.first_divergence, "identical step")
        at = f" after {same}" if diff.first_divergence else " at the first step"
        where = join(el("b", "diverged"), at)
    return el(
        "div",
        el("div", " · ".join(counts) or "No steps", cls="diff-label cut"),
        el("div", beads, cls="diff-beads", role="group",
           aria_label=", ".join(counts) or "no steps"),
        el("div", where, cls="diff-was"),
        cls="diff-fact diff-path",
    )  # fmt: skip


def _bead(bead: Bead) -> Html:
    """Return one bead for some edits: the fainter, the fewer of them differ."""
    faint = {"opacity": f"{max(0.3, bead.share):.2f}"} if bead.share < 1 else None
    title = f"{OPERATIONS[bead.operation]}: go to step {bead.number:,}"
    return el("i", cls=f"bead is-{bead.operation}", style=faint, title=title, role="button",
              aria_label=title, data_act=GO_ACT, data_value=bead.number)  # fmt: skip


def _money(side: DiffSide) -> str:
    return side_money(side, places=formats.LIST_PLACES)


def _unpriced(a: DiffSide, b: DiffSide) -> str:
    return "\n".join(
        f"{name}: {formats.counted(side.unpriced_calls, 'call')} without a known price"
        for name, side in (("A", a), ("B", b))
        if side.unpriced_calls
    )


def _percent(before: Any, after: Any) -> str:
    return formats.percent_change(before, after).replace("-", "\N{MINUS SIGN}")


def _tone(
    before: float | Decimal | None, after: float | Decimal | None, *, less_is_better: bool
) -> str:
    if before is None or after is None or before == after:
        return ""
    change = float(after) - float(before)
    if before and abs(change) < NOTABLE_SHARE * float(before):
        return ""
    return "better" if (change < 0) == less_is_better else "worse"
