"""The two sides of one pair of steps, in full."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from urllib.parse import quote

from secondtake.backend import formats
from secondtake.backend.models.diffs import Step, WordPiece
from secondtake.backend.run_diffs import SERVED, Pair
from secondtake.studio.diff_page.data import DiffView
from secondtake.studio.diff_page.texts import (
    FIELDS,
    Part,
    is_json,
    marked,
    sides_of,
    whole_texts,
)
from secondtake.studio.html import Html, el, icon, text
from secondtake.studio.navigation import run_address
from secondtake.studio.run_page.json_text import name_line

BLOCK_CHARS: Final = 20_000
AROUND: Final = 1200
"""Characters of a stretch that is the same which are kept beside a change."""

_WORDS: Final[dict[Part, str]] = {
    "sent": "newly sent", "arguments": "arguments", "answer": "answer", "called": "tools called",
    "failed": "error",
}  # fmt: skip


def detail(pair: Pair, view: DiffView) -> Html:
    """Return both sides of a pair, part by part beside each other."""
    facts = list(_facts(pair))
    same = [f"{name} {a}" for name, a, b in facts if a is not None and a == b]
    lines = [
        _line(name, _fact(a), _fact(b), is_other=pair.a is not None and pair.b is not None)
        for name, a, b in facts
        if a != b
    ]
    if same:
        said = el("span", "Same on both sides: ", " · ".join(map(name_line, same)))
        lines.append(el("div", said, cls="diff-both"))
    return el(
        "div",
        lines,
        list(_texts(pair, view)),
        cls="diff-detail",
        data_key=f"detail-{pair.number}",
        data_testid="diff-detail",
    )


def _facts(pair: Pair) -> Iterator[tuple[str, str | None, str | None]]:
    """Yield what is known of both sides, as text."""
    known: dict[str, Callable[[Step], str | None]] = {
        "model": lambda step: step.name,
        "tokens": _tokens,
        "node": lambda step: step.node_path,
        "answered": _served,
    }
    for name, read in known.items():
        if pair.step.kind == "llm" or name not in ("model", "tokens"):
            a, b = (None if step is None else read(step) for step in (pair.a, pair.b))
            yield name, a, b


def _tokens(step: Step) -> str | None:
    if step.input_tokens is None and step.output_tokens is None:
        return None
    return formats.tokens_in_out(step.input_tokens, step.output_tokens)


def _served(step: Step) -> str | None:
    if step.served_from is None:
        return None
    how = SERVED.get(step.served_from, step.served_from)
    if step.avoided_cost_usd:
        how += f", {formats.money(step.avoided_cost_usd, places=formats.CALL_PLACES)} avoided"
    return how


def _fact(value: str | None) -> Html | None:
    return None if value is None else text(name_line(value))


def _texts(pair: Pair, view: DiffView) -> Iterator[Html]:
    texts = whole_texts(pair)
    if pair.step.kind == "llm" and "sent" not in texts:
        nothing = el("span", "no message but results of tools, which are steps", cls="meta")
        sides = [None if step is None else nothing for step in (pair.a, pair.b)]
        yield _line("newly sent", *sides, is_other=False)
    is_pair = pair.a is not None and pair.b is not None
    for part, (before, after) in texts.items():
        one, other, is_rewritten = sides_of(before, after, is_pair=is_pair)
        is_mono = part in ("arguments", "called") or is_json(before or after)
        cls = "diff-whole mono" if is_mono else "diff-whole"
        cls += " is-rewritten" * is_rewritten
        yield _line(
            _WORDS[part],
            _whole(one, cls) if pair.a is not None else None,
            _whole(other, cls) if pair.b is not None else None,
            is_other=is_pair and before != after and FIELDS[part] in pair.edit.fields,
        )
    yield _line("", *(_link(pair, view, name) for name in ("A", "B")), is_other=False)


def _line(name: str, before: Html | None, after: Html | None, *, is_other: bool) -> Html:
    middle = el("span", name, el("span", "differs", cls="meta") if is_other else None)
    return el(
        "div",
        el("div", before, cls=_side(before)),
        el("div", middle, cls="diff-mid"),
        el("div", after, cls=_side(after)),
        cls="diff-line is-other" if is_other else "diff-line",
    )


def _side(body: Html | None) -> str:
    return "diff-side" if body is not None else "diff-side is-none"


def _whole(pieces: Sequence[WordPiece], cls: str) -> Html:
    length = sum(len(piece.text) for piece in pieces)
    if not length:
        return el("span", "nothing", cls="meta")
    shown = marked(pieces, around=AROUND, limit=BLOCK_CHARS)
    return el("div", shown, cls=cls)


def _link(pair: Pair, view: DiffView, name: str) -> Html | None:
    """Return the link to a step on the page of its run."""
    step = pair.a if name == "A" else pair.b
    if step is None:
        return None
    side = view.diff.a if name == "A" else view.diff.b
    where = f"{run_address(str(side.run_id))}&span={quote(step.span_id, safe='')}"
    return el("a", icon("open_in_new"), f"Open in run {name}", cls="act", href=where)
