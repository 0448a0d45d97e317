"""The messages in Langfuse's `input` and `output`, in the words of each framework.

What most frameworks write, `dialects.conversations` reads. Here is what is peculiar to a trace in
Langfuse: JSON within JSON, LangChain's tool definitions among the messages, the arguments of a
Python function (LlamaIndex), a conversation as one text (AutoGen), and the instructions of OpenAI's
Responses, which stand in the answer.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import json_of
from secondtake.backend.dialects.conversations import conversation_of
from secondtake.backend.dialects.shapes import Message
from secondtake.backend.dialects.tools import chat_tools
from secondtake.runner.narrow import is_list, is_object

_SPEAKER: Final = re.compile(r"^(system|user|assistant): ", re.MULTILINE)


def unpacked(value: Any) -> Any:
    """Return the JSON that a value holds: Langfuse encodes it as text, at times twice."""
    return json_of(json_of(value))


def sent_messages(given: Any, gave: Any) -> tuple[list[Message] | None, list[Any] | None]:
    """Return the conversation that a model was sent, and the tools that it was offered.

    Args:
        given: the unpacked `input` of a generation.
        gave: its unpacked `output`.

    Returns:
        None for what is not said.
    """
    tools: list[Any] | None = None
    if is_list(given):
        definitions = [item["content"] for item in given if _is_definition(item)]
        given = [item for item in given if not _is_definition(item)]
        tools = chat_tools(definitions) if definitions else None
    elif is_object(given):
        config = given.get("config")
        offered = given.get("tools", config.get("tools") if is_object(config) else None)
        tools = chat_tools(offered) if is_list(offered) else None
    sent = _conversation(given)
    if is_object(gave) and is_list(gave.get("output")):
        tools = tools or (chat_tools(gave["tools"]) if is_list(gave.get("tools")) else None)
        sent = _with_instructions(sent, gave)
    return sent, tools


def _conversation(given: Any) -> list[Message] | None:
    if isinstance(given, str):
        return _spoken(given) if given else None
    if is_object(given) and is_list(given.get("args")) and "messages" not in given:
        arguments = given["args"]
        return _conversation(arguments[0]) if len(arguments) == 1 else None
    return conversation_of(given)


def _spoken(text: str) -> list[Message]:
    """Return the messages of a text where each begins with its speaker; else one of the user."""
    if _SPEAKER.match(text) is None:
        return [{"role": "user", "content": text}]
    _, *pieces = _SPEAKER.split(text)
    return [
        {"role": role, "content": said.removesuffix("\n")}
        for role, said in zip(pieces[::2], pieces[1::2], strict=True)
    ]


def _is_definition(item: Any) -> bool:
    """Tell whether a message of LangChain's is the definition of a tool."""
    content = item.get("content") if is_object(item) else None
    return (
        is_object(item)
        and item.get("role") == "tool"
        and is_object(content)
        and content.get("type") == "function"
        and is_object(content.get("function"))
    )


def _with_instructions(
    sent: list[Message] | None, response: Mapping[str, Any]
) -> list[Message] | None:
    """Return a conversation with the instructions that a response repeats from its request."""
    said = response.get("instructions")
    if sent is None or not isinstance(said, str) or not said or sent[0]["role"] == "system":
        return sent
    return [{"role": "system", "content": said}, *sent]
