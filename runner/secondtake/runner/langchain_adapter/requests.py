"""The request that a LangChain chat model is about to send, as an `LlmRequest`."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from secondtake.runner.calls import LlmRequest
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.langchain_adapter.answers import provider_of
from secondtake.runner.langchain_adapter.said import is_known, said
from secondtake.runner.narrow import is_list, is_object

NOT_PARAMETERS: Final = frozenset(
    {
        "_type", "api_key", "base_url", "client", "default_request_timeout", "max_retries",
        "messages", "model", "model_id", "model_kwargs", "model_name", "request_timeout",
        "stream", "stream_options", "stream_usage", "streaming", "timeout", "tools",
    }
)  # fmt: skip
"""What says how to reach the model, or is recorded by a field of its own."""
IN_OPENAI_FORM: Final = {
    "max_output_tokens": "max_tokens",
    "max_tokens_to_sample": "max_tokens",
    "num_predict": "max_tokens",
    "stop_sequences": "stop",
}
STANDARD: Final = {
    "ls_temperature": "temperature",
    "ls_max_tokens": "max_tokens",
    "ls_stop": "stop",
}
"""Parameters that every chat model tells under LangSmith's names."""
LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens"})


def request_of(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    *,
    stop: Sequence[str] | None,
    options: Mapping[str, Any],
    stream: bool = False,
) -> LlmRequest:
    """Return what `model` is asked: `options` are the keyword arguments of this one call."""
    given = {name: value for name, value in options.items() if name != "run_manager"}
    about = _about(model, stop, given)
    return LlmRequest(
        model=model_name(model, about),
        messages=[said(message) for message in messages],
        tools=[tool_definition(tool) for tool in given.get("tools") or ()],
        parameters=_parameters(model, stop, given, about),
        stream=stream,
    )


def unknown_message(messages: Sequence[BaseMessage]) -> str | None:
    """Return the class of a message that OpenAI's form does not have."""
    return next((type(each).__name__ for each in messages if not is_known(each)), None)


def model_name(model: BaseChatModel, about: Mapping[str, Any] | None = None) -> str:
    """Return the name of a model as LiteLLM has it: `openai/gpt-4o`."""
    about = _about(model, None, {}) if about is None else about
    provider = provider_of(about.get("ls_provider"))
    name = about.get("ls_model_name") or getattr(model, "model", None)
    if not isinstance(name, str) or not name:
        name = type(model).__name__
    if provider is None or provider == "litellm" or name.startswith(f"{provider}/"):
        return name
    return f"{provider}/{name.removeprefix('models/')}"


def _about(
    model: BaseChatModel, stop: Sequence[str] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a model says about itself to LangSmith; a model may fail to."""
    try:
        about: Any = model._get_ls_params(stop=list(stop) if stop else None, **given)  # pyright: ignore[reportPrivateUsage]
        return dict(about)
    except Exception:  # noqa: BLE001 - what a user's class does there must not break the call
        return {}


def _parameters(
    model: BaseChatModel,
    stop: Sequence[str] | None,
    given: Mapping[str, Any],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    try:
        told: Any = model._get_invocation_params(  # pyright: ignore[reportPrivateUsage]
            stop=list(stop) if stop else None, **given
        )
    except Exception:  # noqa: BLE001 - as above
        told = {**given, "stop": stop}
    every: dict[str, Any] = {**told, **(told.get("model_kwargs") or {})}
    found: dict[str, Any] = {}
    for name, value in every.items():
        if name not in NOT_PARAMETERS and value is not None:
            found[IN_OPENAI_FORM.get(name, name)] = _parameter(name, value)
    for name, ours in STANDARD.items():
        value = about.get(name)
        if value is not None and ours not in found and not (ours in LIMITS and LIMITS & set(found)):
            found[ours] = _stable(value)
    return found


def _parameter(name: str, value: Any) -> Any:
    if name == "response_format" and isinstance(value, type):
        schema = {"name": value.__name__, "schema": _stable(value)}
        return {"type": "json_schema", "json_schema": schema}
    return _stable(value)


def tool_definition(tool: Any) -> dict[str, Any]:
    """Return a tool definition in OpenAI's form; a provider's own kind of tool stays as it is."""
    if is_object(tool) and tool.get("type") not in (None, "custom") and "function" not in tool:
        return {str(name): _stable(item) for name, item in tool.items()}
    try:
        return cast(dict[str, Any], to_json_value(convert_to_openai_tool(tool)))
    except Exception:  # noqa: BLE001 - whatever it is, the model itself understands it
        plain = _stable(tool)
        return plain if is_object(plain) else {"type": str(plain)}


def _stable(value: Any) -> Any:
    """Return JSON that is the same in every process: no addresses of objects.

    A pydantic class is its schema; any other object or class is its name.
    """
    if isinstance(value, type):
        if issubclass(value, BaseModel):
            return value.model_json_schema()
        return f"{value.__module__}.{value.__qualname__}"
    if is_object(value):
        return {str(name): _stable(item) for name, item in value.items()}
    if is_list(value) or isinstance(value, tuple):
        return [_stable(item) for item in cast(Sequence[Any], value)]
    plain = to_json_value(value)
    if is_object(plain) and "$repr" in plain:
        named: Any = value
        if not hasattr(named, "__qualname__"):
            named = cast(Any, type(named))
        return f"{named.__module__}.{named.__qualname__}"
    return plain
