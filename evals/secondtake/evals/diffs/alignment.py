"""Two sequences of steps, aligned at the least cost: which step is the counterpart of which.

Costs are whole numbers, so that an optimum is exact. They keep four promises:

* Two steps that are the same cost nothing; any other pair costs at least `EDIT`.
* Only steps of a kind that have something to do with each other may be paired, see `pair_cost`.
* A step that has a twin in the other run costs less alone (`GAP_TWIN`) than one without (`GAP`).
  `2 * GAP_TWIN < EDIT`, so two steps that both have a twin are never one edit: of two calls that
  changed places, as those of parallel branches do, one is found moved.
* `GAP - GAP_TWIN <= EDIT`: with that, to pair a common beginning or end is never a worse choice
  (exchange argument), so both are cut off before the rest is aligned.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from secondtake.evals.diffs.features import Features
from secondtake.evals.diffs.sequences import common_ends

EDIT: Final = 7
GAP: Final = 10
GAP_TWIN: Final = 3

OTHER_ARGUMENTS: Final = 3
OTHER_SHAPE: Final = 6
OTHER_ANSWER: Final = 1
OTHER_NODE: Final = 6
OTHER_TOOL: Final = 6
OTHER_PROMPT: Final = 2
OTHER_REQUEST: Final = 1
"""Each of model, tools and parameters."""
ASKED_FOR_OTHER_TOOLS: Final = 6
ASKED_OTHERWISE: Final = 2

CELLS_MAX: Final = 400_000
"""Longer runs are first cut at steps that each has exactly once, then aligned along a band."""
BAND_MIN: Final = 40

_NEVER: Final = 1 << 60
_PAIR, _DROP, _ADD = 0, 1, 2

Matches = list[tuple[int, int]]
"""Index into A and index into B of each pair, both ascending."""


def pair_cost(a: Features, b: Features) -> int | None:
    """Return what it costs to pair two steps; None when they have nothing to do with each other."""
    if a.kind != b.kind:
        return None
    if a.identity == b.identity:
        return 0
    return _llm_cost(a, b) if a.is_llm else _tool_cost(a, b)


def gap_costs(steps: Sequence[Features], others: Sequence[Features]) -> list[int]:
    """Return what each step costs that is left without a counterpart among the others."""
    twins = {other.identity for other in others}
    return [GAP_TWIN if step.identity in twins else GAP for step in steps]


def total_cost(a: Sequence[Features], b: Sequence[Features], matches: Matches) -> int | None:
    """Return the cost of an alignment; None when it pairs what must not be paired."""
    pairs = [pair_cost(a[i], b[j]) for i, j in matches]
    known = [cost for cost in pairs if cost is not None]
    if len(known) < len(pairs):
        return None
    paired_a, paired_b = {i for i, _ in matches}, {j for _, j in matches}
    alone_a = (cost for i, cost in enumerate(gap_costs(a, b)) if i not in paired_a)
    alone_b = (cost for j, cost in enumerate(gap_costs(b, a)) if j not in paired_b)
    return sum(known) + sum(alone_a) + sum(alone_b)


def align(a: Sequence[Features], b: Sequence[Features]) -> Matches:
    """Return the pairs of an alignment at the least cost.

    The optimum is exact up to `CELLS_MAX` cells of the part between the common beginning and the
    common end. Swapping the sides swaps the pairs: of several optima the choice is made from the
    side whose steps sort first.
    """
    identities_a, identities_b = [step.identity for step in a], [step.identity for step in b]
    if identities_a > identities_b:
        return [(i, j) for j, i in align(b, a)]
    gaps_a, gaps_b = gap_costs(a, b), gap_costs(b, a)
    start, end = common_ends(identities_a, identities_b)
    middle_a, middle_b = range(start, len(a) - end), range(start, len(b) - end)
    matches = [(i, i) for i in range(start)]
    for part_a, part_b in _parts(a, b, middle_a, middle_b):
        matches += _align_part(a, b, gaps_a, gaps_b, part_a, part_b)
    matches += [(len(a) - left, len(b) - left) for left in range(end, 0, -1)]
    return matches


def _tool_cost(a: Features, b: Features) -> int | None:
    same_node, same_arguments = a.node == b.node, a.arguments == b.arguments
    cost = EDIT
    if a.name != b.name:
        if not (same_node and same_arguments and len(a.shape) > 2):
            return None  # that neither has arguments makes no counterpart
        cost += OTHER_TOOL
    if not same_node:
        if a.shape != b.shape:
            return None
        cost += OTHER_NODE
    if not same_arguments:
        cost += OTHER_ARGUMENTS if a.shape == b.shape else OTHER_SHAPE
    if a.answer != b.answer or a.error != b.error:
        cost += OTHER_ANSWER
    return cost


def _llm_cost(a: Features, b: Features) -> int | None:
    same_prompt = a.messages_hash == b.messages_hash and a.messages_hash is not None
    same_answer = a.answer == b.answer and a.asked_for == b.asked_for
    cost = EDIT
    if a.node != b.node:
        if not (same_prompt or (same_answer and a.says_something)):
            return None
        cost += OTHER_NODE
    if not same_prompt:
        cost += OTHER_PROMPT
    for one, other in (
        (a.model_hash, b.model_hash),
        (a.tools_hash, b.tools_hash),
        (a.parameters_hash, b.parameters_hash),
    ):
        if one != other:
            cost += OTHER_REQUEST
    if same_answer:
        return cost
    if a.asked_names != b.asked_names:
        cost += ASKED_FOR_OTHER_TOOLS
    elif a.asked_for != b.asked_for:
        cost += ASKED_OTHERWISE
    return cost + (OTHER_ANSWER if a.answer != b.answer else 0)


def _parts(
    a: Sequence[Features], b: Sequence[Features], part_a: range, part_b: range
) -> Iterator[tuple[range, range]]:
    """Yield the ranges that are aligned on their own; one where that is exact in good time."""
    if len(part_a) * len(part_b) <= CELLS_MAX:
        yield part_a, part_b
        return
    i, j = part_a.start, part_b.start
    for anchor_a, anchor_b in _anchors(a, b, part_a, part_b):
        yield range(i, anchor_a), range(j, anchor_b)
        yield range(anchor_a, anchor_a + 1), range(anchor_b, anchor_b + 1)
        i, j = anchor_a + 1, anchor_b + 1
    yield range(i, part_a.stop), range(j, part_b.stop)


def _anchors(a: Sequence[Features], b: Sequence[Features], part_a: range, part_b: range) -> Matches:
    """Return the longest chain of steps that both have exactly once ("patience diff")."""
    once_a = Counter(a[i].identity for i in part_a)
    once_b = Counter(b[j].identity for j in part_b)
    place_b = {b[j].identity: j for j in part_b if once_b[b[j].identity] == 1}
    pairs = [
        (i, place_b[a[i].identity])
        for i in part_a
        if once_a[a[i].identity] == 1 and a[i].identity in place_b
    ]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        last[length : length + 1] = [number]
    chain: Matches = []
    number = last[-1] if last else -1
    while number >= 0:
        chain.append(pairs[number])
        number = before[number]
    return chain[::-1]


def _align_part(
    a: Sequence[Features],
    b: Sequence[Features],
    gaps_a: Sequence[int],
    gaps_b: Sequence[int],
    part_a: range,
    part_b: range,
) -> Matches:
    if not part_a or not part_b:
        return []
    steps_a, steps_b = a[part_a.start : part_a.stop], b[part_b.start : part_b.stop]
    choices = _choices(
        steps_a,
        steps_b,
        gaps_a[part_a.start : part_a.stop],
        gaps_b[part_b.start : part_b.stop],
    )
    matches: Matches = []
    i = j = 0
    while i < len(steps_a) and j < len(steps_b):
        choice = choices[i][j]
        if choice == _PAIR:
            matches.append((part_a[i], part_b[j]))
        i += choice != _ADD
        j += choice != _DROP
    return matches


def _choices(
    a: Sequence[Features], b: Sequence[Features], gaps_a: Sequence[int], gaps_b: Sequence[int]
) -> list[bytearray]:
    """Return the best choice at each place (Needleman and Wunsch 1970), from there to the end.

    Filled from the end, so that it is read from the beginning: of equal choices a pair comes
    first, then a step of A alone.
    """
    columns = len(b)
    choices = [bytearray(columns + 1) for _ in range(len(a))]
    below = [0] * (columns + 1)
    for j in range(columns - 1, -1, -1):
        below[j] = below[j + 1] + gaps_b[j]
    for i in range(len(a) - 1, -1, -1):
        low, high = _band(i, len(a), columns)
        row = [_NEVER] * (columns + 1)
        chosen, step, gap = choices[i], a[i], gaps_a[i]
        for j in range(high, low - 1, -1):
            best, choice = gap + below[j], _DROP
            if j < columns:
                pair = pair_cost(step, b[j])
                if pair is not None and pair + below[j + 1] <= best:
                    best, choice = pair + below[j + 1], _PAIR
                if gaps_b[j] + row[j + 1] < best:
                    best, choice = gaps_b[j] + row[j + 1], _ADD
            row[j], chosen[j] = best, choice
        below = row
    return choices


def _band(row: int, rows: int, columns: int) -> tuple[int, int]:
    """Return the first and the last column that is looked at: all, unless that were too many."""
    if rows * columns <= CELLS_MAX:
        return 0, columns
    half = max(BAND_MIN, CELLS_MAX // rows // 2, 2 * columns // rows)
    center = row * columns // rows
    return max(0, center - half), min(columns, center + half)
