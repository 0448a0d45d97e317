"""The grid of answers: one column a model, one row a case, differing words marked. Pure."""

from typing import Final
from uuid import UUID

from secondtake.backend.formats import UNKNOWN, counted, duration, money, visible
from secondtake.backend.models.comparisons import (
    CellRun,
    ComparedAnswer,
    ComparedCase,
    ComparedCell,
    Comparison,
)
from secondtake.studio.compare_page.table import share
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.navigation import run_address
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.theme.tokens import STATUS_COLOURS, STATUS_ICONS

CASES_AT_ONCE: Final = 10
ANSWER_CHARS: Final = 20_000
"""Of an answer; a longer one is read on the page of its run."""
COLUMN_PX: Final = 260
INPUTS_PX: Final = 150
PAGE_ACT: Final = "page"
RUNS_SHOWN: Final = 2
"""Of the runs that gave an answer."""


def grid(comparison: Comparison) -> Html:
    """Return the grid of the cases that were asked for."""
    columns = [f"{INPUTS_PX}px", *[f"minmax({COLUMN_PX}px, 1fr)"] * len(comparison.models)]
    style = {"grid-template-columns": " ".join(columns)}
    heads = [
        el("div", el("b", name_line(model.model), cls="cut", title=name_line(model.model)),
           el("span", "baseline", cls="chip side-chip") if model.is_baseline else None,
           cls="grid-head")
        for model in comparison.models
    ]  # fmt: skip
    rows = [part for case in comparison.cases for part in _case(case)]
    return el(
        "div",
        _pages(comparison),
        el(
            "div",
            el("div", el("div", "inputs", cls="grid-head is-inputs"), heads, rows, cls="answers",
               style=style),
            cls="answers-scroll",
            tabindex=0,
            aria_label="Answers of the models",
            role="region",
        ),
        cls="pane compare-pane",
        data_testid="compare-grid",
    )  # fmt: skip


def _pages(comparison: Comparison) -> Html:
    first, shown, of = comparison.case_offset, len(comparison.cases), comparison.case_count
    said = counted(of, "case") if shown == of else f"cases {first + 1}-{first + shown} of {of}"
    parts: list[Html] = [el("span", "Answers", cls="strong"), el("span", said, cls="meta")]
    if comparison.without_majority:
        told = "Inputs to which no answer was given by more than half"
        parts.append(
            el("span", f"no majority in {comparison.without_majority}", cls="meta", title=told)
        )
    parts.append(
        el("span", "words that the baseline has not are ", el("ins", "marked"), cls="meta")
    )
    parts.append(el("span", cls="grow"))
    if first > 0:
        parts.append(_turn("chevron_left", "Earlier", max(0, first - CASES_AT_ONCE)))
    if first + shown < of:
        parts.append(_turn("chevron_right", "Later", first + shown))
    return el("div", parts, cls="replay-head answers-head")


def _turn(symbol: str, word: str, offset: int) -> Html:
    return el("span", icon(symbol), word, cls="act", data_act=PAGE_ACT, data_value=str(offset),
              role="button", tabindex=0)  # fmt: skip


def _case(case: ComparedCase) -> list[Html]:
    told = visible(case.inputs_text)
    inputs = el(
        "div",
        el("div", told, cls="said inputs-text", title=in_one_line(case.inputs_text, limit=600)),
        el("div", _alike(case), cls="meta"),
        cls="grid-cell is-inputs",
        data_key=f"case-{case.case_id}",
    )
    cells = [
        el("div", _cell(cell), cls="grid-cell", data_key=f"cell-{case.case_id}-{cell.model}")
        for cell in case.cells
    ]
    return [inputs, *cells]


def _alike(case: ComparedCase) -> str:
    if case.majority is not None:
        return f"{share(case.majority)} alike"
    answers = sum(answer.count for cell in case.cells for answer in cell.answers)
    return "no majority" if answers > 1 else ""


def _cell(cell: ComparedCell) -> list[Html]:
    runs = {run.run_id: run for run in cell.runs}
    answered = {run_id for answer in cell.answers for run_id in answer.run_ids}
    ended = sum(run.status != "running" for run in cell.runs)
    shown = [
        _answer(answer, [runs[each] for each in answer.run_ids if each in runs], ended)
        for answer in cell.answers
    ]
    rest = _without(cell.runs, answered, ended)
    if not cell.runs:
        return [el("div", "not executed yet", cls="meta")]
    return shown + rest


def _answer(answer: ComparedAnswer, runs: list[CellRun], ended: int) -> Html:
    parts: list[Html] = []
    if ended > 1:
        parts.append(el("b", f"{answer.count} of {ended}", cls="num"))
    if answer.is_baseline is not None:
        said, cls = ("as baseline", "faint") if answer.is_baseline else ("differs", "side-b-ink")
        parts.append(el("span", said, cls=cls))
    rest = answer.total_chars - len(answer.text)
    return el(
        "div",
        el("div", parts, el("span", cls="grow"), _links(runs), cls="answer-head"),
        el("div", _text(answer), cls="said answer-text"),
        el("div", f"{rest:,} characters more on the page of the run", cls="meta")
        if rest > 0
        else None,
        cls="one-answer",
    )


def _text(answer: ComparedAnswer) -> Html:
    if not answer.text:
        return el("span", "empty answer", cls="faint")
    if answer.words is None:
        return join(visible(answer.text))
    parts: list[Html | str] = []
    for place, piece in enumerate(answer.words):
        if piece.operation == "same":
            parts.append(visible(piece.text))
        elif piece.operation == "added":
            parts.append(el("ins", visible(piece.text)))
        else:
            following = answer.words[place + 1 : place + 2]
            if not (following and following[0].operation == "added"):
                told = f"The baseline has here: {in_one_line(piece.text)}"
                parts.append(el("del", "⋯", title=told))
    return join(parts)


def _links(runs: list[CellRun]) -> list[Html]:
    links = [_run(run) for run in runs[:RUNS_SHOWN]]
    if len(runs) > RUNS_SHOWN:
        links.append(el("span", f"+{len(runs) - RUNS_SHOWN}", cls="faint"))
    return links


def _run(run: CellRun) -> Html:
    told = f"repeat {run.repeat} · " if run.repeat is not None else ""
    cost = money(run.cost_usd) + (f" · {run.unpriced_calls} unpriced" if run.unpriced_calls else "")
    return el(
        "a", duration(run.duration_ms) if run.duration_ms is not None else UNKNOWN,
        href=run_address(str(run.run_id)), cls="num run-link", title=f"{told}{cost}",
    )  # fmt: skip


def _without(runs: list[CellRun], answered: set[UUID], ended: int) -> list[Html]:
    """Return runs without an answer, equal ones once: they go on, or they failed."""
    told: dict[tuple[str, str], list[CellRun]] = {}
    for run in runs:
        if run.run_id not in answered:
            told.setdefault((run.status, _why(run)), []).append(run)
    return [_failed(its, why, ended) for (_, why), its in told.items()]


def _why(run: CellRun) -> str:
    said = run.status.replace("_", " ")
    if run.error_class or run.error:
        return f"{run.error_class or said}: {in_one_line(run.error or '', limit=300)}"
    return said


def _failed(runs: list[CellRun], why: str, ended: int) -> Html:
    run = runs[0]
    colour = STATUS_COLOURS.get(run.status, "ink3")
    spins = " spins" if run.status == "running" else ""
    share_said = f"{len(runs)} of {ended}" if run.status != "running" and ended > 1 else None
    return el(
        "a",
        icon(STATUS_ICONS.get(run.status, "help"), cls=colour + spins),
        el("b", share_said, cls="num") if share_said else None,
        el("span", why, cls=f"cut {colour}", title=why),
        href=run_address(str(run.run_id)),
        cls="answer-none",
    )
