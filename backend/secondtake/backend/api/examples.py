"""One answer of each kind, as the documentation of the API shows it; a test validates them."""

from typing import Any, Final

from fastapi import status

RUN_ID: Final = "019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a01"
AT: Final = "2026-11-20T09:30:00Z"
ENDED: Final = "2026-11-20T09:30:03.420000Z"

SUMMARY: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "short_id": RUN_ID[:13],
    "name": "research",
    "workflow": "research",
    "source": "native",
    "status": "ok",
    "agent": None,
    "session_id": "s-1",
    "user_id": "ada",
    "tags": {"team": "search"},
    "started_at": AT,
    "recorded_at": AT,
    "ended_at": ENDED,
    "duration_ms": 3420.0,
    "error_type": None,
    "error_message": None,
    "inputs_preview": '{"topic":"heat pumps"}',
    "output_preview": '{"answer":"A fridge turned round."}',
    "models": ["sim/strong"],
    "simulated": True,
    "replayable": "full",
    "source_run_id": None,
    "experiment_id": None,
    "variant": None,
    "case_id": None,
    "repeat": None,
    "recording_faults": 0,
    "node_count": 1,
    "llm_call_count": 1,
    "tool_call_count": 0,
    "message_count": 2,
    "error_count": 0,
    "input_tokens": 9412,
    "output_tokens": 1200,
    "cache_read_tokens": None,
    "calls_without_usage": 0,
    "cost_usd": "0.012345678",
    "unpriced_calls": 0,
    "avoided_cost_usd": None,
    "current_node": None,
    "question": None,
    "scores": {"reward": 1.0},
}
_MESSAGE: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "seq": 3,
    "message_id": "0b6f2c54-3f3a-4d0e-8f6e-0a4f6a3c9d11",
    "depth": 0,
    "role": "user",
    "content": "What is a heat pump?",
}
DETAIL: Final[dict[str, Any]] = {
    "summary": {
        **SUMMARY,
        "writer_id": "a3c1",
        "workflow_hash": None,
        "config": None,
        "inputs": {"topic": "heat pumps"},
        "output": {"answer": "A fridge turned round."},
        "error_traceback": None,
        "replayable_reason": None,
        "environment": None,
        "extra": None,
    },
    "messages": [_MESSAGE],
    "tool_calls": [],
    "llm_calls": [],
    "node_timings": [],
    "memory": [],
    "evaluations": [],
    "tool_definitions": [],
}
RECORDING: Final[dict[str, Any]] = {
    "format": "secondtake.recording",
    "version": 1,
    "events": [
        {
            "kind": "run_started",
            "run_id": RUN_ID,
            "seq": 0,
            "recorded_at": AT,
            "name": "research",
            "source": "native",
            "inputs": {"topic": "heat pumps"},
        },
        {
            "kind": "run_finished",
            "run_id": RUN_ID,
            "seq": 1,
            "recorded_at": ENDED,
            "status": "ok",
            "replayable": "full",
            "recording_faults": 0,
        },
    ],
}
SPANS: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "spans": [
        {
            "span_id": "9f2c4e7a1b3d5f60",
            "parent_span_id": None,
            "depth": 0,
            "seq": 2,
            "span_kind": "node",
            "name": "plan",
            "node_path": "plan[1]",
            "started_at": AT,
            "ended_at": ENDED,
            "duration_ms": 3420.0,
            "error_type": None,
            "error_message": None,
            "input_tokens": 9412,
            "output_tokens": 1200,
            "cost_usd": "0.012345678",
            "unpriced_calls": 0,
            "llm_calls": 1,
            "tool_calls": 0,
            "served_from": None,
            "is_critical": True,
        }
    ],
    "started_at": AT,
    "ended_at": ENDED,
    "critical_path": [
        {
            "span_id": "9f2c4e7a1b3d5f60",
            "span_kind": "node",
            "started_ms": 0.0,
            "ended_ms": 3420.0,
        }
    ],
}
_SIDE: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "short_id": RUN_ID[:13],
    "name": "research",
    "status": "ok",
    "models": ["sim/strong"],
    "how": None,
    "scores": {"reward": 1.0},
    "cost_usd": "0.012345678",
    "unpriced_calls": 0,
    "duration_ms": 3420.0,
    "input_tokens": 9412,
    "output_tokens": 1200,
    "llm_calls": 1,
    "tool_calls": 0,
    "simulated": True,
}
_STEP: Final[dict[str, Any]] = {
    "span_id": "4b1d9c0e2f7a6853",
    "kind": "llm",
    "number": 1,
    "node": "plan",
    "node_path": "plan[1]",
    "name": "sim/strong",
    "answer": "A fridge turned round.",
    "cost_usd": "0.012345678",
    "duration_ms": 812.0,
}
DIFF: Final[dict[str, Any]] = {
    "a": _SIDE,
    "b": {
        **_SIDE,
        "run_id": "019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a02",
        "models": ["sim/weak"],
        "how": "replay of 019a9c5e-7b1d with model=sim/weak",
        "cost_usd": "0.002345678",
    },
    "verdict": "B costs 81 % less, but answers differently.",
    "steps_a": [_STEP],
    "steps_b": [
        {**_STEP, "name": "sim/weak", "answer": "A turned fridge.", "cost_usd": "0.002345678"}
    ],
    "edits": [
        {
            "operation": "edited",
            "a": 0,
            "b": 0,
            "fields": ["model", "answer"],
            "why": "the model and the answer differ",
            "delta_cost_usd": "-0.010000000",
            "delta_duration_ms": 0.0,
        }
    ],
    "first_divergence": 0,
    "divergence_reason": "LLM call 1 in plan asked sim/weak, and not sim/strong.",
    "counts": {"edited": 1},
    "output": {
        "is_same": False,
        "pieces": [
            {"operation": "same", "text": "A "},
            {"operation": "removed", "text": "fridge turned round"},
            {"operation": "added", "text": "turned fridge"},
            {"operation": "same", "text": "."},
        ],
    },
    "configuration": [
        {"path": "model", "kind": "changed", "a": "sim/strong", "b": "sim/weak"},
    ],
    "delta_cost_usd": "-0.010000000",
}
GRAPH: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "is_declared": True,
    "nodes": [
        {
            "name": "plan",
            "kind": "llm",
            "description": "Asks for three questions.",
            "layer": 1,
            "executions": 1,
            "failed_executions": 0,
            "open_executions": 0,
            "max_visits": None,
            "duration_ms": 3420.0,
            "cost_usd": "0.012345678",
            "input_tokens": 9412,
            "output_tokens": 1200,
        }
    ],
    "edges": [{"start": "START", "end": "plan", "condition": None, "each": None, "taken": 1}],
}
STATE: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "step": 1,
    "steps": [
        {"step": 0, "span_id": None, "node_path": None, "keys": ["notes"]},
        {"step": 1, "span_id": "9f2c4e7a1b3d5f60", "node_path": "plan[1]", "keys": ["notes"]},
    ],
    "values": {"notes": ["a fridge"]},
    "changed": ["notes"],
    "changed_at": {"notes": 1},
    "problems": [],
}
_TOTALS: Final[dict[str, Any]] = {
    "runs": 3,
    "failed_runs": 1,
    "running_runs": 0,
    "waiting_runs": 0,
    "cost_usd": "0.031200000",
    "simulated_cost_usd": None,
    "unpriced_runs": 0,
    "input_tokens": 28236,
    "output_tokens": 3600,
    "cache_read_tokens": None,
    "duration_p50_ms": 3420.0,
    "duration_p95_ms": 5100.0,
    "cost_p95_usd": "0.012345678",
}
STATISTICS: Final[dict[str, Any]] = {
    "since": AT,
    "until": ENDED,
    "totals": _TOTALS,
    "previous": None,
    "bars": [{"started_at": AT, "ended_at": ENDED, "runs": 3, "failed_runs": 1}],
    "trend": [{**_TOTALS, "started_at": AT, "ended_at": ENDED}],
}
FACETS: Final[dict[str, Any]] = {
    "workflows": [{"value": "research", "runs": 3}],
    "models": [{"value": "sim/strong", "runs": 3}],
    "sessions": [],
    "users": [],
    "tags": [{"value": "team=search", "runs": 3}],
    "statuses": [{"value": "ok", "runs": 2}, {"value": "error", "runs": 1}],
}
WORKFLOWS: Final[dict[str, Any]] = {
    "items": [
        {
            "name": "research",
            "title": "research",
            "description": "Looks into a topic from several sides.",
            "inputs": [
                {
                    "name": "topic",
                    "type": "string",
                    "description": "What to look into.",
                    "required": True,
                    "default": None,
                }
            ],
            "nodes": ["plan", "look_up", "report"],
            "problems": [],
        }
    ]
}
HEALTH: Final[dict[str, Any]] = {
    "status": "ok",
    "detail": None,
    "version": "0.1.0",
    "pid": 4242,
    "started_at": AT,
    "runs": 3,
    "schema_version": 2,
    "pending_segments": 0,
    "workers": {"starting": 0, "idle": 1, "busy": 0, "waiting": 0, "queued": 0},
}
LOADED: Final[dict[str, Any]] = {
    "segments": 1,
    "lines": 13,
    "rows": 13,
    "rejected": 0,
    "duplicates": 0,
    "torn_bytes": 0,
    "interrupted_runs": 0,
    "problems": [],
}
CHECKS: Final[dict[str, Any]] = {
    "checks": [{"name": "disk space", "status": "ok", "detail": "74.9 GB are free.", "cure": None}]
}
ROWS: Final[dict[str, Any]] = {
    "columns": [{"name": "model", "type": "VARCHAR"}, {"name": "cost", "type": "DECIMAL(38,9)"}],
    "rows": [["sim/strong", "0.012345678"]],
    "truncated": False,
    "duration_ms": 4.2,
}
PAGE: Final[dict[str, Any]] = {"items": [SUMMARY], "total_count": 1, "next_cursor": None}
PIECE: Final[dict[str, Any]] = {
    "text": "A fridge turned round.",
    "offset": 0,
    "total_chars": 22,
    "next_offset": None,
}
ID: Final[dict[str, Any]] = {"run_id": RUN_ID}
IDS: Final[dict[str, Any]] = {"run_ids": [RUN_ID]}
REQUESTED: Final[dict[str, Any]] = {"run_id": RUN_ID, "status": "started"}
FINISHED: Final[dict[str, Any]] = {"summary": SUMMARY, "output": {"answer": "391"}}
REPLAYING: Final[dict[str, Any]] = {"source_run_id": RUN_ID, "replays": [REQUESTED]}
REPLAY_PLAN: Final[dict[str, Any]] = {
    "source_run_id": RUN_ID,
    "calls": [
        {
            "kind": "llm_call",
            "number": 1,
            "node": "write",
            "name": "sim/weak",
            "reach": "executed",
            "cost_usd": "0.000350000",
            "why": None,
        }
    ],
    "repeat": 1,
    "recorded": 0,
    "executed": 1,
    "possible": 0,
    "left_out": 0,
    "unpriced": 0,
    "lower_usd": "0.000350000",
    "upper_usd": "0.000350000",
    "stops": None,
}
DELIVERED: Final[dict[str, Any]] = {
    "run_id": RUN_ID,
    "detail": f"Run {RUN_ID} goes on with the answer.",
}
EVENTS: Final = (
    'event: messages\ndata: {"seq": 3, "role": "user", "content": "What is a heat pump?"}\n'
    "id: WzMsW10se30sIiJd\n\n"
)


EXPORTED: Final = (
    f'{{"format": "secondtake.run", "version": 1, "run": {{"run_id": "{RUN_ID}", "status": "ok"}}, '
    '"messages": [{"seq": 3, "role": "user", "content": "What is a heat pump?"}]}\n'
)


def answers(
    example: dict[str, Any], code: int = status.HTTP_200_OK
) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of the answer of a route that does what it was asked for."""
    return {code: {"content": {"application/json": {"example": example}}}}
