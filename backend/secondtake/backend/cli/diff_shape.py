"""Shapes a diff for whoever shows it: what stands for a step, what of a long text is shown."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.values import one_line_value
from secondtake.backend.models.diffs import Operation, RunDiff, Step, StepEdit, WordPiece
from secondtake.runner.narrow import is_object

TEXTS: Final = ("sent", "arguments", "answer", "called", "failed")
"""The texts of a step, in the order in which they are shown."""

OPERATIONS: Final[dict[Operation, str]] = {
    "same": "same",
    "edited": "edited",
    "moved": "moved",
    "inserted": "only B",
    "deleted": "only A",
}
"""How each operation is called."""

_LLM: Final = "LLM call"
_TOOL: Final = "tool call"


@dataclass(frozen=True, kw_only=True)
class Row:
    """An edit with its two steps; for identical ones that follow each other one row stands."""

    edit: StepEdit
    a: Step | None
    b: Step | None
    same: tuple["Row", ...] = ()
    """The identical steps that this row stands for; empty where there is a difference."""
    is_first: bool = False
    """The runs part here."""

    @property
    def step(self) -> Step:
        """The step of A, or where A has none that of B."""
        step = self.a or self.b
        assert step is not None, "an edit has a step"
        return step


def rows_of(diff: RunDiff) -> list[Row]:
    """Return the edits along both runs, identical ones folded."""
    rows = [_row(diff, place, edit) for place, edit in enumerate(diff.edits)]
    folded: list[Row] = []
    for is_same, group in groupby(rows, key=lambda row: row.edit.operation == "same"):
        each = tuple(group)
        folded += [Row(edit=each[0].edit, a=each[0].a, b=each[0].b, same=each)] if is_same else each
    return folded


def _row(diff: RunDiff, place: int, edit: StepEdit) -> Row:
    return Row(
        edit=edit,
        a=None if edit.a is None else diff.steps_a[edit.a],
        b=None if edit.b is None else diff.steps_b[edit.b],
        is_first=place == diff.first_divergence,
    )


def parting_steps(diff: RunDiff) -> tuple[Step | None, Step | None]:
    """Return what either side does where the runs part: of a pair both, else what comes next."""
    if diff.first_divergence is None:
        return None, None
    rest = diff.edits[diff.first_divergence :]
    if rest[0].a is not None and rest[0].b is not None:
        return diff.steps_a[rest[0].a], diff.steps_b[rest[0].b]
    a = next((edit.a for edit in rest if edit.a is not None), None)
    b = next((edit.b for edit in rest if edit.b is not None), None)
    return (
        None if a is None else diff.steps_a[a],
        None if b is None else diff.steps_b[b],
    )


def step_title(row: Row) -> str:
    """Return which step it is: `LLM call 3`, `tool call 2 search_text`, `LLM call 3 → 4`.

    Searches and the answers of persons are counted among the tool calls, as everywhere.
    """
    step = row.step
    number = f"{step.number}"
    if row.a is not None and row.b is not None and row.a.number != row.b.number:
        number = f"{row.a.number} → {row.b.number}"
    if step.kind == "llm":
        return f"{_LLM} {number}"
    names = [each.name for each in (row.a, row.b) if each is not None]
    return f"{_TOOL} {number} {formats.one_line(' → '.join(dict.fromkeys(names)))}"


def step_number(step: Step) -> str:
    """Return which step of its run it is: `LLM call 3`, `tool call 2`."""
    return f"{_LLM if step.kind == 'llm' else _TOOL} {step.number}"


def step_texts(step: Step) -> dict[str, str]:
    """Return what a step was about: `sent` and `arguments` went in, the others came out.

    `called` are the tools that a model asks for. What there is not is left out.
    """
    texts = {
        "sent": "\n".join(map(_sent, step.sent)),
        "arguments": "" if step.kind == "llm" else _text(step.arguments),
        "answer": _text(step.answer),
        "called": "\n".join(f"calls {called_words(each)}" for each in step.asked_for),
        "failed": f"failed: {step.error}" if step.error else "",
    }
    return {name: text for name, text in texts.items() if text}


def compared_texts(row: Row) -> dict[str, tuple[str, str]]:
    """Return the texts of both sides of an edit by what they are.

    What a model was sent is among them where it makes the difference: it is what tools answered
    and what models said before, mostly.
    """
    a = step_texts(row.a) if row.a is not None else {}
    b = step_texts(row.b) if row.b is not None else {}
    if row.a is not None and row.b is not None:
        a["sent"], b["sent"] = news(row.a, row.b), news(row.b, row.a)
    elif row.step.sent:
        (a or b)["sent"] = _without_instructions(row.step)
    pairs: dict[str, tuple[str, str]] = {
        name: (a.get(name, ""), b.get(name, "")) for name in TEXTS if name in {**a, **b}
    }
    is_pair = row.a is not None and row.b is not None
    if is_pair and ("messages" not in row.edit.fields or a["sent"] == b["sent"]):
        pairs.pop("sent", None)
    return {name: pair for name, pair in pairs.items() if any(pair)}


def news(step: Step, other_step: Step) -> str:
    """Return what a step was sent, but for what at the beginning the other one was sent as well."""
    messages, others = step.sent, other_step.sent
    same = 0
    for one, other in zip(messages, others, strict=False):
        if one != other:
            break
        same += 1
    return "\n".join(map(_sent, messages[same:]))


def _without_instructions(step: Step) -> str:
    """Return what a step was sent but for the system prompt, which says little of this step."""
    return "\n".join(
        _sent(message)
        for message in step.sent
        if message.get("role") not in ("system", "developer")
    )


def _sent(message: Any) -> str:
    return f"{message.get('role') or 'message'}: {_text(message.get('content'))}"


def _text(value: Any) -> str:
    """Return a value as text, JSON in as few lines as it needs."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def called_words(asked: Any) -> str:
    """Return a tool call that a model asks for, in one line."""
    if not is_object(asked) or "name" not in asked:
        return one_line_value(asked)
    return f"{one_line_value(asked['name'])}({one_line_value(asked.get('arguments') or '')})"


def elided(
    pieces: Sequence[WordPiece], *, around: int, limit: int
) -> Iterator[tuple[WordPiece, int]]:
    """Yield pieces of a text without the middle of long stretches that are the same.

    Args:
        pieces: of the text.
        around: so many characters of a stretch are kept beside a change.
        limit: of characters in all.

    Yields:
        Each piece, and how many characters are left out behind it.
    """
    left = limit
    last = len(pieces) - 1
    for place, piece in enumerate(pieces):
        for part, hidden in _kept(piece, place == 0, place == last, around):
            if left <= 0:
                return
            shown = part.text[:left]
            left -= len(shown)
            rest = len(part.text) - len(shown)
            if not left:
                rest += hidden + sum(len(each.text) for each in pieces[place + 1 :])
                hidden = 0
            yield WordPiece(operation=part.operation, text=shown), rest + hidden


def _kept(
    piece: WordPiece, is_first: bool, is_last: bool, around: int
) -> Iterator[tuple[WordPiece, int]]:
    """Yield the ends of a stretch that is the same, and how much between them is hidden."""
    head = 0 if is_first and not is_last else around
    tail = 0 if is_last and not is_first else around
    text = piece.text
    if piece.operation != "same" or len(text) <= head + tail + around:
        yield piece, 0
        return
    yield WordPiece(operation="same", text=text[:head]), len(text) - head - tail
    if tail:
        yield WordPiece(operation="same", text=text[-tail:]), 0
