"""Runs of a comparison as a recorder writes them."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from tests.support.stored import STARTED_AT, run_frame, write_events

from secondtake.runner.events import LlmCall

SPACE = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a00")
EXPERIMENT = "019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8aff"
MODELS = ("sim/strong", "sim/weak", "no-such")
ANSWERS = {"1": ("391", "391.", None), "2": ({"n": 4}, {"n": 5}, None)}
"""By case, in the order of the models; None is a failure."""


def write_comparison(home: Path, experiment: str = EXPERIMENT, *, planned: int = 2) -> list[UUID]:
    """Write six runs: three models, two cases of as many as were planned, one repeat."""
    extra = {
        "comparison": {"models": list(MODELS), "case_count": planned, "repeats": 1},
    }
    ids: list[UUID] = []
    for case_id, row in ANSWERS.items():
        for number, (model, answer) in enumerate(zip(MODELS, row, strict=True)):
            run_id = uuid5(SPACE, f"{experiment}/{model}/{case_id}")
            ids.append(run_id)
            events = run_frame(
                run_id,
                [_call(run_id, model, answer)],
                name="sums",
                started_at=STARTED_AT + timedelta(seconds=len(ids)),
                experiment_id=experiment,
                variant=model,
                case_id=case_id,
                repeat=1,
                inputs={"question": f"sum {case_id}"},
                extra=extra,
                output=answer,
                duration_ms=100.0 * (number + 1),
                **_end(answer),
            )
            write_events(home, *events)
    return ids


def _end(answer: Any) -> dict[str, Any]:
    if answer is not None:
        return {}
    return {
        "status": "error",
        "error_type": "BadRequestError",
        "error_message": "litellm.BadRequestError: no provider is known\nfor no-such",
    }


def _call(run_id: UUID, model: str, answer: Any) -> LlmCall:
    failed = answer is None
    return LlmCall(
        run_id=run_id,
        seq=1,
        recorded_at=STARTED_AT,
        span_id="call-a",
        started_at=STARTED_AT,
        duration_ms=90.0,
        model=model,
        input_tokens=None if failed else 10,
        output_tokens=None if failed else 2,
        cost_usd=None if failed else Decimal("0.001"),
        error_type="BadRequestError" if failed else None,
        error_class="bad_request" if failed else None,
        simulated=True,
    )
