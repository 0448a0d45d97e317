"""A chat model's call made another one, as a replay wants it.

A setting is changed in a copy of the model, where the model's class has it: then the class itself
sees to it that it reaches the API. What a class has no setting for cannot be changed honestly.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, SystemMessage
from pydantic import BaseModel

from secondtake.runner.calls import LlmRequest
from secondtake.runner.context import current
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.langchain_adapter.requests import IN_OPENAI_FORM, tool_definition
from secondtake.runner.langchain_adapter.said import said
from secondtake.runner.narrow import is_list, is_object

NAMES: Final = ("model_name", "model", "model_id")
"""Fields in which classes keep the name of their model."""
LIMITS: Final = ("max_completion_tokens", "max_tokens")
KWARGS: Final = "model_kwargs"
"""The field of a class for what goes to the API as it is."""

Changed = tuple[BaseChatModel, list[BaseMessage], dict[str, Any]]


def changed_call(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    options: Mapping[str, Any],
    request: LlmRequest,
) -> Changed | None:
    """Return a call as a replay wants it: the model, its messages, its options; None as it is.

    Raises:
        ReplayDiverged: the model's class has no setting for what is to be different.
    """
    here = current()
    if here is None or here.run.replay is None:
        return None
    from secondtake.runner.replay.offers import with_offer
    from secondtake.runner.replay.program_session import change_of

    provider, slash, _ = request.model.partition("/")
    change = change_of(request, provider=provider if slash else "")
    if change is None:
        return None
    given = dict(options)
    if is_list(given.get("tools")):
        given["tools"] = [
            tool if is_object(tool) else tool_definition(tool) for tool in given["tools"]
        ]
    given = with_offer(given, change)
    fields: dict[str, Any] = {}
    if change.model is not None:
        _set(model, fields, given, NAMES, change.model, "model")
    for name, value in change.parameters.items():
        if name == "stop":
            given[name] = [value] if isinstance(value, str) else value
        else:
            _set(model, fields, given, _fields_of(name), value, name)
    texts = [
        message.model_copy(update={"content": change.texts[place]})
        if place in change.texts
        else message
        for place, message in enumerate(messages)
    ]
    return _copy(model, fields), _opened(texts, change.system), given


def _fields_of(name: str) -> list[str]:
    """Return under which names classes may have a parameter."""
    ours = LIMITS if name in LIMITS else (name,)
    return [*ours, *(theirs for theirs, known in IN_OPENAI_FORM.items() if known in ours)]


def _set(
    model: BaseChatModel,
    fields: dict[str, Any],
    options: dict[str, Any],
    names: Sequence[str],
    value: Any,
    path: str,
) -> None:
    """Set what the class has a field for; options of the call come before fields."""
    known = [name for name in names if name in type(model).model_fields]
    told = [name for name in names if name in options]
    if known:
        fields[known[0]] = value
    for name in told:
        options[name] = value
    if known or told:
        return
    if KWARGS not in type(model).model_fields or path == "model":
        raise ReplayDiverged(
            f"--set {path}: {type(model).__name__} has no setting of this name, so it cannot be "
            "changed from outside; change the program, or use --stepwise."
        )
    before: Mapping[str, Any] = fields.get(KWARGS, getattr(model, KWARGS)) or {}
    fields[KWARGS] = {n: item for n, item in {**before, path: value}.items() if item is not None}


def _copy(model: BaseChatModel, fields: Mapping[str, Any]) -> BaseChatModel:
    if not fields:
        return model
    twin = cast(BaseChatModel, BaseModel.__copy__(model))
    cast(dict[str, Any], twin.__dict__).update(fields)
    return twin


def _opened(messages: list[BaseMessage], system: str | None) -> list[BaseMessage]:
    if system is None:
        return messages
    from secondtake.runner.replay.requests import SYSTEM_ROLES

    for place, message in enumerate(messages):
        if said(message).get("role") in SYSTEM_ROLES:
            told = message.model_copy(update={"content": system})
            return [*messages[:place], told, *messages[place + 1 :]]
    return [SystemMessage(system), *messages]
