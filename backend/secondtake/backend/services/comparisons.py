"""Comparing models: what came of it, read from the runs that carry its id, and having it done."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import AmbiguousError, NotFoundError, no_comparison
from secondtake.backend.formats import one_line
from secondtake.backend.models.comparisons import (
    CompareRequest,
    Comparison,
    ComparisonList,
    ComparisonQuery,
    ComparisonSummary,
    RequestedComparison,
)
from secondtake.backend.services.comparison_requests import planned_requests
from secondtake.backend.store import comparisons
from secondtake.backend.store.patience import patient
from secondtake.backend.store.snapshot import snapshot
from secondtake.backend.workers.pool import WorkerPool
from secondtake.evals.comparisons.answers import answer_key, answer_text
from secondtake.evals.comparisons.model import ComparedRun
from secondtake.evals.comparisons.table import (
    AnswerText,
    CaseInputs,
    ComparisonInput,
    case_order,
    compare,
)
from secondtake.runner.description import RunPlace
from secondtake.runner.narrow import is_list, is_object

LIST_MAX: Final = 100
INPUTS_CHARS: Final = 300
REASON_CHARS: Final = 300
LAST: Final = "last"
_LIBRARY: Final = re.compile(r"\Alitellm\.\w+: (?:\w+Error: )?")
"""What LiteLLM puts before what a provider said; the class of the failure is told beside it."""


def request_comparison(pool: WorkerPool, request: CompareRequest) -> RequestedComparison:
    """Have a comparison executed by the workers: all of its runs, or none.

    Raises:
        UsageError: what is asked for is wrong; there are no runs then.
        BusyError: so many runs do not fit into the queue now.
        ServerFaultError: no worker can be started.
    """
    experiment_id, requests = planned_requests(request)
    return RequestedComparison(experiment_id=experiment_id, run_ids=pool.submit_all(requests))


def list_comparisons(con: DuckDBPyConnection) -> ComparisonList:
    """Return the comparisons, newest first."""
    rows = comparisons.list_comparisons(con, limit=LIST_MAX)
    return ComparisonList(items=[_summary(row) for row in rows])


def get_comparison(
    con: DuckDBPyConnection, query: ComparisonQuery, *, pool: WorkerPool | None = None
) -> Comparison:
    """Return a comparison as far as its runs have ended.

    Args:
        con: the store.
        query: which one, and which of its cases.
        pool: which may have runs of it that have not begun.

    Raises:
        NotFoundError: there is none.
        AmbiguousError: more than one fits.
    """
    accepted = pool.place_in(query.experiment) if pool is not None else None
    experiment_id = query.experiment if accepted else _resolve(con, query.experiment)
    if pool is not None and accepted is None:
        accepted = pool.place_in(experiment_id)
    return compare(_read(con, experiment_id, query, accepted=accepted))


def _resolve(con: DuckDBPyConnection, name: str) -> str:
    if name == LAST:
        found = comparisons.last_comparison(con)
        if found is None:
            raise NotFoundError(
                "There is no comparison yet; make one: secondtake compare WORKFLOW --models a,b."
            )
        return found
    fitting = comparisons.experiment_ids(con, name, limit=2) if name else []
    if fitting and (fitting[0] == name or len(fitting) == 1):
        return fitting[0]
    if fitting:
        raise AmbiguousError(f"More than one comparison begins with {name}; write more of its id.")
    raise no_comparison(name)


@patient
def _read(
    con: DuckDBPyConnection,
    experiment_id: str,
    query: ComparisonQuery,
    *,
    accepted: RunPlace | None,
) -> ComparisonInput:
    with snapshot(con):
        facts = comparisons.run_facts(con, experiment_id)
        classes = comparisons.error_classes(con, experiment_id)
        keys = {
            run_id: answer_key(json.loads(text))
            for run_id, text in comparisons.outputs(con, experiment_id)
        }
        order = case_order(row["case_id"] for row in facts)
        page = order[query.offset : query.offset + query.limit]
        inputs, answers = _texts(con, experiment_id, page, query.max_chars)
    told = [accepted.extra.get(comparisons.COMPARISON)] if accepted else []
    plan = _plan([*told, *(row["plan"] for row in facts)])
    ended = [row["ended_at"] for row in facts if row["ended_at"] is not None]
    started = [row["started_at"] for row in facts if row["started_at"] is not None]
    return ComparisonInput(
        experiment_id=experiment_id,
        name=facts[0]["name"] if facts else None,
        runs=[_run(row, keys, classes) for row in facts],
        models=plan.get("models", ()),
        case_count=plan.get("case_count"),
        repeats=plan.get("repeats"),
        is_queued=accepted is not None,
        page=page,
        page_offset=query.offset,
        inputs=inputs,
        answers=answers,
        started_at=min(started, default=None),
        ended_at=max(ended, default=None),
    )


def _texts(
    con: DuckDBPyConnection, experiment_id: str, page: Sequence[str], max_chars: int | None
) -> tuple[dict[str, CaseInputs], dict[UUID, AnswerText]]:
    """Return the inputs of each case of a page, and the answer of each of its runs."""
    if not page:
        return {}, {}
    inputs: dict[str, CaseInputs] = {}
    for row in comparisons.texts(con, experiment_id, "inputs", page, max_chars=max_chars):
        if row["case_id"] not in inputs:
            shown = CaseInputs(inputs=row["value"], text=_inputs_text(row["value"]))
            inputs[row["case_id"]] = shown
    answers: dict[UUID, AnswerText] = {}
    for row in comparisons.texts(con, experiment_id, "output", page, max_chars=max_chars):
        text = answer_text(row["value"])
        answers[row["run_id"]] = AnswerText(text=text, total_chars=row["total_chars"] or len(text))
    return inputs, answers


def _inputs_text(inputs: Any) -> str:
    """Return inputs in one line: `topic=heat pumps · words=120`; of a single one its value."""
    if is_object(inputs) and len(inputs) == 1:
        inputs = next(iter(inputs.values()))
    if is_object(inputs):
        words = " · ".join(f"{name}={_in_line(value)}" for name, value in inputs.items())
    else:
        words = _in_line(inputs)
    line = one_line(words[: 4 * INPUTS_CHARS])
    return line if len(line) <= INPUTS_CHARS else f"{line[: INPUTS_CHARS - 1]}…"


def _in_line(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _run(
    row: Mapping[str, Any], keys: Mapping[UUID, str | None], classes: Mapping[UUID, str]
) -> ComparedRun:
    run_id = row["run_id"]
    return ComparedRun(
        run_id=run_id,
        model=row["variant"],
        case_id=row["case_id"],
        repeat=row["repeat"],
        status=row["status"],
        answer_key=keys.get(run_id),
        duration_ms=row["duration_ms"],
        cost_usd=row["cost_usd"],
        unpriced_calls=row["unpriced_calls"] or 0,
        simulated=bool(row["simulated"]),
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        llm_calls=row["llm_call_count"] or 0,
        tool_calls=row["tool_call_count"] or 0,
        error_class=classes.get(run_id) or row["error_type"],
        error=_reason(row),
    )


def _reason(row: Mapping[str, Any]) -> str | None:
    text = row["error_message"] or row["error_type"]
    if text is None:
        return None
    line = _LIBRARY.sub("", one_line(text))
    return line if len(line) <= REASON_CHARS else f"{line[: REASON_CHARS - 1]}…"


def _plan(told: Iterable[Any]) -> dict[str, Any]:
    """Return what is told about the whole, the first that is sound; nothing where none is."""
    for plan in told:
        if sound := _sound(plan):
            return sound
    return {}


def _sound(plan: Any) -> dict[str, Any]:
    """Return a recorded plan, nothing when it is none: the journal may be written by anybody."""
    if not is_object(plan):
        return {}
    models, cases, repeats = plan.get("models"), plan.get("case_count"), plan.get("repeats")
    if not is_list(models) or not models or not all(isinstance(name, str) for name in models):
        return {}
    if not all(isinstance(number, int) and number > 0 for number in (cases, repeats)):
        return {}
    return {"models": models, "case_count": cases, "repeats": repeats}


def _summary(row: Mapping[str, Any]) -> ComparisonSummary:
    plan = _sound(row["plan"])
    models: list[str] = plan.get("models") or [name for name in row["variants"] if name]
    cases: int = plan.get("case_count") or row["case_count"]
    repeats: int | None = plan.get("repeats")
    fields: dict[str, Any] = {n: row[n] for n in ComparisonSummary.model_fields if n in row}
    fields |= {
        "models": models,
        "case_count": cases,
        "repeats": repeats,
        "planned_runs": None if repeats is None else len(models) * cases * repeats,
    }
    return ComparisonSummary.model_validate(fields)
