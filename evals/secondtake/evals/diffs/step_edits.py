"""The edits that lead from the steps of A to those of B, in one well-defined order.

Pairs stand in the order of both runs. Between two pairs, the steps of A alone come before those of
B alone. A moved step stands at the earlier of its two places, so that nothing differs before the
first edit that is not `same`. So, moved steps aside, the order of each side is kept, and swapping
the sides swaps `inserted` and `deleted` within each stretch between two pairs.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import TypeVar

from secondtake.evals.diffs.alignment import Matches, align
from secondtake.evals.diffs.features import Features, features_of
from secondtake.evals.diffs.model import Field, Operation, Step, StepEdit
from secondtake.evals.diffs.reasons import why_edited, why_moved

Number = TypeVar("Number", int, float, Decimal)


def step_edits(steps_a: Sequence[Step], steps_b: Sequence[Step]) -> list[StepEdit]:
    """Return how the steps of B differ from those of A; every step is in exactly one edit."""
    a, b = [features_of(step) for step in steps_a], [features_of(step) for step in steps_b]
    matches = align(a, b)
    moves = _moves(a, b, matches)
    edits: list[StepEdit] = []
    for i, j in _ordered(len(a), len(b), matches, moves):
        step_a = steps_a[i] if i is not None else None
        step_b = steps_b[j] if j is not None else None
        fields: list[Field] = []
        operation: Operation = "inserted" if i is None else "deleted"
        why = None
        if i is not None and j is not None:
            fields = differing_fields(a[i], b[j])
            operation = "edited" if fields else "same"
            why = why_edited(steps_a[i], steps_b[j], fields)
            if i in moves:
                operation, why = "moved", why_moved(steps_a[i], steps_b[j])
        edits.append(_edit(operation, i, j, fields, why, step_a, step_b))
    return edits


def differing_fields(a: Features, b: Features) -> list[Field]:
    """Return what differs in a pair, in the order of `Field`.

    What was not recorded on either side is unknown, and not different. Of an LLM call whose
    messages are unknown no part of the request is compared, but for the model.
    """
    is_known = a.messages_hash is not None and b.messages_hash is not None
    hashed = a.is_llm and is_known
    differs: dict[Field, bool] = {
        "node": a.node != b.node,
        "name": not a.is_llm and a.name != b.name,
        "model": a.is_llm and _asks_other_model(a, b),
        "messages": hashed and _differ(a.messages_hash, b.messages_hash),
        "tools": hashed and _differ(a.tools_hash, b.tools_hash),
        "parameters": hashed and _differ(a.parameters_hash, b.parameters_hash),
        "arguments": not a.is_llm and a.arguments != b.arguments,
        "answer": a.answer != b.answer or a.asked_for != b.asked_for,
        "error": a.error != b.error,
    }
    return [field for field, is_different in differs.items() if is_different]


def paid_usd(step: Step | None) -> Decimal | None:
    """Return what a step cost: 0 where there is none, or when a recording or cache answered."""
    if step is None:
        return Decimal(0)
    if step.cost_usd is None and step.served_from in ("recorded", "cache"):
        return Decimal(0)
    return step.cost_usd


def minus(b: Number | None, a: Number | None) -> Number | None:
    """Return `b - a`, None when either is unknown."""
    return None if a is None or b is None else b - a


def _asks_other_model(a: Features, b: Features) -> bool:
    if a.model_hash is None or b.model_hash is None:
        return a.name != b.name
    return a.model_hash != b.model_hash


def _differ(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a != b


def _edit(
    operation: Operation,
    i: int | None,
    j: int | None,
    fields: list[Field],
    why: str | None,
    a: Step | None,
    b: Step | None,
) -> StepEdit:
    return StepEdit(
        operation=operation,
        a=i,
        b=j,
        fields=fields,
        why=why,
        delta_cost_usd=minus(paid_usd(b), paid_usd(a)),
        delta_duration_ms=minus(b.duration_ms if b else 0.0, a.duration_ms if a else 0.0),
        delta_input_tokens=minus(b.input_tokens if b else 0, a.input_tokens if a else 0),
        delta_output_tokens=minus(b.output_tokens if b else 0, a.output_tokens if a else 0),
    )


def _moves(a: Sequence[Features], b: Sequence[Features], matches: Matches) -> dict[int, int]:
    """Return the steps of A without a pair that a step of B without a pair is the same as."""
    paired_a, paired_b = {i for i, _ in matches}, {j for _, j in matches}
    waiting: dict[bytes, list[int]] = defaultdict(list)
    for j in range(len(b) - 1, -1, -1):
        if j not in paired_b:
            waiting[b[j].identity].append(j)
    moves: dict[int, int] = {}
    for i, step in enumerate(a):
        if i not in paired_a and waiting.get(step.identity):
            moves[i] = waiting[step.identity].pop()
    return moves


def _ordered(
    count_a: int, count_b: int, matches: Matches, moves: dict[int, int]
) -> list[tuple[int | None, int | None]]:
    """Return the indices of each edit, in the order of this module's docstring."""
    pairs_a, pairs_b = [i for i, _ in matches], [j for _, j in matches]
    source_of = {j: i for i, j in moves.items()}
    placed: list[tuple[int, int, int, tuple[int | None, int | None]]] = [
        (number, 2, 0, match) for number, match in enumerate(matches)
    ]
    paired_a, paired_b = set(pairs_a), set(pairs_b)
    for i in range(count_a):
        if i not in paired_a:
            gap, target = bisect_left(pairs_a, i), moves.get(i)
            if target is None or gap <= bisect_left(pairs_b, target):
                placed.append((gap, 0, i, (i, target)))
    for j in range(count_b):
        if j not in paired_b:
            gap, source = bisect_left(pairs_b, j), source_of.get(j)
            if source is None or gap < bisect_left(pairs_a, source):
                placed.append((gap, 1, j, (source, j)))
    return [indices for *_, indices in sorted(placed, key=lambda place: place[:3])]
