"""A person's answer to a question of the run."""

from collections.abc import Mapping
from typing import Any

from secondtake.backend.formats import duration
from secondtake.backend.models.records import ToolCallRow
from secondtake.studio.html import Html, el, icon, join
from secondtake.studio.run_page.failure import error_block, has_failed
from secondtake.studio.run_page.json_text import in_one_line, name_line
from secondtake.studio.run_page.reading import Reading
from secondtake.studio.run_page.threads import Turn


def person_view(turn: Turn, reading: Reading) -> Html:
    """Return what a person was asked and what was answered."""
    use = turn.tools[0]
    row = use.row
    answer, by = answer_of(row.result if row is not None else None)
    said = _answered(row, by) if row is not None else []
    head = el(
        "div",
        icon("person_raised_hand", cls="kind-other"),
        el("b", "Person"),
        el("span", cls="grow"),
        el("span", " · ".join(said), cls="meta num") if said else None,
        cls="turn-head",
    )
    question = question_of(use.asked)
    body = el(
        "div",
        el("span", question, cls="quiet") if question else None,
        el("span", icon("arrow_forward"), answer, cls="answer") if answer is not None else None,
        cls="said",
    )
    failed = row is not None and has_failed(row)
    error = error_block(row, "tool_calls", reading) if row is not None and failed else None
    return join(head, body, error)


def _answered(row: ToolCallRow, by: str | None) -> list[str]:
    """Return who answered, how, and after how long."""
    extra: Mapping[str, Any] = row.extra if isinstance(row.extra, Mapping) else {}
    by = by or extra.get("answered_by")
    via = extra.get("answered_via")
    said = [name_line(by)] if isinstance(by, str) and by else []
    if via == "beforehand":
        return [*said, "answered beforehand"]
    if row.duration_ms is not None:
        said.append(f"answered after {duration(row.duration_ms)}")
    return said


def question_of(asked: Any) -> str | None:
    """Return the text of a question, however it was recorded."""
    if isinstance(asked, Mapping):
        asked = asked.get("question", asked)
    if asked is None:
        return None
    return asked if isinstance(asked, str) else in_one_line(asked)


def choices_of(asked: Any) -> list[str]:
    """Return what there is to choose from; nothing when any answer will do."""
    choices = asked.get("choices") if isinstance(asked, Mapping) else None
    return [str(choice) for choice in choices] if isinstance(choices, list) else []


def answer_of(result: Any) -> tuple[str | None, str | None]:
    """Return an answer as text, and who gave it."""
    by = None
    if isinstance(result, Mapping) and "answer" in result:
        by = result.get("by")
        result = result["answer"]
    if result is None:
        return None, None
    text = result if isinstance(result, str) else in_one_line(result, limit=2000)
    return text, by if isinstance(by, str) else None
