"""The steps of two runs side by side."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from secondtake.backend import formats
from secondtake.backend.models.diffs import DiffSide, RunDiff, Step, WordPiece
from secondtake.backend.run_diffs import (
    OPERATIONS,
    Pair,
    step_words,
    total_tokens,
    unknown_columns,
)
from secondtake.studio.diff_page import detail
from secondtake.studio.diff_page.data import DiffView
from secondtake.studio.diff_page.header import letter
from secondtake.studio.diff_page.rows import (
    OPERATION_ICONS,
    TURN_ROWS,
    Fold,
    Written,
    step_name,
)
from secondtake.studio.diff_page.texts import (
    Part,
    is_json,
    marked,
    prose,
    sides_of,
    telling_texts,
)
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.theme.tokens import KIND_ICONS

SHOWN_CHARS: Final = 260
SENT_CHARS: Final = 200
AROUND: Final = 60
REWRITTEN: Final = "Another text: hardly a word of it is the same on both sides"

STEP_ACT: Final = "step"
FOLD_ACT: Final = "fold"
TURN_ACT: Final = "turn"

_CLASSES: Final[dict[Part, str]] = {
    "sent": "diff-said is-sent", "arguments": "diff-said mono", "answer": "diff-said",
    "called": "diff-said mono is-called", "failed": "diff-said is-failed",
}  # fmt: skip


def steps(view: DiffView, rows: Sequence[Pair | Fold], *, window: range, step: int | None) -> Html:
    """Return the steps of both runs, with what differs between them.

    Args:
        view: the two runs.
        rows: of which each open fold is followed by its pairs.
        window: the places of the rows that are drawn.
        step: the pair that is open, from 1.
    """
    diff = view.diff
    if not diff.edits:
        return el("div", icon("sync_disabled", cls="empty-icon"),
                  el("p", "Neither run asked a model or called a tool."), cls="empty")  # fmt: skip
    drawn: list[Html] = []
    for place in window:
        row = rows[place]
        if isinstance(row, Fold):
            is_open = place + 1 < len(rows) and rows[place + 1] is row.pairs[0]
            drawn.append(_fold(row, is_open=is_open))
            continue
        if row.is_first:
            drawn.append(_divergence(diff))
        drawn += _changed(row, view, is_open=row.number == step)
    if diff.first_divergence is None and window.stop == len(rows):
        drawn.append(_no_divergence(diff))
    return el(
        "div",
        _column_heads(diff),
        _turn("up", len(rows), window) if window.start > 0 else None,
        drawn,
        _turn("down", len(rows), window) if window.stop < len(rows) else None,
        cls=" ".join(["diff-steps", *unknown_columns(diff)]),
        data_testid="diff-steps",
    )


def key_of(step: int) -> str:
    """Return the `data-key` of a pair of steps."""
    return f"pair-{step}"


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


def _fold(fold: Fold, *, is_open: bool) -> Html:
    how = fold.served_from
    first, last = fold.reach
    return el(
        "div",
        icon("unfold_less" if is_open else "unfold_more"),
        el("b", formats.counted(len(fold.pairs), "identical step")),
        el("span", f"B's were answered {how}" if how else "", cls="meta"),
        cls="diff-fold is-open" if is_open else "diff-fold",
        role="button",
        tabindex=0,
        aria_expanded="true" if is_open else "false",
        data_key=fold.name,
        data_act=FOLD_ACT,
        data_value=f"{first}-{last}",
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
        one, other, is_rewritten = sides_of(before, after, is_pair=is_pair)
        tone = " quiet" if is_pair and before == after else ""
        tone += " is-short" if is_same else ""
        tone = " is-rewritten" if is_rewritten else tone
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


def _turn(way: Literal["up", "down"], total: int, window: range) -> Html:
    """Return the row at an end of those that are drawn: reached, it brings the ones behind it."""
    rest = window.start if way == "up" else total - window.stop
    first = window.start + (-TURN_ROWS if way == "up" else TURN_ROWS)
    said = f"{formats.counted(rest, 'row')} {'before' if way == 'up' else 'after'} these"
    return el(
        "div",
        el("span", icon("expand_less" if way == "up" else "expand_more"), said, cls="act",
           role="button", tabindex=0, data_act=TURN_ACT, data_value=max(first, 0),
           data_reach=way),
        cls="more",
        data_key=f"turn-{way}",
    )  # fmt: skip
