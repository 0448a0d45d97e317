"""The steps of two runs side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from secondtake.backend import formats
from secondtake.backend.cli.diff_markup import Html, el, icon, join, prose
from secondtake.backend.cli.diff_shape import Row, called_words, compared_texts, rows_of
from secondtake.backend.cli.values import one_line_value
from secondtake.backend.models.diffs import RunDiff, Step, StepEdit, WordPiece
from secondtake.backend.run_diffs import (
    NOTABLE_SHARE,
    OPERATIONS,
    Pair,
    elided,
    served_words,
    step_words,
    tone_of,
    unknown_columns,
)
from secondtake.backend.word_diffs import diff_words

AROUND: Final = 240
"""Characters that are shown beside a change, and at both ends of a text."""
SHOWN_CHARS: Final = 900
"""Of a text; the whole is folded below."""
SHORT_CHARS: Final = 160
"""Of a step that is the same."""
SAME_SHOWN: Final = 300
"""Identical steps that a fold holds; more are counted."""


@dataclass(frozen=True, kw_only=True)
class Deltas:
    """What is written beside each edit, in one precision, and from which size it is coloured."""

    times: Mapping[int, str]
    """By the identity of the edit."""
    notable_usd: float
    notable_ms: float

    @classmethod
    def of(cls, diff: RunDiff) -> "Deltas":
        """Return how the edits of a diff are written."""
        times = formats.duration_delta_column(edit.delta_duration_ms for edit in diff.edits)
        return cls(
            times={id(edit): text for edit, text in zip(diff.edits, times, strict=True)},
            notable_usd=NOTABLE_SHARE * float(max(diff.a.cost_usd or 0, diff.b.cost_usd or 0)),
            notable_ms=NOTABLE_SHARE * max(diff.a.duration_ms or 0, diff.b.duration_ms or 0),
        )


def steps_view(diff: RunDiff) -> Html:
    """Return the steps of both runs, with what differs between them."""
    if not diff.edits:
        return el("div", "Neither run made a call.", cls="quiet")
    deltas = Deltas.of(diff)
    rows: list[Html] = []
    for row in rows_of(diff):
        if row.is_first:
            rows.append(_divergence(diff))
        rows.append(_same(row.same, deltas) if row.same else _changed(row, deltas))
    head = el(
        "tr",
        el("th", _column("A", diff.a.models)),
        el(
            "th",
            el(
                "div",
                el("span", "what differs", cls="grow"),
                el("span", "Δ cost", cls="cost"),
                el("span", "Δ time", cls="time"),
            ),
            cls="middle",
        ),
        el("th", _column("B", diff.b.models)),
    )
    table = el("table", el("thead", head), el("tbody", rows))
    return el("div", table, cls=" ".join(["scroll steps", *unknown_columns(diff)]))


def _column(letter: str, models: Sequence[str]) -> Html:
    names = ", ".join(models) or "no model"
    cls = " is-b" if letter == "B" else ""
    return el(
        "div",
        el("span", letter, cls=f"letter{cls}"),
        el("span", names, cls="model ellipsis grow", title=names),
        el("span", "tokens", cls="tokens"),
        el("span", "cost", cls="cost"),
        el("span", "time", cls="time"),
    )


def _divergence(diff: RunDiff) -> Html:
    line = el(
        "div",
        icon("fork"),
        el("b", "First divergence"),
        el("span", prose(diff.divergence_reason)),
        cls="line",
    )
    return el("tr", el("td", line, colspan=3), cls="divergence")


def _same(rows: Sequence[Pair], deltas: Deltas) -> Html:
    how = served_words([row.b for row in rows])
    hidden = len(rows) - SAME_SHOWN
    inner = [
        el(
            "tr",
            el("td", _short(row.a), cls="a"),
            el("td", _deltas(row.edit, deltas), cls="middle"),
            el("td", _short(row.b), cls="b"),
        )
        for row in rows[:SAME_SHOWN]
    ]
    if hidden > 0:
        inner.append(el("tr", el("td", f"… and {hidden:,} more", colspan=3, cls="meta")))
    count = formats.counted(len(rows), "identical step")
    summary = el(
        "summary", icon("fold"), el("b", count), f"· B's were answered {how}" if how else ""
    )
    fold = el("details", summary, el("div", el("table", inner), cls="steps"))
    return el("tr", el("td", fold, colspan=3), cls="same")


def _short(step: Step | None) -> Html:
    if step is None:
        return Html("")
    text = one_line_value(step.answer if step.kind == "llm" else step.arguments) or ""
    shown = text if len(text) <= SHORT_CHARS else f"{text[:SHORT_CHARS]}…"
    if step.kind == "llm" and step.answer is None:
        shown = "; ".join(map(called_words, step.asked_for))[:SHORT_CHARS]
    return join(_head(step), el("div", shown, cls="body short meta"))


def _changed(row: Row, deltas: Deltas) -> Html:
    operation = row.edit.operation
    before, after = _bodies(row)
    return el(
        "tr",
        el("td", before, cls="a") if row.a is not None else el("td", cls="a none"),
        el("td", _middle(row.edit, deltas), cls="middle"),
        el("td", after, cls="b") if row.b is not None else el("td", cls="b none"),
        cls=f"is-{operation}",
    )


def _middle(edit: StepEdit, deltas: Deltas) -> Html:
    why = edit.why or ", ".join(edit.fields)
    return join(_deltas(edit, deltas), el("div", prose(why), cls="why") if why else None)


def _deltas(edit: StepEdit, deltas: Deltas) -> Html:
    word = OPERATIONS[edit.operation]
    sign = icon(edit.operation) if edit.operation != "same" else None
    return el(
        "div",
        sign,
        el("span", word, cls="word"),
        el(
            "span",
            formats.money_delta(edit.delta_cost_usd, places=formats.CALL_PLACES),
            cls=f"num cost {tone_of(edit.delta_cost_usd, notable=deltas.notable_usd) or 'meta'}",
            title="cost of B minus A",
        ),
        el(
            "span",
            deltas.times[id(edit)],
            cls=f"num time {tone_of(edit.delta_duration_ms, notable=deltas.notable_ms) or 'meta'}",
            title="time of B minus A",
        ),
        cls="op",
    )


def _bodies(row: Row) -> tuple[Html, Html]:
    """Return what each side says, with the words marked that the other one does not have."""
    left = [_head(row.a)] if row.a is not None else []
    right = [_head(row.b)] if row.b is not None else []
    is_pair = bool(left and right)
    for name, (before, after) in compared_texts(row).items():
        one, other = (
            _compared(before, after) if is_pair else (_same_words(before), _same_words(after))
        )
        left.append(_body(name, one))
        right.append(_body(name, other))
    return join(left), join(right)


def _head(step: Step) -> Html:
    name = step.name if step.kind != "llm" else (step.node or step.name)
    where = step_words(step)
    if step.kind != "llm" and step.node:
        where += f" · {step.node}"
    tokens = formats.tokens_in_out(step.input_tokens, step.output_tokens)
    cost = formats.money(step.cost_usd, places=formats.CALL_PLACES)
    facts = [el("span", tokens, cls="num tokens")] if step.kind == "llm" else []
    if step.kind == "llm" or step.cost_usd is not None:
        facts.append(el("span", cost, cls="num cost"))
    title = f"{step.name} · {step.node_path}" if step.node_path else step.name
    return el(
        "div",
        icon(step.kind),
        el("b", name, cls="ellipsis", title=title),
        el("span", where, cls="meta ellipsis"),
        el(
            "span",
            facts,
            el("span", formats.duration(step.duration_ms), cls="num time"),
            cls="facts",
        ),
        cls="head",
    )


def _compared(before: str, after: str) -> tuple[list[Html], list[Html]]:
    if before == after:
        return _same_words(before), _same_words(after)
    pieces = diff_words(before, after).pieces
    if not pieces:  # too long to be compared by word
        return _shown([WordPiece(operation="removed", text=before)]), _shown(
            [WordPiece(operation="added", text=after)]
        )
    return (
        _shown([piece for piece in pieces if piece.operation != "added"]),
        _shown([piece for piece in pieces if piece.operation != "removed"]),
    )


def _shown(pieces: Sequence[WordPiece]) -> list[Html]:
    """Return marked words; of a long text what matters, and the whole in a fold."""
    shown = marked(pieces, around=AROUND, limit=SHOWN_CHARS)
    length = sum(len(piece.text) for piece in pieces)
    if length <= SHOWN_CHARS:
        return marked(pieces, around=length, limit=length)
    whole = el("div", marked(pieces, around=length, limit=length), cls="whole")
    summary = el("summary", f"all {length:,} characters")
    return [*shown, el("details", summary, whole, cls="more")]


def marked(pieces: Sequence[WordPiece], *, around: int, limit: int) -> list[Html]:
    """Return pieces of a text with marks; the arguments are those of `elided`."""
    tags = {"removed": "del", "added": "ins"}
    shown: list[Html] = []
    for piece, hidden in elided(pieces, around=around, limit=limit):
        tag = tags.get(piece.operation)
        shown.append(el(tag, piece.text) if tag else join(piece.text))
        if hidden:
            shown.append(el("span", f" … {hidden:,} characters … ", cls="gap"))
    return shown


def _same_words(text: str) -> list[Html]:
    return _shown([WordPiece(operation="same", text=text)])


def _body(name: str, shown: Sequence[Html]) -> Html:
    cls = {"called": " mono called", "arguments": " mono", "failed": " failed", "sent": " sent"}
    return el("div", shown, cls=f"body{cls.get(name, '')}") if shown else Html("")
