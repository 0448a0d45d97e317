"""The difference of two runs in words and shapes, for whoever shows it: terminal, file, page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any, Final, Protocol

from secondtake.backend import formats
from secondtake.backend.models.diffs import (
    DiffSide,
    Operation,
    RunDiff,
    Step,
    StepEdit,
    WordPiece,
)
from secondtake.runner.narrow import is_object

OPERATIONS: Final[dict[Operation, str]] = {
    "same": "same",
    "edited": "edited",
    "moved": "moved",
    "inserted": "only B",
    "deleted": "only A",
}
"""How each operation is called."""
INSTRUCTIONS: Final = ("system", "developer")
"""Roles of messages that say little of the step that they are sent with."""
NOTABLE_SHARE: Final = 0.05
"""Of a run's money or time; a smaller difference has no colour."""
SERVED: Final = {"recorded": "from the recording", "cache": "from a cache"}
"""Who answered a step, where it was not asked live."""

_MOST_TELLING: Final[tuple[Operation, ...]] = ("deleted", "inserted", "edited", "moved", "same")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An edit with its two steps."""

    number: int
    """Its place along both runs, from 1."""
    edit: StepEdit
    a: Step | None
    b: Step | None
    is_first: bool = False
    """The runs part here."""

    @property
    def step(self) -> Step:
        """The step of A, or where A has none that of B."""
        step = self.a or self.b
        assert step is not None, "an edit has a step"
        return step


@dataclass(frozen=True, kw_only=True)
class Bead:
    """Some edits that follow each other, drawn as one."""

    operation: Operation
    """The most telling of theirs."""
    number: int
    """The place of the first such edit along both runs, from 1."""
    share: float
    """Of the edits, how many are of that operation."""


class Counted(Protocol):
    """A step or a run: whatever was counted in tokens."""

    @property
    def input_tokens(self) -> int | None:
        """Tokens that went in."""
        ...

    @property
    def output_tokens(self) -> int | None:
        """Tokens that came out."""
        ...


def pairs_of(diff: RunDiff) -> list[Pair]:
    """Return the edits along both runs with their steps."""
    return [
        Pair(
            number=place + 1,
            edit=edit,
            a=None if edit.a is None else diff.steps_a[edit.a],
            b=None if edit.b is None else diff.steps_b[edit.b],
            is_first=place == diff.first_divergence,
        )
        for place, edit in enumerate(diff.edits)
    ]


def step_words(step: Step) -> str:
    """Return which step of its run it is: `LLM call 3`, `tool call 2`.

    Searches and the answers of persons are counted among the tool calls, as everywhere.
    """
    return f"{_kind(step)} {step.number}"


def pair_words(pair: Pair) -> str:
    """Return which steps of their runs a pair is: `LLM call 3`, `LLM call 3 → 4`."""
    words = step_words(pair.step)
    if pair.a is not None and pair.b is not None and pair.a.number != pair.b.number:
        words += f" → {pair.b.number}"
    return words


def count_words(diff: RunDiff) -> list[str]:
    """Return how many edits of each operation there are, as `3 edited`."""
    return [
        f"{formats.count(count)} {OPERATIONS[operation]}"
        for operation, count in diff.counts.items()
        if count
    ]


def served_words(steps: Sequence[Step | None]) -> str | None:
    """Return how all of these steps were answered; None when they were asked, or differ."""
    how = {step.served_from for step in steps if step is not None}
    return SERVED.get(next(iter(how)) or "") if len(how) == 1 else None


def beads_of(diff: RunDiff, *, at_most: int) -> list[Bead]:
    """Return the edits along both runs, so many together that there are at most so many beads."""
    operations: list[Operation] = [edit.operation for edit in diff.edits]
    group = -(-len(operations) // at_most) or 1
    return [_bead(operations[at : at + group], at) for at in range(0, len(operations), group)]


def unknown_columns(diff: RunDiff) -> list[str]:
    """Return a class for each column that would say of every step that nothing is known."""
    steps = [*diff.steps_a, *diff.steps_b]
    named = {
        "no-tokens": all(total_tokens(step) is None for step in steps),
        "no-cost": all(step.cost_usd is None for step in steps),
        "no-time": all(step.duration_ms is None for step in steps),
    }
    return [name for name, is_unknown in named.items() if is_unknown]


def total_tokens(counted: Counted) -> int | None:
    """Return the tokens, in and out; None when neither is known."""
    known = [each for each in (counted.input_tokens, counted.output_tokens) if each is not None]
    return sum(known) if known else None


def side_money(side: DiffSide, *, places: int) -> str:
    """Return the cost of a run; of one with calls of unknown price that it is more."""
    shown = formats.money(side.cost_usd, places=places)
    return f"≥{shown}" if side.unpriced_calls and side.cost_usd is not None else shown


def tone_of(delta: float | Decimal | None, *, notable: float) -> str:
    """Return `better` or `worse` for less or more; empty for what matters little.

    Args:
        delta: the difference of money or time.
        notable: the least that matters, in the same unit.
    """
    if not delta or abs(float(delta)) < notable:
        return ""
    return "better" if delta < 0 else "worse"


def new_messages(step: Step, other: Step, *, without: Sequence[str] = ()) -> list[Any]:
    """Return what a step was sent, but for what at the beginning the other one was sent as well.

    Args:
        step: the one.
        other: the other.
        without: roles of messages that are left out on both sides.
    """
    messages, others = (
        [message for message in each.sent if _role(message) not in without]
        for each in (step, other)
    )
    same = 0
    for message, counterpart in zip(messages, others, strict=False):
        if message != counterpart:
            break
        same += 1
    return messages[same:]


def sentence_parts(sentence: str) -> list[tuple[str, bool]]:
    """Return the parts of a sentence of ours; what stands between backticks is a name: True."""
    parts = sentence.split("`")
    return [
        (part, place % 2 == 1 and place < len(parts) - 1)
        for place, part in enumerate(parts)
        if part
    ]


def elided(
    pieces: Sequence[WordPiece], *, around: int, limit: int, whole_if_alone: bool = False
) -> Iterator[tuple[WordPiece, int]]:
    """Yield pieces of a text without the middle of long stretches that are the same.

    Args:
        pieces: of the text.
        around: so many characters of a stretch are kept beside a change, and at both ends of a
            text that is one stretch.
        limit: of characters in all.
        whole_if_alone: a text that is one stretch keeps its middle.

    Yields:
        Each piece, and how many characters are left out behind it.
    """
    left = limit
    ends = list(accumulate(len(piece.text) for piece in pieces))
    if whole_if_alone and len(pieces) == 1:
        around = len(pieces[0].text)
    for place, piece in enumerate(pieces):
        for text, begins, hidden in _kept(piece, place, len(pieces), around):
            shown = text[:left]
            left -= len(shown)
            if left > 0:
                yield WordPiece(operation=piece.operation, text=shown), hidden
                continue
            seen = ends[place] - len(piece.text) + begins + len(shown)
            yield WordPiece(operation=piece.operation, text=shown), ends[-1] - seen
            return


def _kept(piece: WordPiece, place: int, count: int, around: int) -> Iterator[tuple[str, int, int]]:
    """Yield the ends of a stretch that is the same, where each begins, and what is left out."""
    text = piece.text
    head = 0 if place == 0 and count > 1 else around
    tail = 0 if place == count - 1 and count > 1 else around
    if piece.operation != "same" or len(text) <= head + tail + around:
        yield text, 0, 0
        return
    yield text[:head], 0, len(text) - head - tail
    if tail:
        yield text[-tail:], len(text) - tail, 0


def _kind(step: Step) -> str:
    return "LLM call" if step.kind == "llm" else "tool call"


def _role(message: Any) -> Any:
    return message.get("role") if is_object(message) else None


def _bead(operations: Sequence[Operation], at: int) -> Bead:
    telling: Operation = next(each for each in _MOST_TELLING if each in operations)
    return Bead(
        operation=telling,
        number=at + operations.index(telling) + 1,
        share=operations.count(telling) / len(operations),
    )
