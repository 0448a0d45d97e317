"""The recorded twin of a function that asks a model: LiteLLM's, or one of the user's own."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from secondtake.runner import boundary
from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.context import current
from secondtake.runner.decorating import binder
from secondtake.runner.litellm_calls import THROUGH, changed_call, is_litellm, positional_names
from secondtake.runner.llm_functions import (
    OTHER,
    StreamCollector,
    describe_answer,
    form_of,
    llm_request_of,
    rebuilt_answer,
)
from secondtake.runner.llm_streams import rebuilt_pieces

F = TypeVar("F", bound=Callable[..., Any])
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def recorded_llm(function: F, *, model: str | None) -> F:
    """Return the twin of a function whose calls are LLM calls; `model` where they name none."""
    ask = _asker(function, model)
    is_library = is_litellm(function)
    describe = functools.partial(_described, is_library=is_library)
    is_async_stream = inspect.isasyncgenfunction(function)
    is_stream = inspect.isgeneratorfunction(function)

    def stream_async(request: LlmRequest, execute: Callable[[], Any]) -> Any:
        async def produce() -> Any:
            made = execute()
            return await made if inspect.isawaitable(made) else made

        collector = _Collector(is_library=is_library)
        return boundary.astream(request, produce, rebuild=rebuilt_pieces, collector=collector)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        request, execute = ask(args, kwargs)
        if request.stream:
            return stream_async(request, execute)
        return await boundary.acall(request, execute, describe=describe, rebuild=rebuilt_answer)

    def call(*args: Any, **kwargs: Any) -> Any:
        request, execute = ask(args, kwargs)
        if is_async_stream:
            return stream_async(request, execute)
        if is_stream or request.stream:
            collector = _Collector(is_library=is_library)
            return boundary.stream(request, execute, rebuild=rebuilt_pieces, collector=collector)
        return boundary.call(request, execute, describe=describe, rebuild=rebuilt_answer)

    is_async = inspect.iscoroutinefunction(function)
    return cast(F, functools.wraps(function)(call_async if is_async else call))


def _asker(
    function: Callable[..., Any], model: str | None
) -> Callable[[tuple[Any, ...], dict[str, Any]], tuple[LlmRequest, Callable[[], Any]]]:
    """Return what tells of a call what it asks, and how; as a replay wants it where it can."""
    bind = binder(function)
    names = positional_names(function) if is_litellm(function) else None

    def ask(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[LlmRequest, Callable[[], Any]]:
        request = llm_request_of(bind(args, kwargs), model=model)
        here = current()
        if names is not None and here is not None and here.run.replay is not None:
            given = {**dict(zip(names, args, strict=False)), **kwargs}
            changed = changed_call(request, given)
            if changed is not None:
                request = llm_request_of(bind((), changed), model=model)
                return request, lambda: function(**changed)
        return request, lambda: function(*args, **kwargs)

    return ask


class _Collector(StreamCollector):
    """Puts a stream together, and notes what kind of one it was."""

    def __init__(self, *, is_library: bool) -> None:
        super().__init__()
        self._is_library = is_library

    def response(self) -> LlmResponse:
        """Return what has arrived."""
        return _noted(super().response(), "stream of such pieces", is_library=self._is_library)


def _described(answer: Any, *, is_library: bool) -> LlmResponse:
    return _noted(describe_answer(answer), type(answer).__name__, is_library=is_library)


def _noted(response: LlmResponse, kind: str, *, is_library: bool) -> LlmResponse:
    """Return an answer marked as the library's.

    One that cannot be given again makes the run one to be watched only.
    """
    here = current()
    if here is not None and form_of(response) == OTHER:
        here.run.observed_only = (
            f"an LLM function answers with a {kind}, which cannot be made again"
        )
    if is_library:
        return replace(response, extra={**(response.extra or {}), THROUGH: "litellm"})
    return response
