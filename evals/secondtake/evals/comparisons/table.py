"""Puts a comparison together: the table, the grid of answers, and the sentence above both."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from secondtake.evals.comparisons.agreement import (
    CaseAnswers,
    like_baseline,
    like_itself,
    like_majority,
)
from secondtake.evals.comparisons.figures import failures_of, latency_of, spending_of, tokens_of
from secondtake.evals.comparisons.model import (
    CellRun,
    ComparedAnswer,
    ComparedCase,
    ComparedCell,
    ComparedModel,
    ComparedRun,
    Comparison,
    ComparisonStatus,
)
from secondtake.evals.comparisons.verdict import verdict_of
from secondtake.evals.diffs.model import WordPiece
from secondtake.evals.diffs.texts import compare_texts

WORD_CHARS_MAX: Final = 20_000
"""Of each of two answers that are compared by word; a grid holds many."""


@dataclass(frozen=True, kw_only=True)
class AnswerText:
    """An answer as it is shown."""

    text: str
    total_chars: int
    """More than the text has when it is clipped."""


@dataclass(frozen=True, kw_only=True)
class CaseInputs:
    """The inputs of a case, as they are shown."""

    inputs: Any
    text: str


@dataclass(frozen=True, kw_only=True)
class ComparisonInput:
    """What a comparison is made of."""

    experiment_id: str
    name: str | None
    runs: Sequence[ComparedRun]
    """All there are."""
    models: Sequence[str] = ()
    """Those that were planned, the baseline first; models of runs that are not among them follow."""
    case_count: int | None = None
    """As planned; None when nobody said."""
    repeats: int | None = None
    is_queued: bool = False
    """Whether runs that have not begun are still to begin."""
    page: Sequence[str] = ()
    """The cases whose answers are shown."""
    page_offset: int = 0
    inputs: Mapping[str, CaseInputs] = field(default_factory=dict[str, CaseInputs])
    """By case of the page."""
    answers: Mapping[UUID, AnswerText] = field(default_factory=dict[UUID, AnswerText])
    """By run of the page."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


def case_order(case_ids: Iterable[str]) -> list[str]:
    """Return case ids in the order of their numbers; those that are none come last."""
    return sorted(
        set(case_ids),
        key=lambda name: (0, int(name), name) if name.isdecimal() else (1, 0, name),
    )


def compare(given: ComparisonInput) -> Comparison:
    """Return the comparison; it has at least one model, planned or run."""
    seen = dict.fromkeys([*given.models, *(run.model for run in given.runs)])
    models = list(seen)
    by_model: dict[str, list[ComparedRun]] = defaultdict(list)
    by_case: dict[str, list[ComparedRun]] = defaultdict(list)
    for run in given.runs:
        by_model[run.model].append(run)
        by_case[run.case_id].append(run)
    answers = {name: CaseAnswers(runs, baseline=models[0]) for name, runs in by_case.items()}
    per_model = _product(given.case_count, given.repeats)
    rows = [
        _row(name, by_model[name], list(answers.values()), planned=per_model, baseline=models[0])
        for name in models
    ]
    planned = _product(per_model, len(models))
    ended = sum(run.has_ended for run in given.runs)
    status = _status(given, ended=ended, planned=planned)
    return Comparison(
        experiment_id=given.experiment_id,
        name=given.name,
        status=status,
        verdict=verdict_of(rows, status=status, ended=ended, planned=planned),
        models=rows,
        case_count=given.case_count if given.case_count is not None else len(by_case),
        repeats=given.repeats,
        planned_runs=planned,
        ended_runs=ended,
        running_runs=len(given.runs) - ended,
        without_majority=sum(
            case.answer_count > 1 and case.majority_key is None for case in answers.values()
        ),
        cases=[_case(given, name, by_case[name], answers[name], models) for name in given.page],
        case_offset=given.page_offset,
        started_at=given.started_at,
        ended_at=given.ended_at,
    )


def _product(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a * b


def _status(given: ComparisonInput, *, ended: int, planned: int | None) -> ComparisonStatus:
    is_missing = planned is not None and ended < planned
    if ended < len(given.runs) or (is_missing and given.is_queued):
        return "running"
    return "incomplete" if is_missing else "ended"


def _row(
    model: str,
    runs: Sequence[ComparedRun],
    answers: Sequence[CaseAnswers],
    *,
    planned: int | None,
    baseline: str,
) -> ComparedModel:
    ended = [run for run in runs if run.has_ended]
    return ComparedModel(
        model=model,
        is_baseline=model == baseline,
        planned=planned,
        ok=sum(run.status == "ok" for run in ended),
        failed=sum(run.has_failed for run in ended),
        cancelled=sum(run.status == "cancelled" for run in ended),
        running=len(runs) - len(ended),
        same_as_majority=like_majority(answers, model),
        same_as_baseline=like_baseline(answers, model, is_baseline=model == baseline),
        same_as_itself=like_itself(answers, model),
        spending=spending_of(ended),
        latency=latency_of(ended),
        tokens=tokens_of(ended),
        failures=failures_of(ended),
    )


def _case(
    given: ComparisonInput,
    name: str,
    runs: Sequence[ComparedRun],
    answers: CaseAnswers,
    models: Sequence[str],
) -> ComparedCase:
    shown = given.inputs.get(name, CaseInputs(inputs=None, text=""))
    in_order = sorted(runs, key=lambda run: (run.repeat is None, run.repeat or 0))
    baseline = next(
        (
            given.answers.get(run.run_id)
            for run in in_order
            if run.model == models[0] and run.answer_key == answers.baseline_key
        ),
        None,
    )
    return ComparedCase(
        case_id=name,
        inputs=shown.inputs,
        inputs_text=shown.text,
        majority=answers.majority,
        cells=[
            _cell(model, [run for run in in_order if run.model == model], given, answers, baseline)
            for model in models
        ],
    )


def _cell(
    model: str,
    runs: Sequence[ComparedRun],
    given: ComparisonInput,
    answers: CaseAnswers,
    baseline: AnswerText | None,
) -> ComparedCell:
    groups: dict[str, list[ComparedRun]] = defaultdict(list)
    for run in runs:
        if run.status == "ok" and run.answer_key is not None and run.run_id in given.answers:
            groups[run.answer_key].append(run)
    ordered = sorted(groups.items(), key=lambda each: -len(each[1]))
    return ComparedCell(
        model=model,
        answers=[_answer(key, group, given, answers, baseline) for key, group in ordered],
        runs=[_cell_run(run) for run in runs],
    )


def _answer(
    key: str,
    group: Sequence[ComparedRun],
    given: ComparisonInput,
    answers: CaseAnswers,
    baseline: AnswerText | None,
) -> ComparedAnswer:
    shown = given.answers[group[0].run_id]
    is_baseline = None if answers.baseline_key is None else key == answers.baseline_key
    words = None if baseline is None or is_baseline else _words(baseline, shown)
    return ComparedAnswer(
        text=shown.text,
        total_chars=shown.total_chars,
        count=len(group),
        run_ids=[run.run_id for run in group],
        is_majority=None if answers.majority_key is None else key == answers.majority_key,
        is_baseline=is_baseline,
        words=words,
    )


def _words(baseline: AnswerText, other: AnswerText) -> list[WordPiece] | None:
    """Return how a text differs by word; None when one is clipped or too long for that."""
    for each in (baseline, other):
        if each.total_chars > min(len(each.text), WORD_CHARS_MAX):
            return None
    compared = compare_texts(baseline.text, other.text)
    return None if compared.too_long else compared.pieces


def _cell_run(run: ComparedRun) -> CellRun:
    return CellRun(
        run_id=run.run_id,
        repeat=run.repeat,
        status=run.status,
        duration_ms=run.duration_ms,
        cost_usd=run.cost_usd,
        unpriced_calls=run.unpriced_calls,
        input_tokens=run.input_tokens,
        output_tokens=run.output_tokens,
        error_class=None if run.status == "ok" else run.error_class,
        error=None if run.status == "ok" else run.error,
    )
