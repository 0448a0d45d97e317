"""What `secondtake run` prints: the result, one line of figures, and where the time went."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.tables import Column, coloured_status, screen_width, table
from secondtake.backend.cli.values import indented, text_of
from secondtake.runner.jsonable import to_json_value

if TYPE_CHECKING:
    from secondtake.runner.result import NodeTiming, RunResult

PROFILE_COLUMNS: Final = (
    Column(title="NODE", shrinks_to=16),
    Column(title="KIND"),
    Column(title="COUNT", right=True),
    Column(title="TOTAL", right=True),
    Column(title="SELF", right=True),
    Column(title="% OF RUN", right=True),
)


def result_lines(result: "RunResult", *, name: str) -> list[str]:
    """Return status, output or error, figures, and what to type next."""
    lines = [f"{formats.one_line(name)} · {coloured_status(result.status)}"]
    if result.status != "ok" and (result.error_type or result.error_message):
        error = f"{result.error_type or 'error'}: {result.error_message or ''}"
        lines += indented(error)
    if result.output is not None:
        lines += ["", *indented(text_of(to_json_value(result.output)), ""), ""]
    return [*lines, summary_line(result), f"secondtake show {result.run_id}"]


def summary_line(result: "RunResult") -> str:
    """Return cost, tokens, calls and duration in one line."""
    totals = result.totals
    parts = [
        _cost(result),
        f"{formats.tokens_in_out(totals.input_tokens, totals.output_tokens)} tokens",
        formats.counted(totals.llm_calls, "LLM call"),
        formats.counted(totals.tool_calls, "tool call"),
        formats.duration(result.duration_ms),
    ]
    return " · ".join(parts)


def _cost(result: "RunResult") -> str:
    totals = result.totals
    text = formats.money(totals.cost_usd)
    if totals.cost_usd is not None and totals.simulated:
        text += " simulated"
    if totals.unpriced_calls:
        text += f" ({formats.counted(totals.unpriced_calls, 'call')} unpriced)"
    return text


def result_as_json(result: "RunResult") -> dict[str, Any]:
    """Return the result as JSON: money as text, unknown as null."""
    plain: dict[str, Any] = to_json_value(asdict(result))
    return plain


def profile_lines(result: "RunResult") -> list[str]:
    """Return a table of the nodes, and how the run's time splits up."""
    rows = _node_rows(result.timings, whole_ms=result.duration_ms)
    lines = table(PROFILE_COLUMNS, rows, width=screen_width()) if rows else []
    return [*lines, *([""] if lines else []), *_split(result)]


def _node_rows(timings: "Sequence[NodeTiming]", *, whole_ms: float) -> list[list[str]]:
    by_node: dict[str, list[NodeTiming]] = defaultdict(list)
    for timing in timings:
        by_node[timing.node].append(timing)
    totals = {node: sum(t.duration_ms for t in group) for node, group in by_node.items()}
    return [
        [
            formats.one_line(node),
            by_node[node][0].node_kind or "",
            formats.count(len(by_node[node])),
            formats.duration(total_ms),
            formats.duration(sum(t.self_ms for t in by_node[node])),
            formats.percent(total_ms, whole_ms),
        ]
        for node, total_ms in sorted(totals.items(), key=lambda item: -item[1])
    ]


def _split(result: "RunResult") -> list[str]:
    whole_ms = result.duration_ms
    parts_ms = {
        "LLM calls": result.llm_ms,
        "tool calls": result.tool_ms,
        "own code of nodes": sum(timing.self_ms for timing in result.timings),
    }
    busy_ms = sum(parts_ms.values())
    if busy_ms <= whole_ms:
        parts_ms["overhead"] = whole_ms - busy_ms
    lines = [
        f"{name:<18} {formats.duration(part_ms):>9} {formats.percent(part_ms, whole_ms):>5}"
        for name, part_ms in parts_ms.items()
    ]
    lines.append(f"{'the whole run':<18} {formats.duration(whole_ms):>9}")
    if busy_ms > whole_ms > 0:
        lines.append(f"branches ran in parallel: {busy_ms / whole_ms:.1f} times the run's time")
    return lines
