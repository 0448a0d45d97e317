"""The sentence above a diff: what changed, the most important first."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from secondtake.evals.diffs.model import DiffSide, Field, RunDiff, Step, StepEdit
from secondtake.evals.diffs.wording import (
    clipped,
    counted,
    dollars,
    duration,
    joined,
    step_words,
)

NOTABLE_SHARE: Final = Decimal("0.01")
"""Smaller differences of money are not worth a word."""
NOTABLE_TIME_SHARE: Final = 0.05
NOTABLE_TIME_MS: Final = 50.0
"""Two times that are closer are told apart by chance."""
SCORES_NAMED_MAX: Final = 2

SERVED: Final = ("recorded", "cache")
_ASKED: Final[frozenset[Field]] = frozenset({"model", "messages", "tools", "parameters"})
_ENDS: Final = {
    "ok": "ended well",
    "error": "failed",
    "interrupted": "was interrupted",
    "cancelled": "was cancelled",
    "budget_exceeded": "ran out of its budget",
    "running": "is still running",
}


def verdict_of(diff: RunDiff) -> str:
    """Return one sentence that answers what changed from A to B.

    Args:
        diff: all of it but the verdict itself.
    """
    clauses: list[str] = []
    is_named = False
    for clause in _clauses(diff):
        is_clear = is_named and not any("A" in words.split() for words in clauses)
        is_named = is_named or "{B}" in clause
        clauses.append(clause.replace("{B}", "it" if is_clear else "B", 1))
    sentence = "; ".join(clauses)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _clauses(diff: RunDiff) -> Iterator[str]:
    """Yield what there is to say; `{B}` stands for the candidate."""
    is_all_same = (
        diff.first_divergence is None and diff.output.is_same and diff.a.status == diff.b.status
    )
    if is_all_same:
        yield _did_the_same(diff)
    elif diff.a.status != diff.b.status:
        yield f"{{B}} {_end(diff.b)}, A {_end(diff.a)}"
    elif diff.a.status != "ok":
        yield f"both {_end(diff.a).replace('was', 'were').replace('is', 'are')}"
    yield from _money_and_time(diff)
    yield from _scores(diff.a, diff.b)
    yield from _answered_by_recording(diff)
    if not is_all_same:
        yield _where_they_part(diff)
    yield from _unknown_cost(diff)


def _end(side: DiffSide) -> str:
    return _ENDS.get(side.status, f"ended as {clipped(side.status)}")


def _did_the_same(diff: RunDiff) -> str:
    """Return that no step and no output differs, and what does though."""
    unknown = any(
        diff.steps_a[edit.a].kind == "llm"
        and None in (diff.steps_a[edit.a].messages_hash, diff.steps_b[edit.b].messages_hash)
        for edit in diff.edits
        if edit.a is not None and edit.b is not None
    )
    words = "both did the same as far as was recorded" if unknown else "both did exactly the same"
    if not diff.edits:
        words = "neither made a call, and both ended the same way"
    if diff.a.status != "ok":
        words += f", and {_end(diff.a).replace('was', 'were').replace('is', 'are')}"
    named = {"inputs": diff.inputs, "configurations": diff.configuration, "states": diff.state}
    differing = [name for name, changes in named.items() if changes]
    return f"{words}, though their {joined(differing)} differ" if differing else words


def _money_and_time(diff: RunDiff) -> Iterator[str]:
    before, after = _full_cost(diff.a, diff.steps_a), _full_cost(diff.b, diff.steps_b)
    if before is not None and after is not None and before == 0 and after > 0:
        yield f"{{B}} costs {dollars(after)}, A costs nothing"
    gains = [*_money(diff, before, after), *_time(diff)]
    if gains:
        yield f"{{B}} is {joined(gains)}"


def _full_cost(side: DiffSide, steps: list[Step]) -> Decimal | None:
    """Return what a run costs when each call is paid, also those that a recording answered.

    Without that, each replay would read as a saving. None when it is unknown.
    """
    total = None if side.unpriced_calls else side.cost_usd
    for step in steps:
        if total is None or step.kind != "llm":
            continue
        if step.served_from in SERVED:
            avoided = step.avoided_cost_usd
            total = None if avoided is None else total + avoided
    return total


def _money(diff: RunDiff, before: Decimal | None, after: Decimal | None) -> Iterator[str]:
    if before is None or after is None or before == 0:
        return
    share = (after - before) / before
    if abs(share) < NOTABLE_SHARE:
        return
    words = _share_words(share)
    if diff.a.simulated or diff.b.simulated:
        words += " at simulated prices"
    yield words + (" with every call paid" if _served(diff) else "")


def _share_words(share: Decimal) -> str:
    """Return a change of money, without digits that it does not have."""
    if share >= 1:
        return f"{(1 + share).quantize(Decimal('0.1'), ROUND_HALF_EVEN):,f} times as expensive"
    percent = (abs(share) * 100).quantize(Decimal(1), ROUND_HALF_EVEN)
    if percent == 100 and share > -1:
        return "over 99 % cheaper"
    return f"{percent:f} % {'cheaper' if share < 0 else 'more expensive'}"


def _time(diff: RunDiff) -> Iterator[str]:
    """Yield which was faster; nothing when a recording answered, which takes no time."""
    change_ms, before_ms = diff.delta_duration_ms, diff.a.duration_ms
    if change_ms is None or before_ms is None or _served(diff):
        return
    if abs(change_ms) >= max(NOTABLE_TIME_MS, NOTABLE_TIME_SHARE * before_ms):
        yield f"{duration(abs(change_ms))} {'faster' if change_ms < 0 else 'slower'}"


def _unknown_cost(diff: RunDiff) -> Iterator[str]:
    before, after = _full_cost(diff.a, diff.steps_a), _full_cost(diff.b, diff.steps_b)
    if before is None and after is None:
        if diff.edits:
            yield "what they cost is unknown"
    elif after is None:
        yield f"what B costs is unknown{_unpriced(diff.b)}"
    elif before is None:
        yield f"{{B}} costs {dollars(after)}, what A costs is unknown{_unpriced(diff.a)}"


def _unpriced(side: DiffSide) -> str:
    if not side.unpriced_calls:
        return ""
    return f" ({counted(side.unpriced_calls, 'call')} without a price)"


def _scores(a: DiffSide, b: DiffSide) -> Iterator[str]:
    changes = [(b.scores[name] - a.scores[name], name) for name in a.scores if name in b.scores]
    notable = [(change, name) for change, name in changes if round(abs(change), 2) > 0]
    notable.sort(key=lambda scored: (-abs(scored[0]), scored[1]))
    words = [
        f"{abs(change):.2f} {'lower' if change < 0 else 'higher'} on `{clipped(name)}`"
        for change, name in notable[:SCORES_NAMED_MAX]
    ]
    if words:
        yield f"{{B}} scores {joined(words)}"


def _served(diff: RunDiff) -> bool:
    return any(step.served_from in SERVED for step in (*diff.steps_a, *diff.steps_b))


def _answered_by_recording(diff: RunDiff) -> Iterator[str]:
    for name, steps in (("{B}", diff.steps_b), ("A", diff.steps_a)):
        served = sum(step.served_from in SERVED for step in steps)
        if served:
            yield f"{name} had {_part(served, len(steps))} answered by the recording"


def _part(some: int, of_all: int) -> str:
    if some == of_all:
        return "its only call" if of_all == 1 else f"all {of_all:,} calls"
    return f"{some:,} of its {of_all:,} calls"


def _where_they_part(diff: RunDiff) -> str:
    if diff.first_divergence is None:
        words = "{B} makes the same calls"
        return words if diff.output.is_same else f"{words}, but ends with another answer"
    differing = [edit for edit in diff.edits if edit.operation != "same"]
    words = _course(diff, differing)
    if diff.a.status != diff.b.status or not diff.output.pieces:
        return words
    if diff.output.is_same:
        link = "and" if words.endswith(("the same answers", "another order")) else "but"
        return f"{words}, {link} the final answer is the same"
    return f"{words}, and the final answer is another"


def _course(diff: RunDiff, differing: list[StepEdit]) -> str:
    """Return in which steps B leaves A."""
    if all(edit.operation == "moved" for edit in differing):
        return "{B} makes the same calls in another order"
    if all(edit.operation == "edited" and _ASKED.issuperset(edit.fields) for edit in differing):
        requests = counted(len(differing), "request")
        return f"{{B}} sends {requests} that differ and gets the same answers"
    first = differing[0]
    a, b = _step(diff.steps_a, first.a), _step(diff.steps_b, first.b)
    rest = {edit.operation for edit in diff.edits[diff.edits.index(first) :]}
    if b is None and a is not None and rest == {"deleted"}:
        return f"{{B}} ends before {step_words(a)} of A"
    if a is None and b is not None and rest == {"inserted"}:
        return f"{{B}} goes on with {step_words(b)}, where A ends"
    if len(differing) == 1:
        return _only(a, b)
    if b is None:
        following = (edit.b for edit in differing if edit.b is not None)
        b = _step(diff.steps_b, next(following, None))
    if b is None:
        return f"{{B}} leaves out {counted(len(differing), 'step')} of A"
    return f"from {step_words(b)} on {{B}} goes another way"


def _only(a: Step | None, b: Step | None) -> str:
    if b is None:
        return f"only {step_words(a)} of A is missing" if a is not None else ""
    return f"only {step_words(b)} {'is new' if a is None else 'differs'}"


def _step(steps: list[Step], index: int | None) -> Step | None:
    return None if index is None else steps[index]
