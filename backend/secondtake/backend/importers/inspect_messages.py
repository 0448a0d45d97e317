"""Messages, tools and usage of Inspect AI in OpenAI's chat form.

Arguments of tool calls, which Inspect keeps parsed, become JSON text again. Reasoning becomes
`reasoning_content`, and `thinking_blocks` where it is signed, as LiteLLM has them. What Inspect notes
of a message and does not send (`id`, `source`, `model`, `metadata`) is left out: the same words are
then the same message wherever they are said again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from secondtake.backend.dialects.attributes import count_of, text_of
from secondtake.runner.calls import Tokens, UsageConvention
from secondtake.runner.jsonable import canonical_bytes
from secondtake.runner.narrow import is_list, is_object

Json = Mapping[str, Any]

PARAMETERS: Final[Mapping[str, str]] = {
    "max_tokens": "max_tokens", "temperature": "temperature", "top_p": "top_p", "top_k": "top_k",
    "frequency_penalty": "frequency_penalty", "presence_penalty": "presence_penalty",
    "logit_bias": "logit_bias", "seed": "seed", "stop_seqs": "stop", "num_choices": "n",
    "logprobs": "logprobs", "top_logprobs": "top_logprobs",
    "parallel_tool_calls": "parallel_tool_calls", "reasoning_effort": "reasoning_effort",
    "reasoning_tokens": "reasoning_tokens", "response_schema": "response_schema",
    "system_message": "system_message",
}  # fmt: skip
"""What of Inspect's generate config changes the answer, and OpenAI's name for it."""

_URL_PARTS: Final = {"image": "image_url", "video": "video_url"}


def chat_form(message: Json) -> dict[str, Any]:
    """Return a message in OpenAI's chat form."""
    content = message.get("content")
    made: dict[str, Any] = {"role": message["role"]}
    if is_list(content):
        objects = [part for part in content if is_object(part)]
        thoughts = [part for part in objects if part.get("type") == "reasoning"]
        made["content"] = [_part(part) for part in objects if part.get("type") != "reasoning"]
        made |= _reasoning(thoughts)
    else:
        made["content"] = content
    calls = list(_calls(message.get("tool_calls")))
    if calls:
        made["tool_calls"] = calls
    if message["role"] == "tool":
        made["tool_call_id"] = text_of(message.get("tool_call_id"))
        made["name"] = text_of(message.get("function"))
        error = message.get("error")
        if is_object(error) and not made["content"]:
            made["content"] = error.get("message")  # Inspect sends it in place of a result
    return {key: item for key, item in made.items() if item is not None}


def content_form(content: Any) -> Any:
    """Return a tool's result in OpenAI's form when it has parts, else as it is."""
    if is_list(content) and all(is_object(part) and "type" in part for part in content):
        return [_part(part) for part in content]
    return content


def tool_definitions(tools: Any) -> list[dict[str, Any]] | None:
    """Return definitions of tools in OpenAI's form; None when there are none."""
    made = [
        {
            "type": "function",
            "function": {
                key: tool[key] for key in ("name", "description", "parameters") if key in tool
            },
        }
        for tool in (tools if is_list(tools) else [])
        if is_object(tool)
    ]
    return made or None


def parameters_of(config: Any, *, tool_choice: Any = None) -> dict[str, Any]:
    """Return the parameters of a request by OpenAI's names."""
    given: Json = config if is_object(config) else {}
    made = {name: given[key] for key, name in PARAMETERS.items() if given.get(key) is not None}
    return made | ({"tool_choice": tool_choice} if tool_choice not in (None, "none") else {})


def tokens_of(usage: Json) -> Tokens:
    """Return the exclusive buckets of a `ModelUsage`.

    Whether `input_tokens` contains the cached ones differs by provider, and since February 2026 it
    never does: the reported `total_tokens`, the sum of all, tells. Where nothing was cached both
    are the same. Reasoning is part of the output; how long a cache holds is not said, and taken as
    the usual 5 minutes.
    """
    given, output = count_of(usage.get("input_tokens")), count_of(usage.get("output_tokens"))
    read = count_of(usage.get("input_tokens_cache_read"))
    write = count_of(usage.get("input_tokens_cache_write"))
    reasoning = count_of(usage.get("reasoning_tokens"))
    total = count_of(usage.get("total_tokens"))
    cached = (read or 0) + (write or 0)
    convention = _convention(given, output, total, cached=cached)
    uncached = whole = given
    notes: list[str] = []
    if given is None or convention is None:
        uncached = None
        notes += [f"total_tokens is {total}, its parts are {given}, {cached} and {output}"]
    elif convention == "cached_excluded":
        whole = given + cached
    else:
        uncached = given - cached
    spoken = output
    if output is not None and reasoning is not None:
        spoken = output - reasoning if reasoning <= output else None
        notes += [] if spoken is not None else [f"output_tokens is {output}, less than {reasoning}"]
    return Tokens(
        input_tokens=whole,
        output_tokens=output,
        uncached_input_tokens=uncached,
        cache_read_tokens=read,
        cache_write_5m_tokens=write,
        text_output_tokens=spoken,
        reasoning_output_tokens=reasoning,
        convention=convention,
        note="; ".join(notes) or None,
    )


def _convention(
    given: int | None, output: int | None, total: int | None, *, cached: int
) -> UsageConvention | None:
    """Return what a reported input count means; None when the total fits neither meaning."""
    if given is None:
        return None
    if not cached:
        return "cached_included"
    if output is None or total is None:
        return None
    if total == given + output and cached <= given:
        return "cached_included"
    return "cached_excluded" if total == given + cached + output else None


def _calls(calls: Any) -> Iterator[dict[str, Any]]:
    for call in calls if is_list(calls) else []:
        if not is_object(call):
            continue
        arguments = call.get("arguments")
        text = arguments if isinstance(arguments, str) else canonical_bytes(arguments).decode()
        function = {"name": str(call.get("function")), "arguments": text}
        yield {"id": call.get("id"), "type": "function", "function": function}


def _part(part: Json) -> dict[str, Any]:
    """Return a part of a content in OpenAI's form; of a type it does not have, as it is."""
    kind = part.get("type")
    if kind == "text":
        return {"type": "text", "text": part.get("text")}
    if kind in _URL_PARTS:
        name = _URL_PARTS[str(kind)]
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": name, name: {"url": part.get(str(kind)), **detail}}
    if kind == "audio":
        sound = {"data": part.get("audio"), "format": part.get("format")}
        return {"type": "input_audio", "input_audio": sound}
    if kind == "document":
        file = {"file_data": part.get("document"), "filename": part.get("filename")}
        return {"type": "file", "file": file}
    return dict(part)


def _reasoning(thoughts: Sequence[Json]) -> dict[str, Any]:
    if not thoughts:
        return {}
    texts = [
        part.get("summary") if part.get("redacted") else part.get("reasoning") for part in thoughts
    ]
    said = "\n".join(text for text in texts if isinstance(text, str) and text)
    blocks = [
        {"type": "redacted_thinking", "data": part.get("reasoning")}
        if part.get("redacted")
        else {
            "type": "thinking",
            "thinking": part.get("reasoning"),
            "signature": part.get("signature"),
        }
        for part in thoughts
        if part.get("signature") or part.get("redacted")
    ]
    return {"reasoning_content": said or None, "thinking_blocks": blocks or None}
