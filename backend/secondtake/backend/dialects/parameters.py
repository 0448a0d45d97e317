"""Parameters of requests, in everybody's words, by OpenAI's names.

Only what is listed here is a parameter: what programs put beside, such as instructions or a whole
request, is content and has its own place.
"""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import Attributes, json_of, number_of
from secondtake.runner.narrow import is_list, is_object

_WHOLE: Final = ("max_tokens", "max_completion_tokens", "seed", "n", "top_k", "top_logprobs")
_NUMBERS: Final = (*_WHOLE, "temperature", "top_p", "frequency_penalty", "presence_penalty")
_OTHERS: Final = (
    "logit_bias", "logprobs", "parallel_tool_calls", "reasoning_effort", "response_format",
    "service_tier", "stop", "tool_choice", "verbosity",
)  # fmt: skip
_NAMES: Final[Mapping[str, str]] = {
    **{name: name for name in (*_NUMBERS, *_OTHERS)},
    "choice.count": "n",
    "frequencyPenalty": "frequency_penalty",
    "maxOutputTokens": "max_tokens",
    "maxTokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "max_tokens_to_sample": "max_tokens",
    "presencePenalty": "presence_penalty",
    "reasoning.level": "reasoning_effort",
    "stopSequences": "stop",
    "stop_sequences": "stop",
    "toolChoice": "tool_choice",
    "topK": "top_k",
    "topP": "top_p",
}


def chat_parameters(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parameters among `given`, by OpenAI's names; None when there are none.

    A number that is written as text is a number. A text that is empty, and a limit below 0, is how
    frameworks write that nothing was asked for.
    """
    found: dict[str, Any] = {}
    for key, value in given.items():
        name = _NAMES.get(key)
        plain = None if name is None else _plain(name, value)
        if name is not None and plain is not None:
            found.setdefault(name, plain)
    return found or None


def take_parameters(attributes: Attributes, *prefixes: str) -> dict[str, Any] | None:
    """Take the parameters below the prefixes; what is none stays where it is."""
    found: dict[str, Any] = {}
    for prefix in prefixes:
        for key, value in attributes.peek(prefix).items():
            known = chat_parameters({key: value})
            if known is not None:
                attributes.drop(prefix + key)
                found = known | found
    return found or None


def _plain(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        number = number_of(value)
        if number is None or (name.startswith("max_") and number < 0):
            return None
        return int(number) if name in _WHOLE and number.is_integer() else number
    value = json_of(value)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, value or None)
    if name == "stop":
        return value if is_list(value) else None
    return _tool_choice(value) if name == "tool_choice" and is_object(value) else value


def _tool_choice(value: Mapping[str, Any]) -> Any:
    kind = value.get("type")
    name = value.get("toolName", value.get("name"))
    if kind == "tool" and isinstance(name, str):
        return {"type": "function", "function": {"name": name}}
    if kind == "any":
        return "required"
    return kind if kind in ("auto", "none", "required") else dict(value)
