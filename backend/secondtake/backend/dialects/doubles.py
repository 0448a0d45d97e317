"""Tells calls from the spans that report them once more.

A wrapper and the vendor's client may both report a call: OpenInference's `messages.create` holds
the span that Anthropic's client makes by itself, a framework's `ChatOpenAI` that of an
instrumentation. Adding up both would count every token twice. The innermost one is the call.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from secondtake.backend.dialects.shapes import ReadSpan


def leaves(spans: Sequence[ReadSpan]) -> list[ReadSpan]:
    """Return the spans of one trace with each model call once.

    An LLM span that holds another one, with nothing but spans of no known kind between them,
    becomes a `chain`; its `tokens` stay what it reported. A tool or an agent between them is a
    call of its own: the model that asked for it was really asked.

    Where a span holds exactly one call, both are the same request: the inner one gets what the
    outer one alone says, which is often the messages, and names it in `same_call`.
    """
    by_id = {span.raw.span_id: span for span in spans if span.raw.span_id is not None}
    holders = {id(span): _holder(span, by_id) for span in spans if span.kind == "llm"}
    held = Counter(holder for holder in holders.values() if holder is not None)
    found: list[ReadSpan] = []
    for span in spans:
        holds = held[span.raw.span_id or ""] if by_id.get(span.raw.span_id or "") is span else 0
        if span.kind != "llm":
            found.append(span)
        elif holds:
            # Of several calls it is not told which one was sent what the outer span says.
            is_told = holds > 1
            given = span.sent if is_told else span.input
            made = span.answers or None if is_told else span.output
            found.append(replace(span, kind="chain", input=given, output=made))
        else:
            found.append(_whole(span, by_id, holders, held))
    return found


def _whole(
    call: ReadSpan,
    by_id: dict[str, ReadSpan],
    holders: dict[int, str | None],
    held: Counter[str],
) -> ReadSpan:
    """Return a call with what only the spans say that report it once more, the nearest first."""
    holder = holders[id(call)]
    while holder is not None and held[holder] == 1 and not _differ(call, by_id[holder]):
        call = _filled(call, by_id[holder], holder)
        holder = holders[id(by_id[holder])]
    return call


def _holder(span: ReadSpan, by_id: dict[str, ReadSpan]) -> str | None:
    """Return the id of the LLM span that holds another one."""
    seen = {span.raw.span_id}
    above = span.raw.parent_span_id
    while above is not None and above in by_id and above not in seen:
        seen.add(above)
        if by_id[above].kind == "llm":
            return above
        if by_id[above].kind != "other":
            return None
        above = by_id[above].raw.parent_span_id
    return None


def _differ(one: ReadSpan, other: ReadSpan) -> bool:
    ids = {span.response_id for span in (one, other)} - {None}
    return len(ids) > 1


def _filled(call: ReadSpan, outer: ReadSpan, outer_id: str) -> ReadSpan:
    """Return a call with what only the span around it says."""
    has_tokens = call.tokens.input_tokens is not None or call.tokens.output_tokens is not None
    return replace(
        call,
        sent=call.sent if call.sent is not None else outer.sent,
        answers=call.answers or outer.answers,
        tools=call.tools if call.tools is not None else outer.tools,
        parameters={**(outer.parameters or {}), **(call.parameters or {})} or None,
        finish_reasons=call.finish_reasons or outer.finish_reasons,
        response_id=call.response_id or outer.response_id,
        session_id=call.session_id or outer.session_id,
        user_id=call.user_id or outer.user_id,
        tokens=call.tokens if has_tokens else outer.tokens,
        usage=call.usage if has_tokens else outer.usage,
        cost_usd=call.cost_usd if call.cost_usd is not None else outer.cost_usd,
        same_call=(*call.same_call, outer_id),
    )
