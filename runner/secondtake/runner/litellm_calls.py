"""Calls of LiteLLM's own functions: what a replay wants to be different is put into them.

LiteLLM asks any provider, so any model can be named. What says how to reach the program's own
provider, its key among it, is left out where another one is to be asked.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from secondtake.runner.calls import LlmRequest
from secondtake.runner.decorating import name_of

THROUGH: Final = "through"
"""Under which name the `extra` of an LLM call tells LiteLLM from a function of the user's own,
whose answers look the same."""
OF_ONE_PROVIDER: Final = (
    "api_base", "api_key", "api_version", "base_url", "client", "custom_llm_provider",
    "deployment_id", "extra_headers", "headers", "organization",
)  # fmt: skip


def is_litellm(function: Callable[..., Any]) -> bool:
    """Tell whether a function is LiteLLM's `completion` or `acompletion`."""
    module = getattr(function, "__module__", "") or ""
    return module.split(".")[0] == "litellm" and "completion" in name_of(function)


def positional_names(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that may be given without them."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.kind in kinds]


def changed_call(request: LlmRequest, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a call as a replay wants them; None where they stay.

    Args:
        request: what the call asks.
        arguments: all that were given, by name.
    """
    from secondtake.runner.replay.offers import with_offer
    from secondtake.runner.replay.program_session import change_of
    from secondtake.runner.replay.requests import Plain
    from secondtake.runner.wrap.parameters import placed

    change = change_of(request)
    if change is None:
        return None
    changed = dict(arguments)
    messages = [
        {**message, "content": change.texts[place]} if place in change.texts else message
        for place, message in enumerate(request.messages)
    ]
    messages, _ = Plain(system=change.system).opened(messages)
    if change.texts or change.system is not None:
        changed["messages"] = messages
    changed = with_offer(changed, change)
    if change.model is not None:
        changed = _at(change.model, request.model, changed)
    for name, value in change.parameters.items():
        changed = placed("chat", changed, name, value)
    return changed


def _at(model: str, before: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments that name another model, and nothing of the other provider's."""
    is_same = _provider(model) == _provider(before)
    kept = {n: item for n, item in arguments.items() if is_same or n not in OF_ONE_PROVIDER}
    return {**kept, "model": model}


def _provider(model: str) -> str:
    """Return the provider that a model's name names; LiteLLM takes others for OpenAI's mostly."""
    return model.partition("/")[0] if "/" in model else "openai"
