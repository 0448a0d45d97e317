"""A message with what produced it: its role, the call's numbers, its words, its tool calls."""

from collections.abc import Iterable
from typing import Final

from secondtake.backend.formats import CALL_PLACES, UNKNOWN, duration, money, tokens_in_out
from secondtake.backend.models.records import LlmCallRow, MessageRow
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.json_text import name_line
from secondtake.studio.run_page.long_text import FOLD_CHARS
from secondtake.studio.run_page.message_parts import message_body
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.threads import INSTRUCTIONS, NumberedCall, Turn
from secondtake.studio.run_page.tool_view import tool_view

CALL_ACT: Final = "call"
INSTRUCTION_FOLD_CHARS: Final = 360
TOOL_FOLD_CHARS: Final = 1_200

ROLES: Final = {
    "system": ("settings", "System"),
    "developer": ("settings", "Developer"),
    "user": ("person", "User"),
    "assistant": ("neurology", "Assistant"),
    "tool": ("build", "Tool"),
    "function": ("build", "Tool"),
}
"""Symbol and word for each role; others are shown as they are."""


def message_view(turn: Turn, message: MessageRow, reading: Reading) -> Html:
    """Return a turn that is a message."""
    symbol, word = role_of(message)
    head = turn_head(symbol, word, turn)
    tools = [tool_view(use, reading) for use in turn.tools]
    return join(head, words_of(message, reading), tools)


def words_of(message: MessageRow, reading: Reading) -> Html | None:
    """Return what a message says."""
    is_instruction = message.role in INSTRUCTIONS
    fold_at = INSTRUCTION_FOLD_CHARS if is_instruction else FOLD_CHARS
    cls = "said quiet" if is_instruction else "said"
    return message_body(message, reading, cls=cls, fold_at=fold_at)


def role_of(message: MessageRow) -> tuple[str, str]:
    """Return the symbol and the word for who speaks."""
    role = message.role or "message"
    return ROLES.get(role, ("chat_bubble", name_line(role)))


def turn_head(symbol: str, word: str, turn: Turn) -> Html:
    """Return the line above what was said."""
    name = turn.message.name if turn.message is not None else None
    parts: list[Html | None] = [
        icon(symbol, cls=f"role-{symbol}"),
        el("b", word),
        el("span", name_line(name), cls="meta cut", title=name_line(name)) if name else None,
        *(call_chip(call) for call in turn.calls),
    ]
    if turn.choice:
        parts.append(el("span", f"choice {turn.choice[0]} of {turn.choice[1]}", cls="chip"))
    facts = call_facts(turn.calls[0].row) if turn.calls else None
    return el("div", parts, el("span", cls="grow"), facts, cls="turn-head")


def call_chip(call: NumberedCall) -> Html:
    """Return the number of a call; a click shows what the model saw at it."""
    return el(
        "span",
        f"call {call.number}",
        cls="chip act-chip",
        title="Show what the model saw",
        role="button",
        tabindex=0,
        data_act=CALL_ACT,
        data_value=str(call.number),
    )


def call_facts(row: LlmCallRow) -> Html | None:
    """Return tokens, cost and time of a call; what its source could not know is left out."""
    facts: list[Html | str] = []
    if row.input_tokens is not None or row.output_tokens is not None:
        facts.append(f"{tokens_in_out(row.input_tokens, row.output_tokens)} tok")
    if row.cost_usd is not None or facts:
        simulated = "simulated-price" if row.simulated and row.cost_usd is not None else None
        facts.append(el("span", cost_of(row), cls=simulated))
    if row.duration_ms is not None:
        facts.append(duration(row.duration_ms))
    if row.served_from not in (None, "live"):
        facts.append(row.served_from or "")
    return el("span", join(facts, separator=" · "), cls="num meta") if facts else None


def cost_of(row: LlmCallRow) -> str:
    """Return what a call cost; of one whose price is unknown, that."""
    return UNKNOWN if row.cost_usd is None else money(row.cost_usd, places=CALL_PLACES)


def messages_view(messages: Iterable[MessageRow], reading: Reading) -> list[Html]:
    """Return messages as they were sent, one below the other, without what came of them."""
    return [_sent(message, reading) for message in messages]


def _sent(message: MessageRow, reading: Reading) -> Html:
    symbol, word = role_of(message)
    is_tool = word == "Tool"
    name = message.name or (reading.view.tool_answered_by(message) if is_tool else None)
    head = el(
        "div",
        icon(symbol, cls=f"role-{symbol}"),
        el("b", word),
        el("span", name_line(name), cls="meta cut", title=name_line(name)) if name else None,
        cls="turn-head",
    )
    words = (
        message_body(message, reading, cls="mono", fold_at=TOOL_FOLD_CHARS)
        if is_tool
        else words_of(message, reading)
    )
    asked = [tool_view(use, reading) for use in reading.view.asked_tools(message)]
    return el("div", head, words, asked, cls="turn", data_key=f"sent-{message.message_id}")
