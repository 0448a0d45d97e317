"""What a step said as text, and the words of it that the other side has otherwise. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from secondtake.backend.formats import one_line
from secondtake.backend.models.diffs import Step, WordPiece
from secondtake.backend.run_diffs import (
    INSTRUCTIONS,
    Pair,
    elided,
    new_messages,
    sentence_parts,
)
from secondtake.backend.word_diffs import diff_words
from secondtake.studio.html import Html, el, text
from secondtake.studio.run_page.json_text import in_one_line, laid_out

Part = Literal["sent", "arguments", "answer", "called", "failed"]
PARTS: Final[tuple[Part, ...]] = ("sent", "arguments", "answer", "called", "failed")
"""The texts of a step in the order in which they are shown: what went in, what came out."""
Texts = dict[Part, tuple[str, str]]
"""Of A and of B, empty where there is none."""

FIELDS: Final[Mapping[Part, str]] = {
    "sent": "messages", "arguments": "arguments", "answer": "answer", "called": "answer",
    "failed": "error",
}  # fmt: skip
"""What of a step differs when its text does."""
_CAME_OUT: Final[tuple[Part, ...]] = ("answer", "called")
_CALLED_CHARS: Final = 2000
_BLANK_LINES: Final = re.compile(r"\n\s*\n")

REWRITTEN_SHARE: Final = 0.3
"""Of the shorter one; texts that share less are said to be other texts."""
REWRITTEN_CHARS: Final = 40
"""Of shorter texts each word is marked."""


def whole_texts(pair: Pair) -> Texts:
    """Return all texts of both sides by what they are; JSON laid out."""
    a, b = (_texts(step, lay_out=True) for step in (pair.a, pair.b))
    if pair.a is not None and pair.b is not None:
        a["sent"], b["sent"] = (
            _said(step, without=_told_before(pair)) for step in (pair.a, pair.b)
        )
    both: Texts = {part: (a.get(part, ""), b.get(part, "")) for part in PARTS}
    return {part: sides for part, sides in both.items() if any(sides)}


def telling_texts(pair: Pair) -> Texts:
    """Return the texts that say what happened in a pair: what differs, else what came out.

    Where both were sent messages, without those that both began with.
    """
    a, b = (_texts(step, lay_out=False) for step in (pair.a, pair.b))
    if pair.a is not None and pair.b is not None:
        roles = _told_before(pair)
        a["sent"], b["sent"] = (
            _joined(new_messages(step, other, without=roles))
            for step, other in ((pair.a, pair.b), (pair.b, pair.a))
        )
    else:
        (a if pair.a is not None else b)["sent"] = _said(pair.step, without=INSTRUCTIONS)
    both: Texts = {part: (_dense(a.get(part, "")), _dense(b.get(part, ""))) for part in PARTS}
    texts: Texts = {part: sides for part, sides in both.items() if any(sides)}
    if pair.a is None or pair.b is None:
        return _of_one(texts, pair.step)
    differing: Texts = {
        part: sides
        for part, sides in texts.items()
        if FIELDS[part] in pair.edit.fields and sides[0] != sides[1]
    }
    if differing.keys() & {"arguments", "answer", "called", "failed"}:
        return differing
    if pair.step.kind != "llm":
        return differing or texts
    came_out: Texts = {part: texts[part] for part in _CAME_OUT if part in texts}
    return {**differing, **came_out}


def is_rewritten(before: str, after: str, pieces: Sequence[WordPiece]) -> bool:
    """Return whether two texts share so little that marks by word say nothing.

    Args:
        before: the text of A.
        after: the text of B.
        pieces: of one of them, compared.
    """
    shorter, longer = sorted((len(before), len(after)))
    if before == after or longer < REWRITTEN_CHARS:
        return False
    shared = sum(len(piece.text) for piece in pieces if piece.operation == "same")
    return not shorter or shared < REWRITTEN_SHARE * shorter


def compared(before: str, after: str) -> tuple[list[WordPiece], list[WordPiece]]:
    """Return the pieces of both texts, compared by word, or by line where they are very long."""
    if before == after:
        same = [WordPiece(operation="same", text=before)]
        return same, same
    pieces = diff_words(before, after).pieces
    return (
        [piece for piece in pieces if piece.operation != "added"],
        [piece for piece in pieces if piece.operation != "removed"],
    )


def sides_of(
    before: str, after: str, *, is_pair: bool
) -> tuple[list[WordPiece], list[WordPiece], bool]:
    """Return the pieces of both sides, and whether they are other texts altogether.

    Args:
        before: the text of A.
        after: the text of B.
        is_pair: both sides have a step; else what there is is compared with nothing.
    """
    if not is_pair:
        return alone(before), alone(after), False
    one, other = compared(before, after)
    if is_rewritten(before, after, one):
        return alone(before), alone(after), True
    return one, other, False


def alone(words: str) -> list[WordPiece]:
    """Return a text that is compared with nothing."""
    return [WordPiece(operation="same", text=words)]


def marked(pieces: Sequence[WordPiece], *, around: int, limit: int) -> list[Html]:
    """Return pieces of a text, those that differ marked.

    Args:
        pieces: of the text.
        around: so many characters of a stretch that is the same are kept beside a change.
        limit: of characters in all.
    """
    tags = {"removed": "del", "added": "ins"}
    shown: list[Html] = []
    for piece, hidden in elided(pieces, around=around, limit=limit, whole_if_alone=True):
        tag = tags.get(piece.operation)
        shown.append(el(tag, piece.text) if tag else text(piece.text))
        if hidden:
            shown.append(el("span", " … ", cls="diff-gap", title=f"{hidden:,} characters"))
    return shown


def is_json(words: str) -> bool:
    """Return whether a text looks like JSON, to be read in type of one width."""
    return words.lstrip()[:1] in ("{", "[")


def prose(sentence: str) -> list[Html]:
    """Return a sentence of ours, with what stands between backticks as code."""
    parts = sentence_parts(sentence)
    return [el("code", part) if is_name else text(part) for part, is_name in parts]


def _of_one(texts: Texts, step: Step) -> Texts:
    if step.kind == "llm":
        came_out: Texts = {part: sides for part, sides in texts.items() if part != "sent"}
        return came_out or texts
    return {part: sides for part, sides in texts.items() if part != "sent"}


def _texts(step: Step | None, *, lay_out: bool) -> dict[Part, str]:
    """Return the texts of a step; what there is not is left out."""
    if step is None:
        return {}
    write = laid_out if lay_out else _in_one_line
    texts: dict[Part, str] = {
        "sent": _said(step),
        "arguments": "" if step.kind == "llm" or step.arguments is None else write(step.arguments),
        "answer": "" if step.answer is None else write(step.answer),
        "called": "\n".join(f"calls {_called(each)}" for each in step.asked_for),
        "failed": step.error or "",
    }
    return {part: words for part, words in texts.items() if words}


def _dense(words: str) -> str:
    """Return a text without blank lines, for where there is little room."""
    return _BLANK_LINES.sub("\n", words.strip())


def _in_one_line(value: Any) -> str:
    return value if isinstance(value, str) else in_one_line(value, limit=20_000)


def _called(asked: Any) -> str:
    """Return a tool call that a model asks for, in one line."""
    if not isinstance(asked, Mapping) or "name" not in asked:
        return in_one_line(asked, limit=_CALLED_CHARS)
    arguments = in_one_line(asked.get("arguments") or "", limit=_CALLED_CHARS)
    return f"{in_one_line(asked['name'])}({arguments})"


def _said(step: Step, *, without: Sequence[str] = ()) -> str:
    """Return what a step was sent that no step before it was."""
    return _joined([each for each in step.sent if _role(each) not in without])


def _joined(messages: Sequence[Any]) -> str:
    return "\n\n".join(map(_message, messages))


def _told_before(pair: Pair) -> Sequence[str]:
    """Return the roles to leave out: instructions that one side was sent by a step before.

    Steps in parallel begin in another order; the first of them is the one that is told.
    """
    told = [
        step is not None and any(_role(message) in INSTRUCTIONS for message in step.sent)
        for step in (pair.a, pair.b)
    ]
    return INSTRUCTIONS if told[0] != told[1] else ()


def _message(message: Any) -> str:
    content = message.get("content") if isinstance(message, Mapping) else message
    return f"{_role(message)}: {'' if content is None else _in_one_line(content)}"


def _role(message: Any) -> str:
    role = message.get("role") if isinstance(message, Mapping) else None
    return one_line(role) if isinstance(role, str) and role else "message"
