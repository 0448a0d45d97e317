"""The edits along two runs as rows: identical steps folded. Pure: no page, no client."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Final

from secondtake.backend import formats
from secondtake.backend.models.diffs import Operation, RunDiff, Step, StepEdit
from secondtake.backend.run_diffs import (
    NOTABLE_SHARE,
    Pair,
    pair_words,
    served_words,
    tone_of,
)

OPERATION_ICONS: Final[dict[Operation, str]] = {
    "same": "drag_handle",
    "edited": "edit",
    "moved": "swap_vert",
    "inserted": "add",
    "deleted": "remove",
}
WINDOW_ROWS: Final = 80
"""So many rows are sent and drawn: more than any window shows."""
TURN_ROWS: Final = 40
"""So many rows come, and go at the other end, when the reader nears an end of them."""
ROWS_BEFORE: Final = 10
"""Rows before an open pair that are drawn with it."""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Identical steps that follow each other."""

    pairs: tuple[Pair, ...]

    @property
    def name(self) -> str:
        """Names the fold on the page."""
        return f"fold-{self.pairs[0].number}"

    @property
    def reach(self) -> tuple[int, int]:
        """The places of its first and its last pair along both runs, from 1."""
        return self.pairs[0].number, self.pairs[-1].number

    @property
    def served_from(self) -> str | None:
        """How all of B's were answered, in words; None when they were asked, or differ."""
        return served_words([pair.b for pair in self.pairs])


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
        return tone_of(edit.delta_cost_usd, notable=NOTABLE_SHARE * float(largest))

    def time_tone(self, edit: StepEdit) -> str:
        """Return the class of a difference of time; empty when it matters little."""
        largest_ms = max(self._diff.a.duration_ms or 0, self._diff.b.duration_ms or 0)
        return tone_of(edit.delta_duration_ms, notable=NOTABLE_SHARE * largest_ms)

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


def folded(pairs: Sequence[Pair]) -> list[Pair | Fold]:
    """Return the pairs, with a fold for identical ones that follow each other."""
    rows: list[Pair | Fold] = []
    for is_same, group in groupby(pairs, key=lambda pair: pair.edit.operation == "same"):
        each = tuple(group)
        rows += (Fold(pairs=each),) if is_same else each
    return rows


def unfolded(rows: Sequence[Pair | Fold], opened: Collection[str]) -> list[Pair | Fold]:
    """Return the rows with the pairs of open folds behind them."""
    seen: list[Pair | Fold] = []
    for row in rows:
        seen.append(row)
        if isinstance(row, Fold) and row.name in opened:
            seen += row.pairs
    return seen


def fold_of(rows: Sequence[Pair | Fold], number: int) -> Fold | None:
    """Return the fold that a pair is in; None where it is in none."""
    folds = (row for row in rows if isinstance(row, Fold))
    return next((fold for fold in folds if fold.reach[0] <= number <= fold.reach[1]), None)


def window_of(rows: Sequence[Pair | Fold], *, first: int | None, number: int | None) -> range:
    """Return the places of the rows that are drawn.

    Args:
        rows: all of them.
        first: the first one, as far as there are so many; None: so that a pair is among them.
        number: that pair's; None is the first of all.
    """
    if first is None:
        at = next((place for place, row in enumerate(rows)
                   if isinstance(row, Pair) and row.number == number), 0)  # fmt: skip
        first = at - ROWS_BEFORE if at >= WINDOW_ROWS - ROWS_BEFORE else 0
    first = max(0, min(first, len(rows) - WINDOW_ROWS))
    return range(first, min(first + WINDOW_ROWS, len(rows)))


def pair_title(pair: Pair) -> str:
    """Return which pair it is: `search · LLM call 3 → 4`, `read_file · tool call 2`."""
    return f"{step_name(pair.step)} · {pair_words(pair)}"


def step_name(step: Step) -> str:
    """Return what a step is called: where a model was asked, or the tool."""
    return (step.node or step.name) if step.kind == "llm" else step.name
