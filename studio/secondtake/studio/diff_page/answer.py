"""The two final answers, by word and by line."""

from collections.abc import Sequence
from typing import Final

from secondtake.backend.models.diffs import RunDiff, TextDiff, WordPiece
from secondtake.studio.diff_page.header import letter
from secondtake.studio.diff_page.texts import alone, is_rewritten, marked
from secondtake.studio.diff_page.values import table
from secondtake.studio.html import Html, el, icon, join

WHOLE: Final = 1_000_000
"""Of an answer no stretch is left out."""
ANSWER_CHARS: Final = 40_000
UNIFIED_CHARS: Final = 40_000


def answer(diff: RunDiff) -> Html:
    """Return the final answers side by side, and as a unified diff below."""
    words = diff.output
    if words.is_same:
        return _same(words)
    sides = el(
        "div",
        _side(diff, "A", "added"),
        _side(diff, "B", "removed"),
        cls="diff-answers",
        data_testid="diff-answers",
    )
    places = el("details", el("summary", _mark(), f"By place · {len(diff.output_changes)}"),
                table(diff.output_changes), cls="diff-unified") if diff.output_changes else None  # fmt: skip
    return join([sides, places, _unified(words)])


def _same(words: TextDiff) -> Html:
    if not any(piece.text for piece in words.pieces):
        said = "Both runs ended without an answer, or with the same empty one."
        return el("div", icon("check", cls="empty-icon"), el("p", said), cls="empty")
    shown = marked(words.pieces, around=WHOLE, limit=ANSWER_CHARS)
    return join(
        el("div", icon("check"), "The same final answer on both sides.", cls="diff-agreed"),
        el("div", shown, cls="diff-answer"),
    )


def _side(diff: RunDiff, name: str, hidden: str) -> Html:
    own = [piece for piece in diff.output.pieces if piece.operation != hidden]
    if _is_another(diff.output):
        own = alone("".join(piece.text for piece in own))
    body: Sequence[Html] = marked(own, around=WHOLE, limit=ANSWER_CHARS)
    if not any(piece.text for piece in own):
        status = (diff.a if name == "A" else diff.b).status
        ended = "" if status == "ok" else f": the run ended as {status.replace('_', ' ')}"
        body = [el("span", f"No answer{ended}.", cls="meta")]
    cut = _length(own) - ANSWER_CHARS
    note = el("div", f"{cut:,} more characters", cls="pane-note") if cut > 0 else None
    head = el("div", letter(name), el("span", _said(diff.output, name), cls="meta"),
              cls="diff-answer-head")  # fmt: skip
    return el("div", head, el("div", body, cls="diff-answer"), note)


def _said(words: TextDiff, name: str) -> str:
    """Return how much of a side the other one does not have."""
    operation = "removed" if name == "A" else "added"
    own = sum(len(piece.text) for piece in words.pieces if piece.operation == operation)
    shared = sum(len(piece.text) for piece in words.pieces if piece.operation == "same")
    if words.too_long:
        return "compared by line: too long to be compared by word"
    return f"{own / (own + shared):.0%} is only here" if own + shared else ""


def _is_another(words: TextDiff) -> bool:
    """Return whether the answers share so little that marks by word say nothing."""
    a, b = ("".join(piece.text for piece in words.pieces if piece.operation != hidden)
            for hidden in ("added", "removed"))  # fmt: skip
    return is_rewritten(a, b, words.pieces)


def _length(pieces: Sequence[WordPiece]) -> int:
    return sum(len(piece.text) for piece in pieces)


def _unified(words: TextDiff) -> Html | None:
    if not words.unified:
        return None
    shown = words.unified[:UNIFIED_CHARS]
    lines = [el("span", f"{line}\n", cls=_tone(line)) for line in shown.split("\n")]
    hidden = len(words.unified) - len(shown)
    more = el("div", f"{hidden:,} more characters", cls="pane-note") if hidden else None
    summary = el("summary", _mark(), "Unified diff, by line")
    return el("details", summary, el("div", lines, cls="mono diff-lines"), more,
              cls="diff-unified", open=True)  # fmt: skip


def _tone(line: str) -> str | None:
    if line.startswith(("--- A", "+++ B", "@@")):
        return "is-hunk"
    return {"-": "is-minus", "+": "is-plus"}.get(line[:1])


def _mark() -> Html:
    return icon("chevron_right", cls="fold-mark")
