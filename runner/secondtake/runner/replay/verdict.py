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
    same_end = source is not None and (status, error_type) == (source.status, source.error_type)
    same_output = source is not None and value_hash(output) == value_hash(source.output)
    first = first_divergence(session, same_end=same_end)
    if first is None and same_end and same_output:
        return Judged(verdict="exact", reason=_exact(session, status, error_type))
    if first is None:
        told = _other_end(session, status, error_type, same_end=same_end)
        first = Divergence(
            field="output" if same_end else "status", span_id=None, node_path=None, source=None
        )
        return Judged(verdict="diverged", reason=told, divergence=first)
    number = session.calls.numbers[first.source.span_id] if first.source else None
    where, why = _where(first, number), _why(session, first)
    if same_end and same_output:
        return Judged(
            verdict="same_output",
            reason=f"The output is the same, by another way from {where} on: {why}.",
            divergence=first,
            call=number,
        )
    reason = f"Diverged at {where}: {why}."
    return Judged(verdict="diverged", reason=reason, divergence=first, call=number)


def first_divergence(session: ReplaySession, *, same_end: bool = False) -> Divergence | None:
    """Return the divergence that comes first in the source.

    Not the first in time: parallel branches race, and a verdict must not.

    Args:
        session: the replay.
        same_end: whether it ended as its source. Then how far branches came that a failure beside
            them cut off does not count, which no two runs have alike.
    """
    places = {call.span_id: place for place, call in enumerate(session.calls.calls)}

    def place(divergence: Divergence) -> tuple[int, int, bool, str]:
        source = divergence.source or divergence.after
        known, at = LAST if source is None else (0, places[source.span_id])
        return known, at, divergence.source is None, divergence.node_path or ""

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
        and not (same_end and session.pace.was_cut_off(call.node_path))
    ]
    return min([*session.divergences, *missing], key=place, default=None)


def _where(divergence: Divergence, number: int | None) -> str:
    source: Recorded | None = divergence.source
    is_tool = isinstance(source, ToolCall) or (source is None and divergence.tool is not None)
    what = "tool call" if is_tool else "LLM call"
    what = f"a new {what}" if number is None else f"{what} {number}"
    if divergence.tool:
        what += f" (`{divergence.tool}`)"
    return f"{what} in `{node_of(divergence.node_path)}`" if divergence.node_path else what


def _why(session: ReplaySession, divergence: Divergence) -> str:
    """Return what of a call is not as recorded."""
    source = divergence.source
    if source is not None and source.error_type in CUT_OFF:
        return "the source was stopped before it was answered"
    if divergence.field == "new" and isinstance(source, ToolCall):
        return f"the source called `{source.tool}` instead"
    if divergence.field == "new" and session.recording.end is None:
        return "the source was killed before it came to it"
    return IN_WORDS[divergence.field]


def _other_end(
    session: ReplaySession, status: RunStatus, error_type: str | None, *, same_end: bool
) -> str:
    """Return in what a replay differs whose calls were all as recorded."""
    source = session.recording.end
    if same_end or source is None:
        what = "the output is another one" if source else "the source was killed before its end"
        return f"All calls were as recorded, but {what}."
    now, then = _ended(status, error_type), _ended(source.status, source.error_type)
    return f"All calls were as recorded, but the run ended with {now}, its source with {then}."


def _ended(status: RunStatus, error_type: str | None) -> str:
    return f"`{status}` ({error_type})" if status == "error" else f"`{status}`"


def _exact(session: ReplaySession, status: RunStatus, error_type: str | None) -> str:
    count, live = session.recorded_count + session.live_count, session.live_count
    end = (
        "the output is the same"
        if status == "ok"
        else f"it ended with {_ended(status, error_type)} again"
    )
    if count == 0:
        return f"There was no call to answer, and {end}."
    all_of_them = "The one call was" if count == 1 else f"All {count} calls were"
    if live == count:
        return f"{all_of_them} executed again and came to the same, and {end}."
    if live:
        return f"{all_of_them} as recorded, {live} of them executed again, and {end}."
    return f"{all_of_them} answered by the recording, and {end}."


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
