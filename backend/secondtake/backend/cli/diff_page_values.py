"""The final answers, what else differs, and where money and time went."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.diff_markup import Html, el, join
from secondtake.backend.cli.diff_page_steps import marked
from secondtake.backend.cli.diff_shape import Row, rows_of, step_title
from secondtake.backend.cli.values import text_of
from secondtake.backend.models.diffs import Change, RunDiff, StepEdit, TextDiff, WordPiece
from secondtake.backend.run_diffs import OPERATIONS
from secondtake.backend.word_diffs import diff_words

WHOLE: Final = 1_000_000
ANSWER_CHARS: Final = 60_000
UNIFIED_CHARS: Final = 60_000
VALUE_CHARS: Final = 4000
CHANGES_SHOWN: Final = 500
BARS_SHOWN: Final = 30
AROUND: Final = 200

_KINDS: Final = {"changed": "changed", "added": "only B", "removed": "only A"}


def answer_view(diff: RunDiff) -> Html:
    """Return the two final answers, by word."""
    text = diff.output
    if text.is_same:
        same = "".join(piece.text for piece in text.pieces)
        if not same:
            return el("div", "Both runs ended with the same.", cls="quiet")
        body = el("div", marked(text.pieces, around=WHOLE, limit=ANSWER_CHARS), cls="text")
        head = el("div", "The same on both sides.", cls="meta")
        return el("div", el("div", head, body), cls="answer is-one")
    if not text.pieces:
        return _unified(text)
    sides = [
        el(
            "div",
            el("span", letter, cls=f"letter{cls}"),
            el("div", _side(text.pieces, hidden), cls="text"),
        )
        for letter, cls, hidden in (("A", "", "added"), ("B", " is-b", "removed"))
    ]
    fold = el(
        "details", el("summary", "As a unified diff"), _unified(text), cls="unified"
    ) if text.unified else None  # fmt: skip
    return join(el("div", sides, cls="answer"), fold)


def _side(pieces: Sequence[WordPiece], hidden: str) -> list[Html] | Html:
    own = [piece for piece in pieces if piece.operation != hidden]
    if not "".join(piece.text for piece in own):
        return el("span", "nothing", cls="meta")
    return marked(own, around=WHOLE, limit=ANSWER_CHARS)


def _unified(text: TextDiff) -> Html:
    shown = text.unified[:UNIFIED_CHARS]
    cls = {"-": "minus", "+": "plus", "@": "meta"}
    lines = [el("span", f"{line}\n", cls=cls.get(line[:1])) for line in shown.split("\n")]
    hidden = len(text.unified) - len(shown)
    more = el("span", f"… {hidden:,} more characters", cls="gap") if hidden else None
    return el("pre", lines, more)


def changes_view(changes: Sequence[Change]) -> Html:
    """Return what differs of a value, place by place."""
    if not changes:
        return el("div", "No difference.", cls="quiet")
    head = el(
        "tr",
        el("th", "place", cls="path"),
        el("th", "", cls="kind"),
        el("th", "A"),
        el("th", "B"),
    )
    rows = [_change(change) for change in changes[:CHANGES_SHOWN]]
    more = len(changes) - len(rows)
    if more > 0:
        rows.append(el("tr", el("td", f"… and {more:,} more: --json has all", colspan=4)))
    table = el("table", el("thead", head), el("tbody", rows))
    return el("div", table, cls="scroll values")


def _change(change: Change) -> Html:
    before, after = _values(change)
    return el(
        "tr",
        el("td", change.path or "(the value itself)", cls="path mono"),
        el("td", _KINDS[change.kind], cls="kind"),
        before,
        after,
    )


def _values(change: Change) -> tuple[Html, Html]:
    if change.kind == "added":
        return el("td", cls="none"), el("td", _plain(change.b), cls="mono is-b")
    if change.kind == "removed":
        return el("td", _plain(change.a), cls="mono is-a"), el("td", cls="none")
    pieces = diff_words(text_of(change.a), text_of(change.b)).pieces
    if not pieces:
        return el("td", _plain(change.a), cls="mono"), el("td", _plain(change.b), cls="mono")
    before, after = (
        marked(
            [piece for piece in pieces if piece.operation != hidden],
            around=AROUND,
            limit=VALUE_CHARS,
        )
        for hidden in ("added", "removed")
    )
    return el("td", before, cls="mono"), el("td", after, cls="mono")


def _plain(value: Any) -> list[Html]:
    piece = WordPiece(operation="same", text=text_of(value))
    return marked([piece], around=AROUND * 4, limit=VALUE_CHARS)


def money_view(diff: RunDiff) -> Html:
    """Return which edits made the difference, the largest first."""
    by_cost = any(edit.delta_cost_usd for edit in diff.edits)
    rows = [row for row in rows_of(diff) if not row.same]
    rows = [row for row in rows if row.edit.delta_cost_usd or row.edit.delta_duration_ms]
    if diff.a.cost_usd is None and diff.b.cost_usd is None and not rows:
        return el("div", "Neither prices nor times of single steps are known.", cls="quiet")
    rows.sort(key=lambda row: abs(_measure(row.edit, by_cost)), reverse=True)
    largest = abs(_measure(rows[0].edit, by_cost)) if rows else 0.0
    head = el(
        "tr",
        el("th", "step"),
        el("th", "edit"),
        el("th", "cost", cls="right"),
        el("th", "time", cls="right"),
        el("th", f"difference by {'cost' if by_cost else 'time'}", cls="bar"),
    )
    shown = rows[:BARS_SHOWN]
    times = formats.duration_delta_column(row.edit.delta_duration_ms for row in shown)
    body = [
        _total("A", diff.a.cost_usd, diff.a.duration_ms),
        *(_bar_row(*each, by_cost, largest) for each in zip(shown, times, strict=True)),
        *_others(diff, rows[BARS_SHOWN:]),
        _total("B", diff.b.cost_usd, diff.b.duration_ms),
    ]
    return el("div", el("table", el("thead", head), el("tbody", body)), cls="scroll money")


def _measure(edit: StepEdit, by_cost: bool) -> float:
    return float((edit.delta_cost_usd if by_cost else edit.delta_duration_ms) or 0)


def _total(letter: str, cost_usd: Decimal | None, duration_ms: float | None) -> Html:
    return el(
        "tr",
        el("td", f"{letter}, the whole run", colspan=2),
        el("td", formats.money(cost_usd, places=formats.CALL_PLACES), cls="right num"),
        el("td", formats.duration(duration_ms), cls="right num"),
        el("td", "", cls="bar"),
        cls="total",
    )


def _bar_row(row: Row, took: str, by_cost: bool, largest: float) -> Html:
    node = row.step.node
    return el(
        "tr",
        el("td", f"{node} · " if node else "", step_title(row)),
        el("td", OPERATIONS[row.edit.operation], cls="meta"),
        *_amounts(row.edit.delta_cost_usd, took),
        el("td", _bar(_measure(row.edit, by_cost), largest), cls="bar"),
    )


def _amounts(cost_usd: Decimal | None, took: str) -> Iterator[Html]:
    yield el("td", formats.money_delta(cost_usd, places=formats.CALL_PLACES), cls="right num")
    yield el("td", took, cls="right num")


def _bar(amount: float, largest: float) -> Html | None:
    if not largest:
        return None
    length = round(abs(amount) / largest * 49, 2)
    start = 50 - length if amount < 0 else 50
    return el(
        "svg",
        el("line", x1=50, x2=50, y1=0, y2=12),
        el("rect", x=start, y=2, width=length, height=8, cls="less" if amount < 0 else "more"),
        viewBox="0 0 100 12",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def _others(diff: RunDiff, rows: Sequence[Row]) -> Iterator[Html]:
    """Yield what the rows before do not say, so that the column adds up."""
    if rows:
        cost = _sum([row.edit.delta_cost_usd for row in rows], Decimal(0))
        took = _sum([row.edit.delta_duration_ms for row in rows], 0.0)
        label = formats.counted(len(rows), "smaller edit")
        yield el(
            "tr",
            el("td", label, colspan=2),
            *_amounts(cost, formats.duration_delta(took)),
            el("td"),
        )
    same = [edit for edit in diff.edits if edit.operation == "same"]
    cost = _sum([edit.delta_cost_usd for edit in same], Decimal(0))
    took = _sum([edit.delta_duration_ms for edit in same], 0.0)
    if cost or took:
        label = formats.counted(len(same), "identical step")
        yield el(
            "tr",
            el("td", label, colspan=2),
            *_amounts(cost, formats.duration_delta(took)),
            el("td"),
        )


def _sum(amounts: Sequence[Any], nothing: Any) -> Any:
    """Return the sum; None when one of the amounts is unknown."""
    return None if None in amounts else sum(amounts, start=nothing)
