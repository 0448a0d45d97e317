"""The steps of two runs side by side."""

from collections.abc import Iterator, Sequence
from typing import Final

from secondtake.backend import formats
from secondtake.backend.models.diffs import DiffSide, RunDiff, Step, WordPiece
from secondtake.studio.diff_page import detail
from secondtake.studio.diff_page.data import DiffView
from secondtake.studio.diff_page.header import letter
from secondtake.studio.diff_page.rows import (
    OPERATION_ICONS,
    OPERATIONS,
    Fold,
    Pair,
    Written,
    step_name,
    step_words,
    total_tokens,
    unknown_columns,
)
from secondtake.studio.diff_page.texts import (
    Part,
    alone,
    compared,
    is_json,
    is_rewritten,
    marked,
    prose,
    telling_texts,
)
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.theme.tokens import KIND_ICONS

ROWS_AT_ONCE: Final = 60
MORE_ROWS: Final = 240
FOLDED_AT_ONCE: Final = 200
"""Identical steps that an open fold shows; each is a click away from its own page."""
SHOWN_CHARS: Final = 260
SENT_CHARS: Final = 200
AROUND: Final = 60
REWRITTEN: Final = "Another text: hardly a word of it is the same on both sides"

STEP_ACT: Final = "step"
FOLD_ACT: Final = "fold"
MORE_ACT: Final = "more"

_CLASSES: Final[dict[Part, str]] = {
    "sent": "diff-said is-sent", "arguments": "diff-said mono", "answer": "diff-said",
    "called": "diff-said mono is-called", "failed": "diff-said is-failed",
}  # fmt: skip


def steps(view: DiffView, *, step: int | None, limit: int | None, opened: frozenset[str]) -> Html:
    """Return the steps of both runs, with what differs between them.

    Args:
        view: the two runs.
        step: the pair that is open, from 1.
        limit: of rows; None as at first.
        opened: names of the folds that are open.
    """
    diff = view.diff
    if not diff.edits:
        return el("div", icon("sync_disabled", cls="empty-icon"),
                  el("p", "Neither run asked a model or called a tool."), cls="empty")  # fmt: skip
    shown = _upto(view.rows, limit or ROWS_AT_ONCE, step)
    rows: list[Html] = []
    for row in view.rows[:shown]:
        if isinstance(row, Fold):
            rows.append(_fold(row, view, step=step, is_open=row.name in opened))
            continue
        if row.is_first:
            rows.append(_divergence(diff))
        rows += _changed(row, view, is_open=row.number == step)
    if diff.first_divergence is None:
        rows.append(_no_divergence(diff))
    if shown < len(view.rows):
        rows.append(_more(len(view.rows), shown))
    return el(
        "div",
        _column_heads(diff),
        rows,
        cls=" ".join(["diff-steps", *unknown_columns(diff)]),
        data_testid="diff-steps",
    )


def key_of(step: int) -> str:
    """Return the `data-key` of a pair of steps."""
    return f"pair-{step}"


def _upto(rows: Sequence[Pair | Fold], limit: int, step: int | None) -> int:
    """Return how many rows are shown, so that the open pair is among them."""
    for place, row in enumerate(rows):
        last = row.pairs[-1].number if isinstance(row, Fold) else row.number
        if step is not None and last >= step:
            return min(max(limit, place + 10), len(rows))
    return min(limit, len(rows))


def _column_heads(diff: RunDiff) -> Html:
    return el(
        "div",
        el("div", *_side_head(diff.a, "A"), cls="diff-side"),
        el(
            "div",
            el("span", "what differs", cls="grow"),
            el("span", "Δ cost", cls="dc"),
            el("span", "Δ time", cls="dt"),
            cls="diff-mid",
        ),
        el("div", *_side_head(diff.b, "B"), cls="diff-side"),
        cls="diff-row diff-columns pane-sticky",
    )


def _side_head(side: DiffSide, name: str) -> Iterator[Html]:
    models = ", ".join(map(name_line, side.models)) or "no model"
    yield letter(name)
    yield el("b", models, cls="ellipsis grow", title=models)
    yield el("span", "tokens", cls="ct")
    yield el("span", "cost", cls="cc")
    yield el("span", "time", cls="cd")


def _divergence(diff: RunDiff) -> Html:
    reason = diff.divergence_reason or ""
    return el(
        "div",
        icon("alt_route"),
        el("b", "First divergence"),
        el("span", prose(reason)),
        cls="diff-divergence",
        data_key="divergence",
        data_testid="diff-divergence",
    )


def _no_divergence(diff: RunDiff) -> Html:
    said = formats.counted(len(diff.edits), "step")
    words = f"No divergence: {said}, each with the same request and the same answer."
    return el("div", icon("check"), words, cls="diff-agreed", data_testid="diff-agreed")


def _fold(fold: Fold, view: DiffView, *, step: int | None, is_open: bool) -> Html:
    has_step = step is not None and fold.pairs[0].number <= step <= fold.pairs[-1].number
    how = fold.served_from
    summary = el(
        "summary",
        icon("unfold_more"),
        el("b", formats.counted(len(fold.pairs), "identical step")),
        el("span", f"B's were answered {how}" if how else "", cls="meta"),
    )
    rows: list[Html] = []
    if is_open or has_step:
        shown = fold.pairs[:FOLDED_AT_ONCE]
        if has_step and step is not None:
            place = step - fold.pairs[0].number
            first = max(0, place - FOLDED_AT_ONCE // 2)
            shown = fold.pairs[first : first + FOLDED_AT_ONCE]
        for pair in shown:
            rows += _changed(pair, view, is_open=pair.number == step)
        if len(shown) < len(fold.pairs):
            rest = f"{len(shown):,} of {len(fold.pairs):,} identical steps are shown."
            rows.append(el("div", rest, cls="pane-note"))
    return el(
        "details",
        summary,
        rows,
        cls="diff-fold",
        data_key=fold.name,
        data_lazy="",
        data_act=FOLD_ACT,
        data_value=fold.name,
        open=is_open or has_step,
    )


def _changed(pair: Pair, view: DiffView, *, is_open: bool) -> Iterator[Html]:
    written = view.written
    operation = pair.edit.operation
    left, right = _bodies(pair, written, with_texts=not is_open)
    is_chosen = " is-chosen" if is_open else ""
    yield el(
        "div",
        _cell(left, pair.a),
        _middle(pair, written),
        _cell(right, pair.b),
        cls=f"diff-row is-{operation}{is_chosen}",
        role="button",
        tabindex=0,
        aria_expanded="true" if is_open else "false",
        aria_label=f"{step_name(pair.step)[:80]}, {step_words(pair.step)}, {OPERATIONS[operation]}",
        data_key=key_of(pair.number),
        data_act=STEP_ACT,
        data_value=pair.number,
        data_stop="",
    )
    if is_open:
        yield detail.detail(pair, view)


def _cell(body: Html, step: Step | None) -> Html:
    if step is None:
        return el("div", cls="diff-side is-none", aria_label="nothing")
    return el("div", body, cls="diff-side")


def _middle(pair: Pair, written: Written) -> Html:
    edit = pair.edit
    op = OPERATIONS[edit.operation]
    cost = formats.money_delta(edit.delta_cost_usd, places=formats.CALL_PLACES)
    if pair.step.kind != "llm" and edit.delta_cost_usd is None:
        cost = ""  # a tool has no price that could be unknown
    why = edit.why or ""
    if edit.operation == "moved" and pair.a is not None and pair.b is not None:
        moved = f"{step_words(pair.a)} in A, {step_words(pair.b)} in B"
        why = f"{moved}; {why}" if why else moved
    return el(
        "div",
        el(
            "div",
            icon(OPERATION_ICONS[edit.operation]),
            el("b", op, cls="grow"),
            el("span", cost, cls=f"dc num {written.cost_tone(edit)}".rstrip()),
            el("span", written.took_longer(edit), cls=f"dt num {written.time_tone(edit)}".rstrip()),
            cls="diff-op",
        ),
        el("div", prose(why), cls="diff-why", title=why.replace("`", "")) if why else None,
        cls="diff-mid",
    )


def _bodies(pair: Pair, written: Written, *, with_texts: bool) -> tuple[Html, Html]:
    """Return what each side says, with the words marked that the other one has otherwise."""
    left = [_head(pair.a, written)] if pair.a is not None else []
    right = [_head(pair.b, written)] if pair.b is not None else []
    if not with_texts:
        return join(left), join(right)
    is_pair = bool(left and right)
    telling = telling_texts(pair)
    is_same = pair.edit.operation == "same"
    for part, (before, after) in list(telling.items())[: 1 if is_same else None]:
        one, other = compared(before, after) if is_pair else (alone(before), alone(after))
        tone = " quiet" if is_pair and before == after else ""
        tone += " is-short" if is_same else ""
        if is_pair and is_rewritten(before, after, one):
            one, other, tone = alone(before), alone(after), " is-rewritten"
        left += _body(part, one, tone)
        right += _body(part, other, tone)
    return join(left), join(right)


def _head(step: Step, written: Written) -> Html:
    name = step_name(step)
    where = step_words(step)
    if step.kind != "llm" and step.node:
        where += f" · {name_line(step.node)}"
    total = total_tokens(step)
    cost = formats.money(step.cost_usd, places=formats.CALL_PLACES)
    is_llm = step.kind == "llm"
    in_out = formats.tokens_in_out(step.input_tokens, step.output_tokens)
    tip = "\n".join(name_line(each) for each in (step.name, step.node_path) if each)
    return el(
        "div",
        icon(KIND_ICONS.get(step.kind, "help"), cls=f"kind-{step.kind}"),
        el("b", name_line(name), cls="ellipsis", title=tip),
        el("span", where, cls="meta ellipsis"),
        el("span", cls="grow"),
        icon("error", cls="error", label="It failed") if step.error else None,
        el("span", formats.tokens(total), cls="ct num", title=in_out) if is_llm else None,
        el("span", cost, cls="cc num") if is_llm or step.cost_usd is not None else None,
        el("span", written.took(step), cls="cd num"),
        cls="diff-step",
    )  # fmt: skip


def _body(part: Part, pieces: Sequence[WordPiece], tone: str) -> Iterator[Html]:
    first = "".join(piece.text for piece in pieces[:2])
    if not first.strip():
        return
    limit = SENT_CHARS if part == "sent" else SHOWN_CHARS
    shown = marked(pieces, around=AROUND, limit=limit)
    mono = " mono" if part == "answer" and is_json(first) else ""
    cls = f"{_CLASSES[part]}{mono}{tone}"
    tip = REWRITTEN if tone == " is-rewritten" else None
    yield el("div", shown, cls=cls, title=tip)


def _more(total: int, shown: int) -> Html:
    rest = total - shown
    more = min(MORE_ROWS, rest)
    said = f"Show {more:,} of {rest:,} more rows" if more < rest else f"Show {rest:,} more rows"
    return el(
        "div",
        el("span", icon("expand_more"), said, cls="act", role="button", tabindex=0,
           data_act=MORE_ACT, data_value=shown + more),
        cls="more",
        data_key="more",
    )  # fmt: skip
