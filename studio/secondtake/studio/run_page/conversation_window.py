"""Which turns of a long conversation are drawn. Pure: no page, no client."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from secondtake.studio.run_page.long_text import BLOCK_CHARS
from secondtake.studio.run_page.threads import Thread, Turn

TURNS_MAX: Final = 120
CHARS_MAX: Final = 300_000
"""A pane with more text than this takes too long to draw."""
BEFORE_CHOSEN: Final = 20
"""Turns before the chosen one that are drawn with it."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """The turns from `first` up to, not with, `last`, counted over all threads."""

    first: int
    last: int
    total: int

    @property
    def left(self) -> int:
        """How many come after."""
        return self.total - self.last

    def parts(self, threads: Sequence[Thread]) -> Iterator[tuple[Thread, Sequence[Turn]]]:
        """Yield each thread that is seen, with those of its turns that are."""
        ends = list(accumulate(len(thread.turns) for thread in threads))
        for thread, end in zip(threads, ends, strict=True):
            start = end - len(thread.turns)
            turns = thread.turns[max(self.first - start, 0) : max(self.last - start, 0)]
            if turns:
                yield thread, turns


def window_of(
    threads: Sequence[Thread], *, wanted: tuple[int, int] | None, chosen: str | None
) -> Window:
    """Return what is drawn: what the reader asked for, if the chosen turn is in it.

    Args:
        threads: of the run.
        wanted: the first turn and the end, as the reader asked for them.
        chosen: key of the turn that must be seen.
    """
    turns = [turn for thread in threads for turn in thread.turns]
    place = next((n for n, turn in enumerate(turns) if turn.key == chosen), None)
    if wanted is not None and (place is None or wanted[0] <= place < wanted[1]):
        first = min(wanted[0], max(len(turns) - 1, 0))
        return Window(first=first, last=min(wanted[1], len(turns)), total=len(turns))
    first = 0
    if place is not None and place >= end_of(turns, 0):
        first = max(place - BEFORE_CHOSEN, 0)
    return Window(first=first, last=max(end_of(turns, first), (place or 0) + 1), total=len(turns))


def end_of(turns: Sequence[Turn], first: int) -> int:
    """Return where a window that begins at `first` ends."""
    chars = 0
    for place in range(first, len(turns)):
        chars += _size(turns[place])
        if place - first >= TURNS_MAX or (chars > CHARS_MAX and place > first):
            return place
    return len(turns)


def start_of(turns: Sequence[Turn], last: int) -> int:
    """Return where a window that ends at `last` begins."""
    chars = 0
    for place in range(last - 1, -1, -1):
        chars += _size(turns[place])
        if last - place > TURNS_MAX or (chars > CHARS_MAX and place < last - 1):
            return place + 1
    return 0


def _size(turn: Turn) -> int:
    texts = [turn.message.content] if turn.message is not None else []
    for use in turn.tools:
        texts.append(use.answer.content if use.answer is not None else None)
        texts.append(use.asked if isinstance(use.asked, str) else None)
    return sum(min(len(text), BLOCK_CHARS) for text in texts if text) + 500
