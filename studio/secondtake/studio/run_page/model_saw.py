"""What the model saw at a call: what it knew already, what was new, what it answered."""

from collections.abc import Sequence
from typing import Any, Final

from secondtake.backend.formats import UNKNOWN, count, counted
from secondtake.backend.models.records import LlmCallRow, MessageRow
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.failure import attempt_line, has_failed
from secondtake.studio.run_page.json_text import in_one_line, laid_out, name_line
from secondtake.studio.run_page.long_text import Place, text_block, whole_length
from secondtake.studio.run_page.message_view import call_facts, messages_view
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.sight import Sight, sight_at
from secondtake.studio.run_page.threads import NumberedCall

STEP_ACT: Final = "call"
OPEN_ACT: Final = "saw-open"
SEEN_MAX: Final = 60
"""More messages than this are not drawn at once."""
NO_FOLD: Final = 1_000_000_000


def chosen_call(reading: Reading) -> NumberedCall | None:
    """Return the call that is looked at: that of the chosen span, else the first.

    Of a tool call it is the one that asked for it, of a node the first in it.
    """
    conversations = reading.view.conversations
    wanted = reading.span_id
    if wanted is not None:
        for call in conversations.calls:
            if call.row.span_id == wanted:
                return call
        asking = conversations.calls_of_turn.get(reading.turn or "")
        if asking:
            return asking[0]
        for call in conversations.calls:
            if call.row.parent_span_id == wanted:
                return call
    return conversations.calls[0] if conversations.calls else None


def model_saw(reading: Reading) -> Html:
    """Return what the model saw at the call that is looked at."""
    call = chosen_call(reading)
    if call is None:
        said = el("p", "No model was asked in this run.")
        return el("div", icon("visibility_off", cls="empty-icon"), said, cls="empty small")
    sight = sight_at(call, reading.view.conversations.calls, reading.view.messages)
    body = [
        *_seen(sight, reading),
        _removed(sight, reading),
        _news(sight, reading),
        _answer(sight, reading),
        _request(call, reading),
    ]
    return join(_stepper(call, reading), el("div", body, cls="saw"))


def _stepper(call: NumberedCall, reading: Reading) -> Html:
    calls = reading.view.conversations.calls
    of_all = len(calls)
    where = reading.name_of(call.row.node_path) if call.row.node_path else ""
    return el(
        "div",
        _step("arrow_back", "Call before", call.number - 1, of_all),
        el("b", f"call {call.number}", cls="num"),
        el("span", f"of {of_all}", cls="meta num"),
        _step("arrow_forward", "Call after", call.number + 1, of_all),
        el("span", where, cls="meta ellipsis", title=where),
        el("span", cls="grow"),
        call_facts(call.row),
        cls="stepper pane-sticky",
    )


def _step(symbol: str, label: str, number: int, of_all: int) -> Html:
    usable = 1 <= number <= of_all
    return el(
        "span",
        icon(symbol),
        cls="step" + ("" if usable else " is-off"),
        title=label,
        role="button",
        tabindex=0 if usable else -1,
        aria_label=label,
        aria_disabled="false" if usable else "true",
        data_act=STEP_ACT,
        data_value=str(number),
    )


def _seen(sight: Sight, reading: Reading) -> list[Html]:
    if not sight.is_recorded:
        said = "What was sent with this call was not recorded."
        return [el("div", icon("visibility_off"), said, cls="saw-note")]
    if sight.before is None:
        return []
    before = sight.before.row
    parts = [f"{counted(len(sight.seen), 'message')} already seen"]
    if before.input_tokens is not None:
        parts.append(f"{count(before.input_tokens)} tok sent with call {sight.before.number}")
    head = el(
        "summary", icon("chevron_right", cls="fold-mark"), el("span", " · ".join(parts)), cls="num"
    )
    key = f"seen-{sight.call.number}"
    is_open = key in reading.opened
    return [
        el(
            "details",
            head,
            _last_of(sight.seen, reading) if is_open else [],
            cls="saw-seen",
            open=is_open,
            data_key=key,
            data_lazy=None if is_open else True,
            data_act=OPEN_ACT,
            data_value=key,
        )
    ]


def _last_of(messages: Sequence[MessageRow], reading: Reading) -> list[Html]:
    """Return messages, the last ones of many: the conversation has them all."""
    hidden = len(messages) - SEEN_MAX
    if hidden <= 0:
        return messages_view(messages, reading)
    said = f"{counted(hidden, 'earlier message')} not drawn here; Conversation has all of them."
    return [el("div", said, cls="saw-note"), *messages_view(messages[hidden:], reading)]


def _removed(sight: Sight, reading: Reading) -> Html | None:
    """Return what the call before had been sent and this one was not."""
    if not sight.removed or sight.before is None:
        return None
    said = (
        f"The history was edited: {counted(len(sight.removed), 'message')} of call "
        f"{sight.before.number} {'is' if len(sight.removed) == 1 else 'are'} not here any more"
    )
    head = el("summary", icon("history_toggle_off"), said, cls="warn")
    return el("details", head, _last_of(sight.removed, reading), cls="saw-removed")


def _news(sight: Sight, reading: Reading) -> Html | None:
    if not sight.is_recorded:
        return None
    messages = counted(len(sight.new), "message")
    if sight.before is None:
        title = f"New · {messages} · the first call of this conversation"
    else:
        title = f"New since call {sight.before.number} · {messages}{_more_tokens(sight)}"
    return el(
        "div",
        el("div", title, cls="saw-head num"),
        _last_of(sight.new, reading),
        cls="saw-new",
        data_key=f"new-{sight.call.number}",
    )


def _more_tokens(sight: Sight) -> str:
    """Return how many more tokens were sent than with the call before, where both are known."""
    before = sight.before.row.input_tokens if sight.before is not None else None
    now = sight.call.row.input_tokens
    if before is None or now is None:
        return ""
    sign = "+" if now >= before else "\N{MINUS SIGN}"
    return f" · {sign}{count(abs(now - before))} tok"


def _answer(sight: Sight, reading: Reading) -> Html:
    row = sight.call.row
    if has_failed(row):
        body: Html | list[Html] = attempt_line(row, reading)
    elif sight.answers:
        body = messages_view(sight.answers, reading)
    else:
        waits = reading.view.is_running and row.ended_at is None
        body = el("div", "not yet" if waits else "was not recorded", cls="meta")
    return el(
        "div",
        el("div", "Answer", cls="saw-head"),
        body,
        cls="saw-answer",
        data_key=f"answer-{sight.call.number}",
    )


def _request(call: NumberedCall, reading: Reading) -> Html:
    row = call.row
    facts = [
        ("asked for", row.model),
        ("served", row.served_model),
        ("provider", row.provider),
        ("finish reason", row.finish_reason),
        ("attempt", str(row.attempt) if (row.attempt or 1) > 1 else None),
        ("served from", row.served_from if row.served_from != "live" else None),
        ("service tier", row.service_tier),
        ("request hash", row.request_hash),
        ("response id", row.response_id),
    ]
    rows = [
        el(
            "div",
            el("dt", name),
            el("dd", name_line(value), cls="mono ellipsis", title=name_line(value)),
        )
        for name, value in facts
        if value
    ]
    folds = [_parameters(row, reading), _tools(row, reading)]
    nothing = el("div", "Model, parameters and tools were not recorded.", cls="pane-note")
    return el(
        "div",
        el("div", "Request", cls="saw-head"),
        el("dl", rows, cls="facts-list") if rows else None,
        folds if rows or any(folds) else nothing,
        cls="saw-request",
    )


def _parameters(row: LlmCallRow, reading: Reading) -> Html | None:
    if not row.parameters:
        return None
    text = laid_out(row.parameters)
    place = Place(table="llm_calls", row=row.span_id, field="parameters")
    total = whole_length(row.clipped, "parameters", text)
    block = text_block(text, place, reading.pieces, total=total, cls="mono", fold_at=NO_FOLD)
    return _fold("Parameters", in_one_line(row.parameters), block)


def _tools(row: LlmCallRow, reading: Reading) -> Html | None:
    """Return the tools that the model was offered."""
    if row.tools_hash is None:
        return None
    rows = reading.view.detail.tool_definitions
    found = next((each for each in rows if each.tools_hash == row.tools_hash), None)
    definitions: Any = found.definitions if found is not None else None
    if not definitions:
        return None
    names = tool_names(definitions)
    text = laid_out(definitions)
    place = Place(table="tool_definitions", row=row.tools_hash, field="definitions")
    block = text_block(text, place, reading.pieces, cls="mono", fold_at=NO_FOLD)
    head = counted(len(names), "tool") if names else "tools"
    return _fold(f"{head} offered", in_one_line(", ".join(names)), block)


def tool_names(definitions: Any) -> list[str]:
    """Return the names of tool definitions, in the form of OpenAI or Anthropic."""
    names: list[str] = []
    for each in definitions if isinstance(definitions, list) else []:
        fields = each.get("function", each) if isinstance(each, dict) else {}
        name = fields.get("name") if isinstance(fields, dict) else None
        names.append(name if isinstance(name, str) else UNKNOWN)
    return names


def _fold(label: str, line: str, body: Html) -> Html:
    head = el(
        "summary",
        icon("chevron_right", cls="fold-mark"),
        el("b", label),
        el("code", line, cls="one-line"),
    )
    return el("details", head, body, cls="tool")
