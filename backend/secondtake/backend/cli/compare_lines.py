"""A comparison of models as lines for a terminal: the table, what failed, and the answers."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from secondtake.backend import formats
from secondtake.backend.cli.compare_grid import TIMES, case_lines
from secondtake.backend.cli.tables import GAP, Column, cells, table
from secondtake.backend.cli.wrapping import wrap
from secondtake.backend.models.comparisons import ComparedModel, Comparison, Share

WIDTH_OF_A_FILE: Final = 120
"""Of answers side by side where nobody looks at a screen."""
CASES_SHOWN: Final = 20
ANSWER_CHARS: Final = 4000
"""So much of an answer is asked for; fewer lines are shown of it."""
FAILURES_SHOWN: Final = 10
SMALLEST_PLACES: Final = 6
SMALL_USD: Final = Decimal("0.001")
"""A column whose largest amount is below gets more decimal places."""

_Titled = tuple[Column, list[str], int]
"""A column, its cells, and how soon it is left out where the screen is narrow: 0 is never."""


def comparison_lines(comparison: Comparison, width: int | None) -> list[str]:
    """Return the lines that `secondtake compare` prints.

    Args:
        comparison: with the cases whose answers are to be shown.
        width: cells of a line; None is no limit.
    """
    lines = [_head(comparison), formats.one_line(comparison.verdict), ""]
    lines += [*_table(comparison, width), *_notes(comparison)]
    lines += _failures(comparison, width or WIDTH_OF_A_FILE)
    for case in comparison.cases:
        lines += ["", *case_lines(case, comparison, width or WIDTH_OF_A_FILE)]
    more = comparison.case_count - len(comparison.cases)
    if comparison.cases and more > 0:
        lines += ["", f"and {formats.counted(more, 'more input')}: --json has all of them"]
    return [*lines, "", f"secondtake compare --show {comparison.experiment_id}"]


def _head(comparison: Comparison) -> str:
    parts = [
        formats.one_line(comparison.name or "comparison"),
        formats.counted(len(comparison.models), "model"),
        formats.counted(comparison.case_count, "input"),
    ]
    if comparison.repeats not in (None, 1):
        parts.append(formats.counted(comparison.repeats or 0, "repeat"))
    runs = comparison.planned_runs or comparison.ended_runs + comparison.running_runs
    parts.append(formats.counted(runs, "run"))
    if comparison.status != "ended":
        parts.append(comparison.status)
    return " · ".join(parts)


def _table(comparison: Comparison, width: int | None) -> list[str]:
    columns = list(_columns(comparison.models))
    while width is not None and _breadth(columns) > width:
        least = max(columns, key=lambda each: each[2])
        if not least[2]:
            break
        columns.remove(least)
    rows = [
        [column_cells[row] for _, column_cells, _ in columns]
        for row in range(len(comparison.models))
    ]
    return table([column for column, _, _ in columns], rows, width=width)


def _breadth(columns: Sequence[_Titled]) -> int:
    sizes = [
        min(size, column.shrinks_to or size)
        for column, texts, _ in columns
        for size in [max(cells(column.title), *map(cells, texts))]
    ]
    return sum(sizes) + len(GAP) * (len(sizes) - 1)


def _columns(rows: Sequence[ComparedModel]) -> Iterator[_Titled]:
    """Yield the columns from left to right; those without news are left out."""
    yield Column(title="MODEL", shrinks_to=16), [formats.one_line(row.model) for row in rows], 0
    if len(rows) > 1:
        alike = ["baseline" if row.is_baseline else share(row.same_as_baseline) for row in rows]
        yield Column(title="AS BASELINE", right=True), alike, 0
    if len(rows) > 2:
        yield _numbers("AS MAJORITY"), [share(row.same_as_majority) for row in rows], 1
    if any(row.same_as_itself for row in rows):
        yield _numbers("AS ITSELF"), [share(row.same_as_itself) for row in rows], 3
    totals = [row.spending.total_usd for row in rows]
    yield _numbers("COST"), _costs(rows, totals, formats.LIST_PLACES), 2
    per_run = [row.spending.per_run_usd for row in rows]
    yield _numbers("A RUN"), _costs(rows, per_run, formats.CALL_PLACES), 0
    latencies = [row.latency for row in rows]
    medians = [formats.duration(each.p50_ms if each else None) for each in latencies]
    yield _numbers("P50"), medians, 0
    if any(each and each.p95_ms is not None for each in latencies):
        yield _numbers("P95"), [formats.duration(e.p95_ms if e else None) for e in latencies], 4
    if any(each and each.runs > 1 for each in latencies):
        yield _numbers("RANGE"), [_range(row) for row in rows], 5
    tokens = [formats.tokens_in_out(r.tokens.input_tokens, r.tokens.output_tokens) for r in rows]
    yield _numbers("TOKENS"), tokens, 6
    yield _numbers("FAILED"), [_failed(row) for row in rows], 0


def _numbers(title: str) -> Column:
    return Column(title=title, right=True)


def share(part: Share | None) -> str:
    """Return a part as counts: `7 of 9`."""
    return formats.UNKNOWN if part is None else f"{part.count:,} of {part.of:,}"


def _costs(
    rows: Sequence[ComparedModel], amounts: Sequence[Decimal | None], places: int
) -> list[str]:
    """Return a column of money in one precision; marked where it is simulated or not all."""
    largest = max((amount for amount in amounts if amount is not None), default=Decimal(1))
    places = SMALLEST_PLACES if largest < SMALL_USD else places
    shown = formats.money_column(amounts, places=places)
    return [
        text + _mark(row, amount) for row, amount, text in zip(rows, amounts, shown, strict=True)
    ]


def _mark(row: ComparedModel, amount: Decimal | None) -> str:
    if amount is None:
        return ""
    return (formats.SIMULATED if row.spending.simulated else "") + (
        "+" if row.spending.unpriced_calls else ""
    )


def _range(row: ComparedModel) -> str:
    if row.latency is None or row.latency.runs == 1:
        return formats.UNKNOWN
    ends = formats.duration(row.latency.min_ms), formats.duration(row.latency.max_ms)
    return " \N{EN DASH} ".join(ends)


def _failed(row: ComparedModel) -> str:
    parts = [f"{row.failed:,} of {row.ok + row.failed:,}"]
    parts += [f"{row.cancelled:,} cancelled"] if row.cancelled else []
    parts += [f"{row.running:,} running"] if row.running else []
    return ", ".join(parts)


def _notes(comparison: Comparison) -> Iterator[str]:
    rows = comparison.models
    if any(row.spending.simulated for row in rows):
        yield formats.SIMULATED_NOTE
    for row in rows:
        if row.spending.unpriced_calls:
            calls = formats.counted(row.spending.unpriced_calls, "call")
            verb = "has" if row.spending.unpriced_calls == 1 else "have"
            known = "its cost is higher" if row.spending.total_usd else "its cost is unknown"
            yield f"+ {formats.one_line(row.model)}: {calls} {verb} no known price, {known}"
    if len(rows) > 2 and comparison.without_majority:
        inputs = formats.counted(comparison.case_count, "input")
        yield f"no answer has a majority in {comparison.without_majority:,} of {inputs}"


def _failures(comparison: Comparison, width: int) -> Iterator[str]:
    found = [(row.model, each) for row in comparison.models for each in row.failures]
    if found:
        yield ""
        yield "FAILURES"
    for model, failure in found[:FAILURES_SHOWN]:
        name = f"{formats.one_line(model)} · {failure.count:,} {TIMES} {failure.error_class}"
        yield f"  {formats.one_line(name)}"
        for _, line in wrap(formats.one_line(failure.reason), max(width - 4, 20)):
            yield f"    {line}"
    if len(found) > FAILURES_SHOWN:
        yield f"  and {len(found) - FAILURES_SHOWN:,} more kinds: --json has all of them"
