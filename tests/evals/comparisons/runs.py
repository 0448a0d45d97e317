"""Runs of a comparison, made by hand."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from secondtake.evals.comparisons.answers import answer_key, answer_text
from secondtake.evals.comparisons.model import ComparedRun
from secondtake.evals.comparisons.table import AnswerText, ComparisonInput, case_order

SPACE = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a00")


def run(model: str, answer: Any = None, **fields: Any) -> ComparedRun:
    """Return a run that ended well when it has an answer, else one that failed."""
    case_id, repeat = fields.pop("case_id", "1"), fields.pop("repeat", 1)
    ended_well = answer is not None
    about: dict[str, Any] = {
        "status": "ok" if ended_well else "error",
        "duration_ms": 100.0,
        "cost_usd": Decimal("0.001") if ended_well else None,
        "error_class": None if ended_well else "auth",
        "error": None if ended_well else "the key is missing",
        **fields,
    }
    return ComparedRun(
        run_id=uuid5(SPACE, f"{model}/{case_id}/{repeat}"),
        model=model,
        case_id=case_id,
        repeat=repeat,
        answer_key=answer_key(answer),
        **about,
    )


def given(runs: Sequence[tuple[ComparedRun, Any]], models: tuple[str, ...], **more: Any) -> Any:
    """Return what a comparison is made of; each run comes with its answer."""
    texts = {each.run_id: answer_text(answer) for each, answer in runs if answer is not None}
    return ComparisonInput(
        experiment_id="e",
        name="prompt",
        runs=[each for each, _ in runs],
        models=models,
        page=case_order(each.case_id for each, _ in runs),
        answers={
            run_id: AnswerText(text=text, total_chars=len(text)) for run_id, text in texts.items()
        },
        **more,
    )
