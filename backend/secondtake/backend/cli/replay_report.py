"""What `secondtake replay` prints: the plan, the verdict, what was executed, what it cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from secondtake.backend import formats
from secondtake.backend.cli.run_report import result_as_json, result_lines
from secondtake.backend.cli.tables import Column, screen_width, table
from secondtake.backend.cli.values import indented, text_of
from secondtake.runner.hashing import value_hash
from secondtake.runner.jsonable import to_json_value

if TYPE_CHECKING:
    from secondtake.runner.replay.plans import Plan, PlannedCall
    from secondtake.runner.replay.workflow import Replayed

PLAN_COLUMNS: Final = (
    Column(title="CALL"),
    Column(title="NODE", shrinks_to=16),
    Column(title="NAME", shrinks_to=16),
    Column(title="ANSWERED BY"),
    Column(title="ESTIMATE", right=True),
)
ANSWERED_BY: Final = {
    "recorded": "the recording",
    "executed": "executed",
    "possible": "executed, depending on earlier answers",
    "left_out": "left out",
}
PAID: Final = ("executed", "possible")
ANSWERS_SHOWN: Final = 10
ANSWER_CHARS: Final = 300


def plan_lines(plan: "Plan") -> list[str]:
    """Return what a replay would execute, and between which amounts it may cost."""
    rows = [
        [
            _call(call),
            formats.one_line(call.node),
            formats.one_line(call.name),
            ANSWERED_BY[call.reach],
            formats.money(call.cost_usd) if call.reach in PAID else "",
        ]
        for call in plan.calls
    ]
    lines = table(PLAN_COLUMNS, rows, width=screen_width()) if rows else []
    lines += ["", _plan_line(plan)]
    if plan.repeat > 1:
        lines.append(f"These are the figures of {plan.repeat} repeats; the calls are those of one.")
    if plan.stops:
        lines.append(f"It would end early: {plan.stops}")
    return [*lines, *_reasons(plan.calls)]


def _call(call: "PlannedCall") -> str:
    return f"{'LLM call' if call.kind == 'llm_call' else 'tool call'} {call.number}"


def _plan_line(plan: "Plan") -> str:
    possible, left_out = plan.count("possible"), plan.count("left_out")
    parts = [f"{formats.counted(plan.count('executed'), 'call')} executed"]
    parts += [f"{possible} more depending on earlier answers"] if possible else []
    parts += [f"{plan.count('recorded')} from the recording"]
    parts += [f"{left_out} left out"] if left_out else []
    low, high = formats.money(plan.lower_usd), formats.money(plan.upper_usd)
    cost = low if low == high else f"{low} to {high}"
    parts.append(f"estimate {cost}, with the tokens of the source")
    if plan.unpriced:
        parts.append(f"what {formats.counted(plan.unpriced, 'call')} would cost is unknown")
    return " · ".join(parts)


def _reasons(calls: "Sequence[PlannedCall]") -> list[str]:
    """Return why calls are left out, or are not rebuilt; each reason once."""
    by_reason: dict[tuple[bool, str], list[str]] = {}
    for call in calls:
        if call.why is not None:
            by_reason.setdefault((call.reach == "left_out", call.why), []).append(_call(call))
    lines: list[str] = []
    for (is_left_out, why), names in by_reason.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        what = "left out" if is_left_out else "not rebuilt, its request is as recorded"
        lines.append(f"{names[0]}{more} {what}: {formats.one_line(why)}")
    return lines


def plan_as_json(plan: "Plan") -> dict[str, Any]:
    """Return the plan as JSON: money as text, unknown as null."""
    plain: dict[str, Any] = to_json_value(asdict(plan))
    return {
        **plain,
        "executed": plan.count("executed"),
        "possible": plan.count("possible"),
        "recorded": plan.count("recorded"),
        "left_out": plan.count("left_out"),
        "unpriced": plan.unpriced,
        "estimate": True,
    }


def replay_lines(replayed: "Replayed", *, source: UUID) -> list[str]:
    """Return how the replay ended, its verdict, and what was executed for it."""
    result = replayed.result
    lines = result_lines(result, name=f"replay of {str(source)[:13]}")
    if replayed.judged is not None:
        lines.insert(1, f"{replayed.judged.verdict.replace('_', ' ')} · {replayed.judged.reason}")
    avoided = replayed.result.totals.avoided_cost_usd
    said = who_answered(replayed.live_by_node, replayed.recorded_calls, avoided)
    lines.insert(2 if replayed.judged else 1, said)
    return [*lines, f"secondtake diff {source} {result.run_id}"]


def who_answered(
    live_by_node: Mapping[str, int], recorded_calls: int, avoided_cost_usd: Decimal | None
) -> str:
    """Return how many calls were executed, where, and how many the recording answered."""
    executed = sum(live_by_node.values())
    said = f"{formats.counted(executed, 'call')} executed"
    if executed:
        places = [f"{formats.one_line(node)} {count}" for node, count in live_by_node.items()]
        said += f" ({', '.join(places)})"
    said += f" · {recorded_calls} answered by the recording"
    return (
        said if avoided_cost_usd is None else f"{said}, {formats.money(avoided_cost_usd)} avoided"
    )


def replay_as_json(replayed: "Replayed") -> dict[str, Any]:
    """Return the replay as JSON: money as text, unknown as null."""
    judged = replayed.judged
    return {
        **result_as_json(replayed.result),
        "verdict": judged.verdict if judged else None,
        "verdict_reason": judged.reason if judged else None,
        "diverged_node_path": judged.divergence.node_path if judged and judged.divergence else None,
        "diverged_field": judged.divergence.field if judged and judged.divergence else None,
        "diverged_call": judged.call if judged else None,
        "live_by_node": dict(replayed.live_by_node),
        "live_calls": sum(replayed.live_by_node.values()),
        "recorded_calls": replayed.recorded_calls,
        **to_json_value(dict(replayed.extra)),
    }


def repeat_lines(done: "Sequence[Replayed]") -> list[str]:
    """Return how stable the answer is: each different one with how often it was given."""
    outputs: dict[str, Any] = {}
    counts: Counter[str] = Counter()
    for each in done:
        status = each.result.status
        plain = to_json_value(each.result.output)
        key = value_hash(plain) if status == "ok" else status
        outputs.setdefault(key, plain if status == "ok" else f"({status})")
        counts[key] += 1
    lines: list[str] = []
    for key, count in counts.most_common(ANSWERS_SHOWN):
        text = text_of(outputs[key])
        shown = text if len(text) <= ANSWER_CHARS else f"{text[:ANSWER_CHARS]}…"
        lines += [f"{count} of {len(done)}", *indented(shown), ""]
    if len(counts) > ANSWERS_SHOWN:
        lines += [f"and {len(counts) - ANSWERS_SHOWN} more answers", ""]
    known = [
        each.result.totals.cost_usd for each in done if each.result.totals.cost_usd is not None
    ]
    cost = formats.money(sum(known[1:], start=known[0])) if known else formats.UNKNOWN
    answers = formats.counted(len(counts), "different answer")
    return [*lines, f"{answers} in {formats.counted(len(done), 'repeat')} · {cost}"]
