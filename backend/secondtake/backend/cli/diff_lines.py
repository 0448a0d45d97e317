"""A diff as lines for a terminal; every mark is a sign as well, so that colour is no news."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from secondtake.backend import formats
from secondtake.backend.cli.diff_shape import (
    TEXTS,
    Row,
    compared_texts,
    news,
    parting_steps,
    rows_of,
    step_texts,
    step_title,
)
from secondtake.backend.cli.tables import Column, coloured_status, cut, table
from secondtake.backend.cli.values import clip, one_line_value
from secondtake.backend.models.diffs import (
    Change,
    DiffSide,
    RunDiff,
    TextDiff,
    WordPiece,
)
from secondtake.backend.run_diffs import OPERATIONS, count_words, elided, step_words
from secondtake.backend.word_diffs import diff_words

A_COLOUR: Final = "cyan"
B_COLOUR: Final = "yellow"
FACT_WIDTH: Final = 8
STEPS_SHOWN: Final = 200
CHANGES_SHOWN: Final = 40
VALUE_CHARS: Final = 160
DETAIL_CHARS: Final = 900
ANSWER_CHARS: Final = 6000
AROUND: Final = 160
"""Characters that are shown beside a change."""
UNIFIED_LINES: Final = 200

_MARKS: Final = {"changed": "~", "added": "+", "removed": "-"}
_BASE: Final = (
    Column(title=""),
    Column(title="A", right=True),
    Column(title="B", right=True),
    Column(title="NODE", shrinks_to=8),
    Column(title="STEP", shrinks_to=14),
)
_WHY: Final = Column(title="WHAT DIFFERS", shrinks_to=16)
_COST: Final = Column(title="Δ COST", right=True)
_TIME: Final = Column(title="Δ TIME", right=True)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How lines are drawn."""

    width: int | None
    """Cells of a line; None is no limit."""
    coloured: bool

    def paint(self, text: str, **style: Any) -> str:
        """Return text in a colour, or as it is."""
        return click.style(text, **style) if self.coloured else text

    def a(self, text: str) -> str:
        """Return what belongs to the baseline."""
        return self.paint(text, fg=A_COLOUR)

    def b(self, text: str) -> str:
        """Return what belongs to the candidate."""
        return self.paint(text, fg=B_COLOUR)


def diff_lines(diff: RunDiff, look: Look) -> list[str]:
    """Return the lines that `secondtake diff` prints."""
    simulated = diff.a.simulated or diff.b.simulated
    return [
        look.paint(formats.one_line(diff.verdict), bold=True),
        "",
        *_side_lines(diff, look),
        "",
        *_step_lines(diff, look),
        *_answer_lines(diff, look),
        *_change_lines("inputs", diff.inputs, look),
        *_change_lines("configuration", diff.configuration, look),
        *_change_lines("state at the end", diff.state, look),
        *([formats.SIMULATED_NOTE] if simulated else []),
        _next_line(diff),
    ]


def _side_lines(diff: RunDiff, look: Look) -> Iterator[str]:
    for letter, side, paint in (("A", diff.a, look.a), ("B", diff.b, look.b)):
        status = coloured_status(side.status) if look.coloured else side.status
        name = formats.one_line(side.name or "run")
        how = f" · {formats.one_line(side.how)}" if side.how else ""
        yield f"{paint(letter)}  {paint(side.short_id)}  {name} · {status}{how}"
    yield ""
    columns = (
        Column(title=""),
        Column(title="A", right=True),
        Column(title="B", right=True),
        Column(title="CHANGE", right=True),
    )
    for line in table(columns, list(_facts(diff)), width=None):
        yield f"  {line}"


def _facts(diff: RunDiff) -> Iterator[list[str]]:
    a, b = diff.a, diff.b
    models = [formats.one_line(", ".join(each.models)) or formats.UNKNOWN for each in (a, b)]
    yield ["model", *models, "" if a.models == b.models else "differs"]
    cost = formats.money_delta(diff.delta_cost_usd, places=formats.CALL_PLACES)
    yield ["cost", _cost(a), _cost(b), _with_share(cost, a.cost_usd, b.cost_usd)]
    took = formats.duration_delta(diff.delta_duration_ms)
    times = formats.duration(a.duration_ms), formats.duration(b.duration_ms)
    yield ["time", *times, _with_share(took, a.duration_ms, b.duration_ms)]
    for name, before, after, delta in (
        ("tokens in", a.input_tokens, b.input_tokens, diff.delta_input_tokens),
        ("tokens out", a.output_tokens, b.output_tokens, diff.delta_output_tokens),
        ("LLM calls", a.llm_calls, b.llm_calls, b.llm_calls - a.llm_calls),
        ("tool calls", a.tool_calls, b.tool_calls, b.tool_calls - a.tool_calls),
    ):
        change = _with_share(formats.tokens_delta(delta), before, after)
        yield [name, formats.tokens(before), formats.tokens(after), change]
    for name in dict.fromkeys([*a.scores, *b.scores]):
        yield [f"score {formats.one_line(name)}", *_scores(a.scores.get(name), b.scores.get(name))]


def _scores(before: float | None, after: float | None) -> list[str]:
    shown = [formats.UNKNOWN if each is None else f"{each:g}" for each in (before, after)]
    if before is None or after is None:
        return [*shown, formats.UNKNOWN]
    return [*shown, formats.number_delta(after - before)]


def _cost(side: DiffSide) -> str:
    text = formats.money(side.cost_usd, places=formats.CALL_PLACES)
    if side.cost_usd is None:
        return text
    text += formats.SIMULATED if side.simulated else ""
    return f"≥{text}" if side.unpriced_calls else text


def _with_share(change: str, before: Any, after: Any) -> str:
    share = formats.percent_change(before, after)
    return f"{change} ({share})" if share and change not in ("±0", formats.UNKNOWN) else change


def _step_lines(diff: RunDiff, look: Look) -> Iterator[str]:
    rows = rows_of(diff)
    if not rows:
        yield "Neither run made a call."
        yield ""
        return
    yield f"steps  {' · '.join(count_words(diff))}"
    yield ""
    shown = rows[:STEPS_SHOWN]
    has_cost = any(row.edit.delta_cost_usd is not None for row in shown)
    has_time = any(row.edit.delta_duration_ms is not None for row in shown)
    lines = _table(shown, look, has_cost=has_cost, has_time=has_time, diff=diff)
    if any(not row.same for row in shown):
        yield f"  {lines[0]}"
    for row, line in zip(shown, lines[1:], strict=True):
        if row.is_first:
            yield from _divergence_lines(diff, look)
        yield from _row_lines(row, line, look)
        if row.is_first:
            yield from (f"      {each}" for each in _parting_lines(row, diff, look))
    if len(rows) > len(shown):
        yield f"  ... {formats.counted(len(rows) - len(shown), 'more row')}: `--html` has all"
    unknown = [name for name, known in (("costs", has_cost), ("times", has_time)) if not known]
    if unknown:
        yield f"  (the {' and '.join(unknown)} of single steps are unknown)"
    yield ""


def _table(
    rows: Sequence[Row], look: Look, *, has_cost: bool, has_time: bool, diff: RunDiff
) -> list[str]:
    columns = [*_BASE, _WHY, *([_COST] if has_cost else []), *([_TIME] if has_time else [])]
    mark = formats.SIMULATED if diff.a.simulated or diff.b.simulated else ""
    cells: list[list[str]] = []
    times = formats.duration_delta_column(row.edit.delta_duration_ms for row in rows)
    for row, took in zip(rows, times, strict=True):
        if row.same:
            cells.append([""] * len(columns))
            continue
        cost = formats.money_delta(row.edit.delta_cost_usd, places=formats.CALL_PLACES)
        is_money = cost not in (formats.UNKNOWN, "±0")
        nodes = [each.node or "" for each in (row.a, row.b) if each is not None]
        line = [
            OPERATIONS[row.edit.operation],
            _position(row.edit.a),
            _position(row.edit.b),
            formats.one_line(" → ".join(dict.fromkeys(nodes))),
            step_title(row),
            formats.one_line(row.edit.why or ", ".join(row.edit.fields)),
        ]
        line += [cost + (mark if is_money else " " * len(mark))] if has_cost else []
        line += [took] if has_time else []
        cells.append(line)
    if not any(line[3] for line in cells):
        columns = [column for column in columns if column is not _BASE[3]]
        cells = [line[:3] + line[4:] for line in cells]
    return table(columns, cells, width=None if look.width is None else look.width - 2)


def _position(index: int | None) -> str:
    return "·" if index is None else str(index + 1)


def _divergence_lines(diff: RunDiff, look: Look) -> Iterator[str]:
    reason = formats.one_line(diff.divergence_reason or "")
    text = f"▶ first divergence: {reason}".rstrip(": ")
    yield f"  {look.paint(text, bold=True)}"


def _row_lines(row: Row, line: str, look: Look) -> Iterator[str]:
    if row.same:
        steps = formats.counted(len(row.same), "identical step")
        yield f"  {look.paint(f'= {steps}', dim=True)}"
        return
    paint = {"deleted": look.a, "inserted": look.b}.get(row.edit.operation, str)
    yield f"  {paint(line)}"


def _parting_lines(row: Row, diff: RunDiff, look: Look) -> Iterator[str]:
    """Yield what the runs say where they part."""
    if row.a is not None and row.b is not None:
        for name, (before, after) in compared_texts(row).items():
            if before != after:
                pieces = diff_words(before, after).pieces
                yield from _titled(name, _marked(pieces, look, limit=DETAIL_CHARS), look)
        return
    a, b = parting_steps(diff)
    for letter, step, other, paint in (("A", a, b, look.a), ("B", b, a, look.b)):
        if step is None:
            continue
        yield paint(f"{letter} {step_words(step)}")
        texts = step_texts(step)
        if other is not None:
            texts["sent"] = news(step, other)
        for name in TEXTS:
            if texts.get(name):
                shown = formats.visible(clip(texts[name], DETAIL_CHARS)).split("\n")
                yield from _titled(name, [paint(line) for line in shown], look)


def _titled(name: str, lines: Sequence[str], look: Look) -> Iterator[str]:
    yield f"  {look.paint(f'{name:<9}', dim=True)} {lines[0]}"
    yield from (f"{'':11} {line}".rstrip() for line in lines[1:])


def _answer_lines(diff: RunDiff, look: Look) -> Iterator[str]:
    if diff.output.is_same:
        yield "final answer  the same"
    else:
        yield "final answer  [-only in A-] {+only in B+}"
        if diff.output.pieces:
            lines = _marked(diff.output.pieces, look, limit=ANSWER_CHARS)
        else:
            lines = _marked_by_line(diff.output, look)
        yield from (f"  {line}".rstrip() for line in lines)
    yield ""


def _marked(pieces: Sequence[WordPiece], look: Look, *, limit: int) -> list[str]:
    """Return texts compared by word: `[-removed-]`, `{+added+}`, and long stretches left out."""
    text = ""
    for piece, hidden in elided(pieces, around=AROUND, limit=limit):
        text += _mark(piece, look)
        if hidden:
            text += look.paint(f"[… {hidden:,} characters …]", dim=True)
    return text.split("\n")


def _mark(piece: WordPiece, look: Look) -> str:
    shown = formats.visible(piece.text)
    if piece.operation == "same" or not shown:
        return shown
    opening, closing, paint = (
        ("[-", "-]", look.a) if piece.operation == "removed" else ("{+", "+}", look.b)
    )
    # By line, so that no colour runs on into what is put before the next one.
    marked = (paint(f"{opening}{each}{closing}") if each else "" for each in shown.split("\n"))
    return "\n".join(marked)


def _marked_by_line(text: TextDiff, look: Look) -> list[str]:
    lines = formats.visible(text.unified).split("\n")
    shown = [_line(line, look) for line in lines[:UNIFIED_LINES]]
    if len(lines) > len(shown):
        shown.append(f"... {formats.counted(len(lines) - len(shown), 'more line')}: `--html`")
    return shown


def _line(line: str, look: Look) -> str:
    if look.width is not None:
        line = cut(line, look.width - 2)
    paint = {"-": look.a, "+": look.b}.get(line[:1], str)
    return paint(line)


def _change_lines(title: str, changes: Sequence[Change], look: Look) -> Iterator[str]:
    if not changes:
        return
    yield f"{title}  {formats.counted(len(changes), 'change')}"
    for change in changes[:CHANGES_SHOWN]:
        path = formats.one_line(change.path) or "(the value itself)"
        values = [look.a(_shown(change.a))] if change.kind != "added" else []
        values += [look.b(_shown(change.b))] if change.kind != "removed" else []
        yield f"  {_MARKS[change.kind]} {path}  {' → '.join(values)}"
    if len(changes) > CHANGES_SHOWN:
        more = formats.counted(len(changes) - CHANGES_SHOWN, "more change")
        yield f"  ... {more}: `--json` has all"
    yield ""


def _shown(value: Any) -> str:
    line = one_line_value(value) if not isinstance(value, str) else f'"{one_line_value(value)}"'
    return cut(line, VALUE_CHARS)


def _next_line(diff: RunDiff) -> str:
    return f"secondtake diff {diff.a.short_id} {diff.b.short_id} --html diff.html"
