"""The edits along two runs as rows: identical steps folded. Pure: no page, no client."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Final

from secondtake.backend import formats
from secondtake.backend.models.diffs import Operation, RunDiff, Step, StepEdit

OPERATIONS: Final[dict[Operation, str]] = {
    "same": "same",
    "edited": "edited",
    "moved": "moved",
    "inserted": "only B",
    "deleted": "only A",
}
"""How each operation is called."""
OPERATION_ICONS: Final[dict[Operation, str]] = {
    "same": "drag_handle",
    "edited": "edit",
    "moved": "swap_vert",
    "inserted": "add",
    "deleted": "remove",
}
NOTABLE_SHARE: Final = 0.05
"""Of a run's money or time; a smaller difference has no colour."""
SERVED: Final = {"recorded": "from the recording", "cache": "from a cache"}
"""Who answered a step, where it was not asked live."""


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
class Fold:
    """Identical steps that follow each other."""

    pairs: tuple[Pair, ...]

    @property
    def name(self) -> str:
        """Names the fold on the page."""
        return f"fold-{self.pairs[0].number}"

    @property
    def served_from(self) -> str | None:
        """How all of B's were answered, in words; None when they were asked, or differ."""
        how = {pair.b.served_from for pair in self.pairs if pair.b is not None}
        return SERVED.get(next(iter(how)) or "") if len(how) == 1 else None


class Written:
    """Amounts of a diff as text, each column in one precision."""

    def __init__(self, diff: RunDiff) -> None:
        self._diff = diff

    def took(self, step: Step) -> str:
        """Return how long a step took."""
        return self._times[id(step)]

    def took_longer(self, edit: StepEdit) -> str:
        """Return by how much B's step took longer."""
        return self._time_deltas[id(edit)]

    def cost_tone(self, edit: StepEdit) -> str:
        """Return the class of a difference of money; empty when it matters little."""
        largest = max(self._diff.a.cost_usd or Decimal(0), self._diff.b.cost_usd or Decimal(0))
        return _tone(edit.delta_cost_usd, NOTABLE_SHARE * float(largest))

    def time_tone(self, edit: StepEdit) -> str:
        """Return the class of a difference of time; empty when it matters little."""
        largest_ms = max(self._diff.a.duration_ms or 0, self._diff.b.duration_ms or 0)
        return _tone(edit.delta_duration_ms, NOTABLE_SHARE * largest_ms)

    @cached_property
    def _times(self) -> dict[int, str]:
        steps = [*self._diff.steps_a, *self._diff.steps_b]
        times = formats.duration_column(step.duration_ms for step in steps)
        return {id(step): text for step, text in zip(steps, times, strict=True)}

    @cached_property
    def _time_deltas(self) -> dict[int, str]:
        edits = self._diff.edits
        steps = [*self._diff.steps_a, *self._diff.steps_b]
        times = formats.duration_delta_column(
            (edit.delta_duration_ms for edit in edits),
            beside_ms=(step.duration_ms for step in steps),
        )
        return {id(edit): text for edit, text in zip(edits, times, strict=True)}


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


def folded(pairs: Sequence[Pair]) -> list[Pair | Fold]:
    """Return the pairs, with a fold for identical ones that follow each other."""
    rows: list[Pair | Fold] = []
    for is_same, group in groupby(pairs, key=lambda pair: pair.edit.operation == "same"):
        each = tuple(group)
        rows += (Fold(pairs=each),) if is_same else each
    return rows


def step_words(step: Step) -> str:
    """Return which step of its run it is: `LLM call 3`, `tool call 2`.

    Searches and the answers of persons are counted among the tool calls, as everywhere.
    """
    return f"{'LLM call' if step.kind == 'llm' else 'tool call'} {step.number}"


def pair_words(pair: Pair) -> str:
    """Return which pair it is: `search · LLM call 3 → 4`, `read_file · tool call 2`."""
    step = pair.step
    words = step_words(step)
    if pair.a is not None and pair.b is not None and pair.a.number != pair.b.number:
        words += f" → {pair.b.number}"
    return f"{step_name(step)} · {words}"


def step_name(step: Step) -> str:
    """Return what a step is called: where a model was asked, or the tool."""
    return (step.node or step.name) if step.kind == "llm" else step.name


def unknown_columns(diff: RunDiff) -> list[str]:
    """Return a class for each column that would say of every step that nothing is known."""
    steps = [*diff.steps_a, *diff.steps_b]
    named = {
        "no-tokens": all(total_tokens(step) is None for step in steps),
        "no-cost": all(step.cost_usd is None for step in steps),
        "no-time": all(step.duration_ms is None for step in steps),
    }
    return [name for name, is_unknown in named.items() if is_unknown]


def total_tokens(step: Step) -> int | None:
    """Return the tokens of a step, in and out; None when neither is known."""
    known = [each for each in (step.input_tokens, step.output_tokens) if each is not None]
    return sum(known) if known else None


def _tone(amount: float | Decimal | None, notable: float) -> str:
    if not amount or abs(float(amount)) < notable:
        return ""
    return "better" if amount < 0 else "worse"
