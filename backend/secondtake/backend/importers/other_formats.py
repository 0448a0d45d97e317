"""Guesses which importer a file is for, so that a refusal can name it."""

from typing import Any, Final

from secondtake.runner.narrow import is_list, is_object

_MARKS: Final = (
    ("promptfoo", {"results", "config"}),
    ("promptfoo", {"promptIdx", "testCase"}),
    ("langfuse", {"trace", "observations"}),
    ("spans", {"name", "attributes"}),
    ("spans", {"resourceSpans"}),
    ("openai-evals", {"datasource_item", "sample"}),
    ("openai-evals", {"spec"}),
    ("tau-bench", {"task_id", "reward", "traj"}),
    ("chat-jsonl", {"messages"}),
    ("chat-jsonl", {"prompt", "completion"}),
    ("chat-jsonl", {"prompt", "response"}),
)
"""What the objects of a format have, the most telling first."""


def hint_at(value: Any, *, but: str) -> str:
    """Return a sentence about the importer that a value is for, else an empty text.

    Args:
        value: what a file holds, or its first record.
        but: the format that was tried.
    """
    first: Any = value[0] if is_list(value) and value else value
    if is_object(first) and is_list(first.get("data")) and first["data"]:
        first = first["data"][0]
    if not is_object(first):
        return ""
    for name, keys in _MARKS:
        if name != but and keys <= first.keys():
            return f" It looks like one for `secondtake import {name}`."
    return ""
