"""Counting tokens the same way everywhere, without a vocabulary file.

A token is one of: up to six letters with the space before them, up to three digits, a run of
up to eight spaces or line ends, any other single character. English prose comes to about 1.3 tokens a
word, near what byte-pair encodings give. A message costs 4 tokens more than its text, a
request 3, as OpenAI documents for its chat form; tool definitions count as their JSON.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from secondtake.runner.jsonable import canonical_bytes, to_json_value
from secondtake.runner.narrow import is_mapping

TOKEN: Final = re.compile(r" ?[^\W\d_]{1,6}|\d{1,3}|\s{1,8}|.", re.DOTALL)
MESSAGE_TOKENS: Final = 4
REQUEST_TOKENS: Final = 3


def split_tokens(text: str) -> list[str]:
    """Return the tokens of `text`; joined they are `text` again."""
    return TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """Return how many tokens `text` has."""
    return len(split_tokens(text))


def text_of(content: Any) -> str:
    """Return the text of a message's content: a string, a list of parts, or nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, Iterable) and not is_mapping(content):
        return "\n".join(_part_text(part) for part in content)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return canonical_bytes(to_json_value(content)).decode()


def count_prompt_tokens(
    messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]] = ()
) -> int:
    """Return the tokens of a request: its messages, their tool calls, its tool definitions."""
    total = REQUEST_TOKENS
    for message in messages:
        total += MESSAGE_TOKENS + count_tokens(text_of(message.get("content")))
        if message.get("tool_calls"):
            total += _json_tokens(message["tool_calls"])
    return total + (_json_tokens(tools) if tools else 0)


def count_call_tokens(name: str, arguments: str) -> int:
    """Return the tokens of one tool call that a model writes."""
    return MESSAGE_TOKENS + count_tokens(name) + count_tokens(arguments)


def _json_tokens(value: Any) -> int:
    return count_tokens(canonical_bytes(to_json_value(value)).decode())


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    if is_mapping(part) and isinstance(part.get("text"), str):  # pyright: ignore[reportUnknownMemberType]
        return str(part["text"])  # pyright: ignore[reportUnknownVariableType]
    return ""
