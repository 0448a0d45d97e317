"""Answers about comparisons as the documentation of the API shows them; a test validates them."""

from typing import Any, Final

from secondtake.backend.api.examples import AT, ENDED, RUN_ID

_EXPERIMENT: Final = "019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8aff"
_OTHER: Final = RUN_ID[:-1] + "2"
COMPARING: Final[dict[str, Any]] = {"experiment_id": _EXPERIMENT, "run_ids": [RUN_ID, _OTHER]}
COMPARISONS: Final[dict[str, Any]] = {
    "items": [
        {
            "experiment_id": _EXPERIMENT,
            "name": "prompt",
            "models": ["sim/strong", "sim/weak"],
            "case_count": 1,
            "repeats": 1,
            "planned_runs": 2,
            "ended_runs": 2,
            "failed_runs": 0,
            "running_runs": 0,
            "started_at": AT,
            "cost_usd": "0.000412000",
            "unpriced_calls": 0,
            "simulated": True,
        }
    ]
}


def _row(model: str, cost_usd: str, p50_ms: float, *, is_baseline: bool) -> dict[str, Any]:
    return {
        "model": model,
        "is_baseline": is_baseline,
        "planned": 1,
        "ok": 1,
        "failed": 0,
        "cancelled": 0,
        "running": 0,
        "same_as_majority": None,
        "same_as_baseline": None if is_baseline else {"count": 0, "of": 1},
        "same_as_itself": None,
        "spending": {
            "total_usd": cost_usd,
            "per_run_usd": cost_usd,
            "priced_runs": 1,
            "unpriced_runs": 0,
            "unpriced_calls": 0,
            "simulated": True,
        },
        "latency": {
            "runs": 1,
            "p50_ms": p50_ms,
            "min_ms": p50_ms,
            "max_ms": p50_ms,
            "p95_ms": None,
        },
        "tokens": {"input_tokens": 21, "output_tokens": 9, "unknown_runs": 0},
        "failures": [],
    }


def _cell(model: str, run_id: str, text: str, **answer: Any) -> dict[str, Any]:
    return {
        "model": model,
        "answers": [
            {
                "text": text,
                "total_chars": len(text),
                "count": 1,
                "run_ids": [run_id],
                "is_majority": None,
                **answer,
            }
        ],
        "runs": [
            {
                "run_id": run_id,
                "repeat": 1,
                "status": "ok",
                "duration_ms": 842.0,
                "cost_usd": "0.000206000",
                "unpriced_calls": 0,
                "input_tokens": 21,
                "output_tokens": 9,
            }
        ],
    }


COMPARISON: Final[dict[str, Any]] = {
    "experiment_id": _EXPERIMENT,
    "name": "prompt",
    "status": "ended",
    "verdict": "sim/weak answers as sim/strong in none of its answers and is 93 % cheaper at "
    "simulated prices.",
    "models": [
        _row("sim/strong", "0.000385000", 842.0, is_baseline=True),
        _row("sim/weak", "0.000027000", 310.0, is_baseline=False),
    ],
    "case_count": 1,
    "repeats": 1,
    "planned_runs": 2,
    "ended_runs": 2,
    "running_runs": 0,
    "without_majority": 1,
    "cases": [
        {
            "case_id": "1",
            "inputs": {"prompt": "What is 17 * 23?"},
            "inputs_text": "What is 17 * 23?",
            "majority": None,
            "cells": [
                _cell("sim/strong", RUN_ID, "It is 391.", is_baseline=True, words=None),
                _cell(
                    "sim/weak",
                    _OTHER,
                    "It is 381.",
                    is_baseline=False,
                    words=[
                        {"operation": "same", "text": "It is "},
                        {"operation": "removed", "text": "391"},
                        {"operation": "added", "text": "381"},
                        {"operation": "same", "text": "."},
                    ],
                ),
            ],
        }
    ],
    "case_offset": 0,
    "started_at": AT,
    "ended_at": ENDED,
}
