"""What a replay came to, compared with its source."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from secondtake.runner.events import RunStatus, ToolCall, Verdict
from secondtake.runner.hashing import value_hash
from secondtake.runner.replay.matching import CUT_OFF, Recorded
from secondtake.runner.replay.session import Divergence, ReplaySession, node_of

LAST: Final = (1, 0)
IN_WORDS: Final = {
    "model": "its model is another one",
    "messages": "its messages changed",
    "tools": "the tools it was offered changed",
    "parameters": "its parameters changed",
    "arguments": "its arguments changed",
    "answer": "it was executed and answered something else",
    "missing": "it was not made any more",
    "new": "the source has no such call",
    "output": "the output is another one",
    "status": "it ended in another way",
}


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A verdict and where it comes from."""

    verdict: Verdict
    reason: str
    divergence: Divergence | None = None
    call: int | None = None
    """Number of the call in the source."""


def judge(
    session: ReplaySession, *, status: RunStatus, error_type: str | None, output: Any
) -> Judged:
    """Compare a replay that has ended with its source.

    Args:
        session: the replay.
        status: how it ended.
        error_type: what it failed with.
        output: what it returned, cleaned as a recorded output is.
    """
    source = session.recording.end
    first = first_divergence(session)
    same_end = source is not None and (status, error_type) == (source.status, source.error_type)
    same_output = source is not None and value_hash(output) == value_hash(source.output)
    if first is None and same_end and same_output:
        return Judged(verdict="exact", reason=_exact(session))
    if first is None:
        field = "output" if same_end else "status"
        first = Divergence(field=field, span_id=None, node_path=None, source=None)
    number = session.calls.numbers[first.source.span_id] if first.source else None
    reason = f"{_where(first, number)}: {IN_WORDS[first.field]}"
    if same_end and same_output:
        return Judged(
            verdict="same_output",
            reason=f"The same output another way: {reason}.",
            divergence=first,
            call=number,
        )
    return Judged(verdict="diverged", reason=f"{reason}.", divergence=first, call=number)


def first_divergence(session: ReplaySession) -> Divergence | None:
    """Return the divergence that comes first in the source.

    Not the first in time: parallel branches race, and a verdict must not.
    """
    places = {call.span_id: place for place, call in enumerate(session.calls.calls)}

    def place(divergence: Divergence) -> tuple[int, int, str]:
        source = divergence.source
        known, at = LAST if source is None else (0, places[source.span_id])
        return known, at, divergence.node_path or ""

    missing = [
        Divergence(
            field="missing",
            span_id=None,
            node_path=call.node_path,
            source=call,
            tool=call.tool if isinstance(call, ToolCall) else None,
        )
        for call in session.calls.unused()
        if call.error_type not in CUT_OFF
    ]
    return min([*session.divergences, *missing], key=place, default=None)


def _where(divergence: Divergence, number: int | None) -> str:
    source: Recorded | None = divergence.source
    if divergence.field in ("output", "status"):
        return "All calls are as recorded"
    is_tool = isinstance(source, ToolCall) or (source is None and divergence.tool is not None)
    what = f"tool call {number or ''}".strip() if is_tool else f"LLM call {number or ''}".strip()
    if divergence.tool:
        what += f" (`{divergence.tool}`)"
    where = f" in `{node_of(divergence.node_path)}`" if divergence.node_path else ""
    return f"Diverged at {what}{where}"


def _exact(session: ReplaySession) -> str:
    count = len(session.calls.calls)
    word = "call was" if count == 1 else "calls were"
    if session.live_count:
        return f"All {count} {word} as recorded, {session.live_count} of them executed again."
    return f"All {count} {word} answered by the recording, and the output is the same."


def replay_fields(
    session: ReplaySession,
    judged: Judged | None,
    *,
    cost_usd: Decimal | None,
    label: Callable[[str], str],
    structure: Callable[[Any], Any],
) -> dict[str, Any]:
    """Return the fields of the `replay_finished` event.

    Args:
        session: the replay.
        judged: None when it was stopped.
        cost_usd: what was paid.
        label: takes secrets out of a text.
        structure: takes secrets out of settings.
    """  # fmt: skip
    options = session.options
    divergence = judged.divergence if judged else None
    source = divergence.source if divergence else None
    live = {node: count for node, count in session.live_by_node.items() if count}
    return {
        "source_run_id": session.recording.run_id,
        "replay_kind": session.kind,
        "overrides": structure(dict(options.overrides)) or None,
        "from_node": options.from_node,
        "llm_policy": options.llm,
        "tool_policy": options.tools,
        "verdict": judged.verdict if judged else None,
        "verdict_reason": label(judged.reason) if judged else None,
        "diverged_node_path": divergence.node_path if divergence else None,
        "diverged_span_id": divergence.span_id if divergence else None,
        "diverged_source_span_id": source.span_id if source else None,
        "diverged_call": judged.call if judged else None,
        "diverged_field": divergence.field if divergence else None,
        "live_calls": session.live_count,
        "recorded_calls": session.recorded_count,
        "live_by_node": live or None,
        "cost_usd": cost_usd,
        "avoided_cost_usd": session.avoided_cost_usd,
        "extra": {**({"sampled": True} if options.samples else {}), **session.extra} or None,
    }
