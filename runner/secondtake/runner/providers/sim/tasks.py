"""Small closed tasks whose answer can be right or wrong: labels, orderings, sums."""

import re
from collections.abc import Callable
from typing import Final

from secondtake.runner.providers.sim.arithmetic import (
    evaluate,
    muddled,
    number_text,
)
from secondtake.runner.providers.sim.conversation import Conversation
from secondtake.runner.providers.sim.evidence import wanted_sums
from secondtake.runner.providers.sim.skill import Dice
from secondtake.runner.providers.sim.text import BULLET
from secondtake.runner.providers.sim.values import as_number, choose_label, find_dates
from secondtake.runner.providers.sim.wishes import SEPARATOR, Wishes

DESCENDING: Final = re.compile(
    r"\b(?:descending|largest first|highest first|newest first|from (?:the )?(?:largest|highest|"
    r"most|newest|biggest|latest|longest)|reverse|most .* first|decreasing|biggest first|"
    r"latest first|z to a)\b",
    re.IGNORECASE,
)
BY_LENGTH: Final = re.compile(r"\b(?:by length|shortest|longest)\b", re.IGNORECASE)
AFTER_COLON: Final = re.compile(r":\s*([^:\n]+?)\.?\s*$")


def classify(conversation: Conversation, wishes: Wishes, dice: Dice) -> str | None:
    """Choose one of the labels that the prompt offers; None when it offers none."""
    if not wishes.options:
        return None
    text = " ".join(p.text for p in conversation.task.given)
    if not text:
        names = "|".join(re.escape(option) for option in wishes.options)
        text = re.sub(rf"\b(?:{names})\b", " ", conversation.task.text)
    best = choose_label(wishes.options, text)
    if dice.lapses("classify"):
        best = (best + 1) % len(wishes.options)
    return wishes.options[best]


def put_in_order(conversation: Conversation, dice: Dice) -> list[str] | None:
    """Sort the items that the prompt lists; None when it lists none."""
    items = _items(conversation)
    if len(items) < 2:
        return None
    asked = conversation.question
    ordered = sorted(items, key=_sort_key(items, by_length=bool(BY_LENGTH.search(asked))))
    longest_first = re.search(r"\blongest\b.*\bshortest\b|\blongest first\b", asked)
    if DESCENDING.search(asked) or longest_first:
        ordered.reverse()
    if dice.lapses("order", weight=1.2 if len(items) > 4 else 0.8):
        middle = len(ordered) // 2
        ordered[middle - 1], ordered[middle] = ordered[middle], ordered[middle - 1]
    return ordered


def compute(conversation: Conversation, dice: Dice) -> list[str]:
    """Do the sums of the question in the head: `17 * 3 = 51`.

    Sums that a tool did already are left out. Long results go wrong more easily.
    """
    results: list[str] = []
    done = sum(result.is_number for result in conversation.results)
    for expression in wanted_sums(conversation)[done:]:
        value = evaluate(expression)
        if value is None:
            continue
        text = number_text(value)
        if dice.lapses(f"compute/{expression}", weight=0.3 + 0.2 * len(text)):
            text = muddled(text)
        results.append(f"{expression} = {text}")
    return results


def _items(conversation: Conversation) -> list[str]:
    lines = [
        BULLET.sub("", line).strip()
        for line in conversation.task.text.splitlines()
        if BULLET.match(line) and not line.lstrip().startswith("#")
    ]
    if len(lines) > 1:
        return lines
    for line in conversation.task.text.splitlines():
        match = AFTER_COLON.search(line)
        items = [i.strip(" .\"'") for i in SEPARATOR.split(match.group(1))] if match else []
        if len([i for i in items if i]) > 1:
            return [i for i in items if i]
    return []


def _sort_key(items: list[str], *, by_length: bool) -> Callable[[str], tuple[float, str]]:
    if by_length:
        return lambda item: (len(item), item.casefold())
    if all(find_dates(item) for item in items):
        return lambda item: (0.0, find_dates(item)[0])
    if all(as_number(item) is not None for item in items):
        return lambda item: (as_number(item) or 0.0, item)
    return lambda item: (0.0, item.casefold())
