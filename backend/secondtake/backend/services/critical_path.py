"""What a run waited for, at every moment of its time.

The path is walked back from the end: of the spans below a span, the one that ends last was waited
for; before it began, the one that had ended last by then; and so on. Where none had, the span
itself was at work. A span that ended later than that ran beside the path and is not on it.

Clocks of two processes differ and sources cut times to milliseconds, so a span may end up to
`TOLERANCE_US` after what follows it began. A span that leaves the time of its parent by more was
not waited for by it: it counts as one that began by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

TOLERANCE_US: Final = 1000
"""One millisecond."""

RUN: Final = -1
"""The run itself, in the place of a span's number."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A span of a tree in pre-order, in microseconds of any clock."""

    depth: int
    started_us: int | None
    ended_us: int | None


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of time and the deepest span that the run waited for meanwhile."""

    number: int
    """The span's place in the sequence that was asked about."""
    started_us: int
    ended_us: int


@dataclass(frozen=True, kw_only=True)
class CriticalPath:
    """The path, in order of time, without overlap."""

    pieces: list[Piece]
    spans: set[int]
    """Those on the path: of the pieces, and what they are in as far as it was waited for."""


@dataclass(kw_only=True)
class _Walk:
    """Spans with times that make sense, and what is found while walking."""

    windows: dict[int, tuple[int, int]]
    below: dict[int, list[int]]
    pieces: list[Piece] = field(default_factory=list[Piece])
    spans: set[int] = field(default_factory=set[int])

    def add(self, number: int, started_us: int, ended_us: int) -> None:
        if started_us < ended_us:
            self.pieces.append(Piece(number=number, started_us=started_us, ended_us=ended_us))

    def ending_last_first(self, number: int) -> list[int]:
        found = self.below.get(number, [])
        return sorted(found, key=lambda each: self.windows[each][::-1], reverse=True)


def find_critical_path(spans: Sequence[Timed]) -> CriticalPath:
    """Return the critical path of a run; empty when no span has a beginning and an end.

    It covers each moment at which a span of known times was open, once. Loops, no recursion: a
    hostile import may nest as deep as it likes.
    """
    windows, below = _arrange(spans)
    walk = _Walk(windows=windows, below=below)
    waiting = _walk_run(walk)
    while waiting:
        number, started_us, ended_us = waiting.pop()
        if number in walk.spans:  # what fills gaps of the run may be met twice
            walk.add(number, started_us, ended_us)
            continue
        walk.spans.add(number)
        waiting += _walk_span(walk, number, started_us, ended_us)
    walk.pieces.sort(key=lambda piece: piece.started_us)
    return CriticalPath(pieces=walk.pieces, spans=walk.spans)


def _arrange(
    spans: Sequence[Timed],
) -> tuple[dict[int, tuple[int, int]], dict[int, list[int]]]:
    """Return the time of each span of known times, and what is below each of them."""
    windows: dict[int, tuple[int, int]] = {}
    below: dict[int, list[int]] = {}
    above: list[int] = []
    for number, span in enumerate(spans):
        while above and spans[above[-1]].depth >= span.depth:
            above.pop()
        if span.started_us is None or span.ended_us is None:
            continue
        started_us, ended_us = span.started_us, max(span.started_us, span.ended_us)
        parent = above[-1] if above else RUN
        if parent != RUN:
            first_us, last_us = windows[parent]
            inside = started_us >= first_us - TOLERANCE_US and ended_us <= last_us + TOLERANCE_US
            if inside:
                started_us = min(max(started_us, first_us), last_us)
                ended_us = max(min(ended_us, last_us), started_us)
            else:
                parent = RUN
        windows[number] = started_us, ended_us
        below.setdefault(parent, []).append(number)
        above.append(number)
    return windows, below


def _walk_span(
    walk: _Walk, number: int, started_us: int, ended_us: int
) -> list[tuple[int, int, int]]:
    """Return which spans below one were waited for, each with its stretch of time."""
    found: list[tuple[int, int, int]] = []
    at_us = ended_us
    for child in walk.ending_last_first(number):
        first_us, last_us = walk.windows[child]
        begin_us, end_us = max(first_us, started_us), min(last_us, at_us)
        if last_us > at_us + TOLERANCE_US or begin_us >= end_us:
            continue
        walk.add(number, end_us, at_us)
        found.append((child, begin_us, end_us))
        at_us = begin_us
    walk.add(number, started_us, at_us)
    return found


def _walk_run(walk: _Walk) -> list[tuple[int, int, int]]:
    """Do the same for the run, which is no span: what ran beside the path fills its gaps."""
    found: list[tuple[int, int, int]] = []
    roots = walk.ending_last_first(RUN)
    if not roots:
        return found
    at_us = walk.windows[roots[0]][1]
    earliest: int | None = None
    for root in roots:
        first_us, last_us = walk.windows[root]
        end_us = min(last_us, at_us)
        if last_us > at_us + TOLERANCE_US or first_us >= end_us:
            if first_us < last_us and (earliest is None or first_us < walk.windows[earliest][0]):
                earliest = root
            continue
        found += _fill(walk, earliest, end_us, at_us)
        found.append((root, first_us, end_us))
        at_us = first_us
    found += _fill(walk, earliest, None, at_us)
    return found


def _fill(
    walk: _Walk, number: int | None, started_us: int | None, ended_us: int
) -> list[tuple[int, int, int]]:
    if number is None:
        return []
    first_us = walk.windows[number][0]
    begin_us = first_us if started_us is None else max(first_us, started_us)
    return [(number, begin_us, ended_us)] if begin_us < ended_us else []
