"""Says which importer a file fits that was given to another one."""

from collections.abc import Set as AbstractSet
from typing import Any, Final

from secondtake.backend.importers.files import shape_of
from secondtake.runner.narrow import is_list, is_object

_MARKS: Final[tuple[tuple[str, AbstractSet[str]], ...]] = (
    ("promptfoo", {"results", "config"}),
    ("promptfoo", {"promptIdx", "testCase"}),
    ("langfuse", {"trace", "observations"}),
    ("spans", {"name", "attributes"}),
    ("spans", {"resourceSpans"}),
    ("openai-evals", {"datasource_item", "sample"}),
    ("openai-evals", {"spec"}),
    ("inspect", {"eval", "status"}),
    ("tau-bench", {"task_id", "reward", "traj"}),
    ("mini-swe-agent", {"messages", "trajectory_format"}),
    ("swe-agent", {"history"}),
    ("chat-jsonl", {"messages"}),
    ("chat-jsonl", {"prompt", "completion"}),
    ("chat-jsonl", {"prompt", "response"}),
)
"""What the objects of a format have, the most telling first."""
_CHAT_MESSAGE: Final = {"role", "content"}
"""A list of such is a trajectory of mini-swe-agent."""


def format_of(value: Any) -> str | None:
    """Return the format that a whole file's JSON, or its records, look like; None: none of these."""
    first: Any = value[0] if is_list(value) and value else value
    if is_object(first) and is_list(first.get("data")) and first["data"]:
        first = first["data"][0]
    if not is_object(first):
        return None
    if is_list(value) and first.keys() >= _CHAT_MESSAGE:
        return "mini-swe-agent"
    return next((name for name, keys in _MARKS if keys <= first.keys()), None)


def hint_at(value: Any, *, but: str) -> str:
    """Return a sentence about the importer that a value is for, else an empty text.

    Args:
        value: what a file holds, or its records.
        but: the format that was tried.
    """
    fits = format_of(value)
    if fits is None or fits == but:
        return ""
    return f" It looks like one for `secondtake import {fits}`."


def found_instead(value: Any, *, asked: str) -> str:
    """Say what a file holds that is not of the format `asked`, and which importer reads it.

    Returns:
        Words that follow "it holds".
    """
    fits = format_of(value)
    found = shape_of(value)
    if fits is None or fits == asked:
        return found
    return f"{found}, which looks like {fits}: try `secondtake import {fits}`"
