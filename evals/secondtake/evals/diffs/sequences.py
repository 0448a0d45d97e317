"""Two sequences compared by `difflib`'s longest matches, in bounded time."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Literal, NamedTuple, TypeVar

Item = TypeVar("Item", bound=Hashable)
Tag = Literal["equal", "replace"]


class Opcode(NamedTuple):
    """A stretch of A and what stands in B in its place; of a replacement one may be empty."""

    tag: Tag
    a_start: int
    a_stop: int
    b_start: int
    b_stop: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Opcodes that cover both sequences."""

    opcodes: list[Opcode]
    is_complete: bool
    """False when the work was cut short; stretches then count as replaced that may have
    something in common."""


def compare_sequences(
    a: Sequence[Item],
    b: Sequence[Item],
    *,
    work_max: int,
    is_junk: Callable[[Item], bool] | None = None,
) -> Comparison:
    """Return what two sequences have in common: the longest stretch, and so on to either side.

    Args:
        a: the one.
        b: the other.
        work_max: how often an item of A may be held against an equal one of B, at about half a
            microsecond each. `SequenceMatcher` itself takes cubic time at worst: 400 words of
            `a b c d` against `b a d c` are 17 s.
        is_junk: says which items are no beginning of a match.
    """
    start, end = common_ends(a, b)
    stop_a, stop_b = len(a) - end, len(b) - end
    blocks, is_complete = _blocks(a[start:stop_a], b[start:stop_b], work_max, is_junk)
    shifted = [(start + i, start + j, size) for i, j, size in blocks]
    opcodes: list[Opcode] = []
    i = j = 0
    for at_a, at_b, size in [(0, 0, start), *shifted, (stop_a, stop_b, end)]:
        if at_a > i or at_b > j:
            opcodes.append(Opcode("replace", i, at_a, j, at_b))
        i, j = at_a + size, at_b + size
        if size:
            opcodes.append(Opcode("equal", at_a, i, at_b, j))
    return Comparison(opcodes, is_complete)


def common_ends(a: Sequence[Item], b: Sequence[Item]) -> tuple[int, int]:
    """Return how many items are the same at the beginning, and then at the end."""
    shorter = min(len(a), len(b))
    start = 0
    while start < shorter and a[start] == b[start]:
        start += 1
    end = 0
    while end < shorter - start and a[-1 - end] == b[-1 - end]:
        end += 1
    return start, end


def _blocks(
    a: Sequence[Item],
    b: Sequence[Item],
    work_max: int,
    is_junk: Callable[[Item], bool] | None,
) -> tuple[list[tuple[int, int, int]], bool]:
    """Return the matching stretches in order: index into A, into B, length."""
    if not a or not b:
        return [], True
    in_b = Counter(b)
    junk = {item for item in in_b if is_junk is not None and is_junk(item)}
    work = [0, *accumulate(1 if item in junk else 1 + in_b[item] for item in a)]
    if work[-1] > work_max:
        return [], False
    matcher = SequenceMatcher(junk.__contains__, a, b, autojunk=False)
    blocks: list[tuple[int, int, int]] = []
    waiting = [(0, len(a), 0, len(b))]
    is_complete = True
    while waiting:
        a_low, a_high, b_low, b_high = waiting.pop()
        work_max -= work[a_high] - work[a_low]
        if work_max < 0:
            is_complete = False
            break
        i, j, size = matcher.find_longest_match(a_low, a_high, b_low, b_high)
        if not size:
            continue
        blocks.append((i, j, size))
        if a_low < i and b_low < j:
            waiting.append((a_low, i, b_low, j))
        if i + size < a_high and j + size < b_high:
            waiting.append((i + size, a_high, j + size, b_high))
    return _joined(sorted(blocks)), is_complete


def _joined(blocks: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return the blocks with those joined that follow each other in both sequences."""
    joined: list[tuple[int, int, int]] = []
    for i, j, size in blocks:
        if joined:
            last_i, last_j, last_size = joined[-1]
            if (last_i + last_size, last_j + last_size) == (i, j):
                joined[-1] = (last_i, last_j, last_size + size)
                continue
        joined.append((i, j, size))
    return joined
