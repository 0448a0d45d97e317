"""The answers to the same inputs side by side: one column a model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from secondtake.backend import formats
from secondtake.backend.cli.tables import cut
from secondtake.backend.cli.wrapping import GAP, beside, line_of, wrap
from secondtake.backend.models.comparisons import (
    CellRun,
    ComparedAnswer,
    ComparedCase,
    ComparedCell,
    Comparison,
)

COLUMN_CELLS_MIN: Final = 26
LINES_OF_AN_ANSWER: Final = 12
DIFFERS: Final = "≠ "
"""Before the first line of an answer that differs from the baseline's."""
PLAIN: Final = "  "
TIMES: Final = "\N{MULTIPLICATION SIGN}"


def case_lines(case: ComparedCase, comparison: Comparison, width: int) -> list[str]:
    """Return a head, and the answers in blocks of as many columns as fit."""
    head = f"INPUT {formats.one_line(case.case_id)}"
    if case.majority is not None:
        head += f" · {case.majority.count:,} of {case.majority.of:,} answers are the same"
    lines = [head]
    if case.inputs_text:
        lines += [PLAIN + line for _, line in wrap(case.inputs_text, width - len(PLAIN))[:2]]
    for block in _blocks(case.cells, width):
        size = (width - len(GAP) * (len(block) - 1)) // len(block)
        columns = [list(_column(cell, size, comparison)) for cell in block]
        lines += ["", *beside(columns, size)]
    return lines


def _blocks(cells: Sequence[ComparedCell], width: int) -> Iterator[list[ComparedCell]]:
    """Yield groups of columns; the baseline is the first of each, for the eye to compare."""
    fitting = max(1, (width + len(GAP)) // (COLUMN_CELLS_MIN + len(GAP)))
    if len(cells) <= fitting or fitting == 1:
        step = len(cells) if len(cells) <= fitting else 1
        for start in range(0, len(cells), step):
            yield list(cells[start : start + step])
        return
    baseline, others = cells[0], cells[1:]
    for start in range(0, len(others), fitting - 1):
        yield [baseline, *others[start : start + fitting - 1]]


def _column(cell: ComparedCell, width: int, comparison: Comparison) -> Iterator[str]:
    yield cut(formats.one_line(cell.model), width)
    several = len(cell.runs) > 1
    for answer in cell.answers:
        if several:
            yield cut(
                f"{answer.count:,} {TIMES} {_standing(answer, cell, comparison)}".rstrip(), width
            )
        yield from _answer(answer, width)
    yield from (cut(text, width) for text in _without_answer(cell))


def _without_answer(cell: ComparedCell) -> Iterator[str]:
    """Yield what became of the runs that gave no answer, equal ones together."""
    answered = {run_id for answer in cell.answers for run_id in answer.run_ids}
    words = Counter(
        _in_a_word(run) for run in cell.runs if run.status != "ok" or run.run_id not in answered
    )
    for text, count in words.items():
        yield text if count == 1 else f"{text} {TIMES} {count:,}"


def _in_a_word(run: CellRun) -> str:
    if run.status == "running":
        return "… running"
    if run.status != "ok":
        return f"✗ {formats.one_line(run.error_class or run.status)}"
    return formats.UNKNOWN  # it ended well, and no answer was recorded


def _standing(answer: ComparedAnswer, cell: ComparedCell, comparison: Comparison) -> str:
    if cell.model == comparison.models[0].model or answer.is_baseline is None:
        return ""
    return "as the baseline" if answer.is_baseline else "differs"


def _answer(answer: ComparedAnswer, width: int) -> Iterator[str]:
    lines = wrap(formats.visible(answer.text), width - len(PLAIN))
    first = _first_difference(answer)
    marked = None if first is None else line_of(lines, first)
    for number, (_, line) in enumerate(lines[:LINES_OF_AN_ANSWER]):
        yield (DIFFERS if number == marked else PLAIN) + line
    if len(lines) > LINES_OF_AN_ANSWER or answer.total_chars > len(answer.text):
        shown = lines[LINES_OF_AN_ANSWER][0] if len(lines) > LINES_OF_AN_ANSWER else None
        more = answer.total_chars - (len(answer.text) if shown is None else shown)
        where = "" if marked is None or marked < LINES_OF_AN_ANSWER else ", differs there"
        yield cut(f"{PLAIN}… {more:,} more characters{where}", width)


def _first_difference(answer: ComparedAnswer) -> int | None:
    """Return where a text as it is shown begins to differ from the baseline's."""
    if answer.is_baseline is not False:
        return None
    before = ""
    for piece in answer.words or ():
        if piece.operation != "same":
            break
        before += piece.text
    return len(formats.visible(before))
