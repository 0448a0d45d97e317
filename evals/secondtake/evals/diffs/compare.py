"""Two runs in, everything that differs between them out. Pure: no database, no server."""

from collections import Counter
from decimal import Decimal
from typing import Any, get_args

from secondtake.evals.diffs.changes import list_changes
from secondtake.evals.diffs.features import canonical
from secondtake.evals.diffs.model import (
    Change,
    DiffInput,
    DiffSide,
    Operation,
    RunDiff,
    StepEdit,
    TextDiff,
)
from secondtake.evals.diffs.reasons import divergence_reason
from secondtake.evals.diffs.step_edits import minus, step_edits
from secondtake.evals.diffs.texts import compare_texts, indented_json
from secondtake.evals.diffs.verdict import verdict_of


def diff_runs(a: DiffInput, b: DiffInput) -> RunDiff:
    """Return what differs from A, the baseline, to B, the candidate.

    Swapping the sides mirrors it: `inserted` and `deleted` change places, deltas their sign.
    """
    edits = step_edits(a.steps, b.steps)
    first = _first_divergence(edits)
    diff = RunDiff(
        a=a.side,
        b=b.side,
        verdict="",
        steps_a=a.steps,
        steps_b=b.steps,
        edits=edits,
        first_divergence=first,
        divergence_reason=(
            None if first is None else divergence_reason(edits, first, a.steps, b.steps)
        ),
        counts=_counts(edits),
        output=compare_outputs(a, b),
        output_changes=_output_changes(a.output, b.output),
        inputs=list_changes(a.inputs, b.inputs),
        configuration=list_changes(a.configuration, b.configuration),
        state=list_changes(a.state, b.state),
        delta_cost_usd=minus(_cost(b.side), _cost(a.side)),
        delta_duration_ms=minus(b.side.duration_ms, a.side.duration_ms),
        delta_input_tokens=minus(b.side.input_tokens, a.side.input_tokens),
        delta_output_tokens=minus(b.side.output_tokens, a.side.output_tokens),
    )
    return diff.model_copy(update={"verdict": verdict_of(diff)})


def compare_outputs(a: DiffInput, b: DiffInput) -> TextDiff:
    """Return how two outputs differ as texts; what is no text is compared as indented JSON."""
    name_a, name_b = f"A {a.side.short_id}", f"B {b.side.short_id}"
    text_a, text_b = _output_text(a.output), _output_text(b.output)
    diff = compare_texts(text_a, text_b, name_a=name_a, name_b=name_b)
    is_same = canonical(a.output) == canonical(b.output)
    return diff if is_same == diff.is_same else diff.model_copy(update={"is_same": is_same})


def _output_text(output: Any) -> str:
    if output is None:
        return ""
    return output if isinstance(output, str) else indented_json(output)


def _output_changes(a: Any, b: Any) -> list[Change]:
    return [] if isinstance(a, str) and isinstance(b, str) else list_changes(a, b)


def _first_divergence(edits: list[StepEdit]) -> int | None:
    return next((place for place, edit in enumerate(edits) if edit.operation != "same"), None)


def _counts(edits: list[StepEdit]) -> dict[Operation, int]:
    counted = Counter(edit.operation for edit in edits)
    return {operation: counted[operation] for operation in get_args(Operation)}


def _cost(side: DiffSide) -> Decimal | None:
    """Return what a run cost, None as soon as one of its calls has no price."""
    return None if side.unpriced_calls else side.cost_usd
