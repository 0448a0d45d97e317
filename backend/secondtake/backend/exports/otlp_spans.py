"""The spans of a run: the run itself, its nodes, its LLM calls and its tool calls."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from secondtake.backend.exports.otlp_calls import llm_attributes
from secondtake.backend.exports.otlp_values import (
    as_text,
    attributes,
    root_id_of,
    span_id_of,
    time_text,
    times_of,
    unknown_times,
)
from secondtake.backend.exports.rows import Row, RunRows

INTERNAL: Final = 1
CLIENT: Final = 3
ERROR: Final = 2
IMPORTED: Final = "import:"

_TABLES: Final = ("node_timings", "llm_calls", "tool_calls")
_OPERATIONS: Final = {"tool": "execute_tool", "retriever": "retrieval"}

Span = dict[str, Any]


def spans_of(rows: RunRows) -> Iterator[Span]:
    """Yield the spans of a run, the root first."""
    known = {row["span_id"] for table in _TABLES for row in rows.rows(table)}
    scores: dict[str | None, list[Row]] = {}
    for score in rows.rows("evaluations"):
        place = score["span_id"] if score["span_id"] in known else None
        scores.setdefault(place, []).append(score)
    yield _with_scores(_root(rows), scores.get(None, ()), rows)
    for row in rows.rows("node_timings"):
        yield _with_scores(_node(rows, row, known), scores.get(row["span_id"], ()), rows)
    for row in rows.rows("llm_calls"):
        yield _with_scores(_llm_call(rows, row, known), scores.get(row["span_id"], ()), rows)
    for row in rows.rows("tool_calls"):
        yield _with_scores(_tool_call(rows, row, known), scores.get(row["span_id"], ()), rows)


def _root(rows: RunRows) -> Span:
    run = rows.run
    tags: Mapping[str, str] = run["tags"] or {}
    told = ("source", "status", "case_id", "experiment_id", "variant", "repeat", "source_run_id",
            "simulated", "cost_usd", "unpriced_calls", "llm_call_count")  # fmt: skip
    values = {
        "gen_ai.operation.name": "invoke_workflow" if run["workflow"] else None,
        "gen_ai.workflow.name": run["workflow"],
        "gen_ai.agent.name": run["agent"],
        "gen_ai.conversation.id": run["session_id"],
        "user.id": run["user_id"],
        "secondtake.inputs": as_text(run["inputs"]),
        "secondtake.output": as_text(run["output"]),
        **{f"secondtake.{name}": run[name] for name in told},
        **{f"secondtake.tag.{name}": text for name, text in tags.items()},
    }
    span = _span(rows, run, name=run["name"] or "run", kind=INTERNAL, values=values)
    return {**span, "spanId": root_id_of(rows.run_id)}


def _node(rows: RunRows, row: Row, known: set[str]) -> Span:
    is_agent = row["span_kind"] == "agent"
    name = row["node"] or "node"
    values = {
        "gen_ai.operation.name": "invoke_agent" if is_agent else None,
        "gen_ai.agent.name": name if is_agent else None,
        "secondtake.node": name,
        "secondtake.node_kind": row["node_kind"],
        "secondtake.visit": row["visit"],
    }
    shown = f"invoke_agent {name}" if is_agent else name
    return _child(rows, row, known, name=shown, kind=INTERNAL, values=values)


def _llm_call(rows: RunRows, row: Row, known: set[str]) -> Span:
    model = row["model"] or row["served_model"]
    name = f"chat {model}" if model else "chat"
    return _child(rows, row, known, name=name, kind=CLIENT, values=llm_attributes(rows, row))


def _tool_call(rows: RunRows, row: Row, known: set[str]) -> Span:
    operation = _OPERATIONS.get(row["span_kind"] or "")
    values = {
        "gen_ai.operation.name": operation,
        "gen_ai.tool.name": row["tool"],
        "gen_ai.tool.call.id": row["tool_call_id"],
        "gen_ai.tool.call.arguments": as_text(row["arguments"]),
        "gen_ai.tool.call.result": as_text(row["result"]),
        "secondtake.served_from": row["served_from"],
        "secondtake.attempt": row["attempt"],
        "secondtake.cost_usd": row["cost_usd"],
    }
    name = f"{operation} {row['tool']}" if operation else row["tool"]
    return _child(rows, row, known, name=name or "tool", kind=INTERNAL, values=values)


def _child(
    rows: RunRows,
    row: Row,
    known: set[str],
    *,
    name: str,
    kind: int,
    values: Mapping[str, Any],
) -> Span:
    """Return a span below the root; one whose parent is not in the run hangs from the root."""
    own_id, parent_id = row["span_id"], row["parent_span_id"]
    has_parent = parent_id in known and parent_id != own_id
    span_id = span_id_of(rows.run_id, own_id)
    said = {
        **values,
        "secondtake.node_path": row["node_path"],
        "secondtake.span_id": own_id if span_id != own_id else None,
        "secondtake.missing_parent": None if has_parent else parent_id,
    }
    span = _span(rows, row, name=name, kind=kind, values=said)
    above = span_id_of(rows.run_id, parent_id) if has_parent else root_id_of(rows.run_id)
    return {**span, "spanId": span_id, "parentSpanId": above}


def _span(rows: RunRows, row: Row, *, name: str, kind: int, values: Mapping[str, Any]) -> Span:
    times = times_of(row)
    failed = row["error_type"] is not None or row["error_message"] is not None
    said = {
        **values,
        "error.type": row["error_type"],
        "secondtake.error_traceback": row["error_traceback"],
        "secondtake.time": unknown_times(times),
        # A duration can be known where neither time is.
        "secondtake.duration_ms": row["duration_ms"] if len(times) < 2 else None,
    }
    status: Span = {}
    if failed:
        message = row["error_message"]
        status = {"status": {"code": ERROR, **({"message": message} if message else {})}}
    ids = {"traceId": rows.run_id.hex}
    return {**ids, "name": name, "kind": kind, **times, "attributes": attributes(said), **status}


def _with_scores(span: Span, scores: "tuple[Row, ...] | list[Row]", rows: RunRows) -> Span:
    """Add verdicts about a span as events. When an imported one was given is not known."""
    if not scores:
        return span
    is_import = str(rows.run["source"]).startswith(IMPORTED)
    events: list[Span] = []
    for score in scores:
        at = None if is_import else time_text(score["recorded_at"])
        values = {
            "gen_ai.evaluation.name": score["name"],
            "gen_ai.evaluation.score.value": score["score_value"],
            "gen_ai.evaluation.score.label": score["label"],
            "gen_ai.evaluation.explanation": score["reason"],
            "secondtake.scorer": score["scorer"],
        }
        named = {"name": "gen_ai.evaluation.result", "attributes": attributes(values)}
        events.append({**({"timeUnixNano": at} if at else {}), **named})
    return {**span, "events": events}
