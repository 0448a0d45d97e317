"""Parameters of a request by their names in Chat Completions, and their places in each dialect.

The other way round than `request_of` of a dialect reads them: what is put here is read there.
"""

from collections.abc import Callable
from typing import Any, Final

from secondtake.runner.events import LlmCall
from secondtake.runner.narrow import is_object
from secondtake.runner.wrap.dialects import Dialect
from secondtake.runner.wrap.fields import Json, mapping

LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")
"""Names of the greatest length of an answer; each dialect has its own."""
IN_WORDS: Final[dict[Dialect, str]] = {
    "chat": "OpenAI's Chat Completions",
    "responses": "OpenAI's Responses API",
    "anthropic": "Anthropic's Messages",
}
_OF_CHAT: Final = frozenset(
    {
        "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
        "modalities", "n", "prediction", "presence_penalty", "seed", "web_search_options",
    }
)  # fmt: skip
FOREIGN: Final[dict[Dialect, frozenset[str]]] = {
    "chat": frozenset({"stop_sequences", "thinking", "previous_response_id"}),
    "responses": _OF_CHAT | {"stop", "stop_sequences", "thinking", "top_k"},
    "anthropic": _OF_CHAT
    | {"previous_response_id", "reasoning_effort", "response_format", "top_logprobs", "verbosity"},
}
"""By dialect: well-known parameters of others that it has no place for."""
UNTOUCHED: Final = frozenset(
    {"cache_control_injection_points", "input", "instructions", "messages", "model", "stream",
     "stream_options", "system", "tools"}
)  # fmt: skip
"""What is no parameter at the wire, or has a path of its own."""


def recorded_dialect(call: LlmCall) -> Dialect | None:
    """Return the dialect in which a recorded call was made; None when it failed."""
    wire = mapping(mapping(call.extra).get("wire"))
    return next((dialect for dialect in IN_WORDS if dialect == wire.get("dialect")), None)


def refusal(dialect: Dialect, name: str) -> str | None:
    """Return why a dialect cannot be given a parameter, with the cure; None when it can."""
    if name in UNTOUCHED:
        return f"this is no parameter of {IN_WORDS[dialect]}; leave it out."
    if name in FOREIGN[dialect]:
        return (
            f"{IN_WORDS[dialect]}, which the program speaks, has no such parameter; leave it out."
        )
    return None


def placed(dialect: Dialect, body: Json, name: str, value: Any) -> dict[str, Any]:
    """Return a request's body with a parameter, or without it where its value is None."""
    if name in LIMITS:
        return _put(body, _limit_of(dialect, body, name), value)
    place = _PLACES.get((dialect, name))
    return place(body, value) if place else _put(body, name, value)


def _put(body: Json, name: str, value: Any) -> dict[str, Any]:
    kept = dict(body)
    if value is None:
        kept.pop(name, None)
    else:
        kept[name] = value
    return kept


def _limit_of(dialect: Dialect, body: Json, name: str) -> str:
    """Return what a dialect calls the greatest length; Chat Completions has two names for it."""
    if dialect == "responses":
        return "max_output_tokens"
    if dialect == "anthropic":
        return "max_tokens"
    given = [each for each in LIMITS[:2] if body.get(each) is not None]
    return given[0] if given else name if name in LIMITS[:2] else LIMITS[1]


def _inside(outer: str, name: str) -> Callable[[Json, Any], dict[str, Any]]:
    """Return what puts a parameter into an object of the body."""

    def place(body: Json, value: Any) -> dict[str, Any]:
        return _put(body, outer, _put(mapping(body.get(outer)), name, value) or None)

    return place


def _form_of_answer(body: Json, value: Any) -> dict[str, Any]:
    """Put OpenAI's `response_format` where the Responses API has it."""
    form = value
    if is_object(value) and value.get("type") == "json_schema":
        form = {"type": "json_schema", **mapping(value.get("json_schema"))}
    return _inside("text", "format")(body, form)


def _function_choice(body: Json, value: Any) -> dict[str, Any]:
    if is_object(value) and value.get("type") == "function" and "function" in value:
        value = {"type": "function", "name": mapping(value["function"]).get("name")}
    return _put(body, "tool_choice", value)


def _anthropic_choice(body: Json, value: Any) -> dict[str, Any]:
    from secondtake.runner.wrap.anthropic import CHOICES

    before = mapping(body.get("tool_choice"))
    if value is None:
        return _put(body, "tool_choice", None)
    choice: dict[str, Any] = {name: item for name, item in before.items() if name == PARALLEL}
    if is_object(value) and "function" in value:
        choice |= {"type": "tool", "name": mapping(value["function"]).get("name")}
    elif is_object(value):
        choice |= value
    else:
        names = {ours: theirs for theirs, ours in CHOICES.items()}
        choice["type"] = names.get(str(value), value)
    return _put(body, "tool_choice", choice)


def _anthropic_parallel(body: Json, value: Any) -> dict[str, Any]:
    choice = {"type": "auto", **mapping(body.get("tool_choice"))}
    choice.pop(PARALLEL, None)
    if value is False:
        choice[PARALLEL] = True
    return _put(body, "tool_choice", choice)


PARALLEL: Final = "disable_parallel_tool_use"
_PLACES: Final[dict[tuple[Dialect, str], Callable[[Json, Any], dict[str, Any]]]] = {
    ("responses", "reasoning_effort"): _inside("reasoning", "effort"),
    ("responses", "verbosity"): _inside("text", "verbosity"),
    ("responses", "response_format"): _form_of_answer,
    ("responses", "tool_choice"): _function_choice,
    ("anthropic", "stop"): lambda body, value: _put(
        body, "stop_sequences", [value] if isinstance(value, str) else value
    ),
    ("anthropic", "tool_choice"): _anthropic_choice,
    ("anthropic", "parallel_tool_calls"): _anthropic_parallel,
}
"""Where a parameter is put that a dialect has another name or form for."""
