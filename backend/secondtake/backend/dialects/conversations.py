"""Finds the conversation in what a model was given, and the answers in what it gave."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.messages import calls_of, chat_messages
from secondtake.backend.dialects.parts import messages_of_parts
from secondtake.backend.dialects.shapes import Message
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap import anthropic, responses
from secondtake.runner.wrap.fields import mapping, objects

_SYSTEM: Final = ("system", "instructions", "system_instruction", "systemInstruction")


def conversation_of(value: Any) -> list[Message] | None:
    """Return the whole conversation that the body of a request holds; None when it holds none.

    Read are a list of messages, one message, and the bodies of OpenAI (chat, Responses,
    completions), Anthropic, Gemini and the Vercel AI SDK.
    """
    if is_list(value):
        return chat_messages(value) if value else None
    if not is_object(value):
        return None
    for key in ("messages", "contents", "input", "prompt"):
        given = value.get(key)
        found = _said(given, key)
        if found is not None:
            return [*_system(value), *found]
    return chat_messages(value)


def answers_of(value: Any) -> list[Message] | None:
    """Return the answers, one a choice, that a result holds; None when it holds none.

    Read are a text, a message or a list of them, and the results of OpenAI (chat, Responses,
    completions), Anthropic, Gemini, LangChain and the Vercel AI SDK.
    """
    if isinstance(value, str):
        return [{"role": "assistant", "content": value}]
    if is_list(value):
        return _answers_in(value)
    if not is_object(value):
        return None
    choices = _choices(value)
    if choices is not None:
        return choices
    content = value.get("content")
    if is_object(content):
        return answers_of(content)
    if is_list(content) and "role" not in value and all(map(_is_block, content)):
        return [anthropic.message_of_blocks(objects(content))]
    return chat_messages(value) or _vercel_result(value)


def finish_reason_of(value: Any) -> str | None:
    """Return why the first answer ended, where its result says so; None when it does not."""
    if is_list(value):
        return finish_reason_of(value[0]) if len(value) == 1 else None
    if not is_object(value):
        return None
    first = objects(value.get("choices") or value.get("candidates"))[:1]
    for place in (value, *first):
        for key in ("finish_reason", "finishReason", "stop_reason"):
            reason = place.get(key)
            if isinstance(reason, str) and reason:
                return reason
    return None


def _said(given: Any, key: str) -> list[Message] | None:
    if isinstance(given, str) and key in ("input", "prompt", "contents"):
        return [{"role": "user", "content": given}]
    if key == "input" and is_list(given) and given:
        return responses.messages_of_input(given) if chat_messages(given) else None
    return chat_messages(given) if is_list(given) and given else None


def _system(body: Mapping[str, Any]) -> list[Message]:
    """Return what a request says to the model beside its messages."""
    for place in (body, mapping(body.get("config"))):
        for key in _SYSTEM:
            said = place.get(key)
            if isinstance(said, str) and said:
                return [{"role": "system", "content": said}]
            parts = said.get("parts") if is_object(said) else said
            if is_list(parts) and parts:
                return messages_of_parts("system", parts)
    return []


def _answers_in(items: list[Any]) -> list[Message] | None:
    if not items or not all(is_object(item) for item in items):
        return None
    if all("toolCallId" in item or "toolName" in item for item in items):
        return [{"role": "assistant", "content": None, "tool_calls": calls_of(items)}]
    if all(_is_block(item) and "role" not in item for item in items):
        return [anthropic.message_of_blocks(items)]
    return chat_messages(items)


def _choices(value: Mapping[str, Any]) -> list[Message] | None:
    """Return the answers of a result that can have several."""
    if is_list(value.get("output")) and value["output"]:
        return [responses.message_of_items(objects(value["output"]))]
    found: list[Message] = []
    for choice in objects(value.get("choices")):
        said = choice.get("message")
        found += chat_messages(said) or [] if is_object(said) else _text_answer(choice.get("text"))
    for candidate in objects(value.get("candidates")):
        found += chat_messages(mapping(candidate.get("content"))) or []
    generations: Any = value.get("generations")
    for group in generations if is_list(generations) else []:
        for made in objects(group if is_list(group) else [group]):
            said = mapping(made.get("message"))
            found += chat_messages(said) or _text_answer(made.get("text"))
    return found or None


def _text_answer(text: Any) -> list[Message]:
    return [{"role": "assistant", "content": text}] if isinstance(text, str) else []


def _vercel_result(value: Mapping[str, Any]) -> list[Message] | None:
    text, calls = value.get("text"), calls_of(value.get("toolCalls"))
    if not isinstance(text, str) and not calls:
        return None
    message: Message = {"role": "assistant", "content": text if isinstance(text, str) else None}
    return [{**message, "tool_calls": calls} if calls else message]


def _is_block(item: Any) -> bool:
    """Tell whether something is a content block of Anthropic's."""
    return is_object(item) and item.get("type") in ("text", "tool_use", "thinking")
