"""Chat models: each `_generate` or `_stream` that LangChain calls is an LLM call of the run.

LangChain's base class calls the methods of a provider's class through `self`. The gates hand it
a shallow copy of the model whose four methods go through the boundary and from there to the model
itself. So caches, rate limits, callbacks and LangGraph's streaming work as always, also when a
replay gives the answer, and a user's class is never changed.
"""

import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Final, cast
from weakref import WeakSet

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from pydantic import BaseModel

from secondtake.runner import boundary
from secondtake.runner.calls import LlmRequest
from secondtake.runner.context import RunContext, current
from secondtake.runner.langchain_adapter.answers import (
    ChunkCollector,
    describe_result,
    rebuild_chunks,
    rebuild_result,
)
from secondtake.runner.langchain_adapter.failures import as_raised
from secondtake.runner.langchain_adapter.observing import observe_only
from secondtake.runner.langchain_adapter.requests import model_name, request_of, unknown_message
from secondtake.runner.replay.failures import RecordedFailure

GATES: Final = (
    "_generate_with_cache",
    "_agenerate_with_cache",
    "stream",
    "astream",
    "_iter_v2_events",
    "_aiter_v2_events",
)
"""What of `BaseChatModel` calls the methods of a provider's class."""
WATCHED: Final = ("generate", "agenerate", "stream", "astream")
"""What of `BaseLLM`, the older models that complete a text, is only noticed."""
SCHEMA: Final = "response_format"
"""The option of a call that names the class of a structured answer."""
MARK: Final = "_secondtake_asks"
NATIVE: Final = ("_stream_chat_model_events", "_astream_chat_model_events")
"""A provider's own event streams; without them LangChain makes the events of `_stream`."""

_spans: Final[WeakSet[RunContext]] = WeakSet()
"""Where LLM calls are being executed: a model that asks another one is one call."""
_asked: ContextVar[list[bool] | None] = ContextVar("secondtake_langchain_asked", default=None)


def gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of a method of `BaseChatModel` that has the model's calls recorded."""

    @functools.wraps(original)
    def gated(self: BaseChatModel, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or MARK in self.__dict__ or here in _spans:
            return original(self, *args, **kwargs)
        return original(_asking(self), *args, **kwargs)

    return gated


def cache_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `_generate_with_cache` that notices an answer of LangChain's cache."""
    through = gate(original)

    @functools.wraps(original)
    def gated(self: BaseChatModel, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or MARK in self.__dict__ or here in _spans:
            return original(self, *args, **kwargs)
        asked: list[bool] = []
        token = _asked.set(asked)
        try:
            result = through(self, *args, **kwargs)
        finally:
            _asked.reset(token)
        _note_cache(here, self, asked)
        return result

    return gated


def async_cache_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `_agenerate_with_cache`; see `cache_gate`."""
    through = gate(original)

    @functools.wraps(original)
    async def gated(self: BaseChatModel, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or MARK in self.__dict__ or here in _spans:
            return await original(self, *args, **kwargs)
        asked: list[bool] = []
        token = _asked.set(asked)
        try:
            result = await through(self, *args, **kwargs)
        finally:
            _asked.reset(token)
        _note_cache(here, self, asked)
        return result

    return gated


def gate_of(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return what makes the gate of one of `GATES`."""
    special = {"_generate_with_cache": cache_gate, "_agenerate_with_cache": async_cache_gate}
    return special.get(name, gate)


def watch_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of a text model's method: what such a model answers is not recorded."""

    @functools.wraps(original)
    def gated(self: Any, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is not None:
            observe_only(here, f"text completions of {type(self).__name__} cannot be answered")
        return original(self, *args, **kwargs)

    return gated


def _note_cache(here: RunContext, model: BaseChatModel, asked: list[bool]) -> None:
    if not asked:
        name = model_name(model)
        observe_only(here, f"an answer of {name} came out of LangChain's cache")


def _asking(model: BaseChatModel) -> BaseChatModel:
    """Return a copy of a model whose own methods go through the boundary."""
    getattr(model, "_serialized", None)  # LangChain computes it once a model, not once a copy
    twin = cast(BaseChatModel, BaseModel.__copy__(model))
    own_fields = cast(dict[str, Any], twin.__dict__)
    methods: dict[str, Any] = {
        "_generate": _generate,
        "_agenerate": _agenerate,
        "_stream": _stream,
        "_astream": _astream,
    }
    for name, function in methods.items():
        own = getattr(model, name)
        # `wraps` keeps the signature, which tells LangChain what the method takes.
        own_fields[name] = functools.wraps(own)(functools.partial(function, model, own))
    for name in NATIVE:
        if getattr(model, name, None) is not None:
            own_fields[name] = None
    own_fields[MARK] = True
    return twin


def _generate(
    model: BaseChatModel,
    own: Callable[..., ChatResult],
    messages: list[BaseMessage],
    **options: Any,
) -> ChatResult:
    request = _request(model, messages, options)

    def execute() -> ChatResult:
        _enter()
        with _telling(request):
            return own(messages, **options)

    try:
        return boundary.call(
            request,
            execute,
            describe=describe_result,
            rebuild=functools.partial(rebuild_result, schema=options.get(SCHEMA)),
        )
    except RecordedFailure as error:
        raise as_raised(error, provider=request.model) from None


async def _agenerate(
    model: BaseChatModel,
    own: Callable[..., Awaitable[ChatResult]],
    messages: list[BaseMessage],
    **options: Any,
) -> ChatResult:
    request = _request(model, messages, options)

    async def execute() -> ChatResult:
        _enter()
        with _telling(request):
            return await own(messages, **options)

    try:
        return await boundary.acall(
            request,
            execute,
            describe=describe_result,
            rebuild=functools.partial(rebuild_result, schema=options.get(SCHEMA)),
        )
    except RecordedFailure as error:
        raise as_raised(error, provider=request.model) from None


def _stream(
    model: BaseChatModel,
    own: Callable[..., Iterator[ChatGenerationChunk]],
    messages: list[BaseMessage],
    **options: Any,
) -> Iterator[ChatGenerationChunk]:
    request, collector = _request(model, messages, options, stream=True), ChunkCollector()

    def execute() -> Iterator[ChatGenerationChunk]:
        _enter()
        with _telling(request, collector):
            yield from own(messages, **options)

    try:
        yield from boundary.stream(
            request,
            execute,
            rebuild=functools.partial(rebuild_chunks, schema=options.get(SCHEMA)),
            collector=collector,
        )
    except RecordedFailure as error:
        raise as_raised(error, provider=request.model) from None


async def _astream(
    model: BaseChatModel,
    own: Callable[..., AsyncIterator[ChatGenerationChunk]],
    messages: list[BaseMessage],
    **options: Any,
) -> AsyncIterator[ChatGenerationChunk]:
    request, collector = _request(model, messages, options, stream=True), ChunkCollector()

    async def pieces() -> AsyncIterator[ChatGenerationChunk]:
        _enter()
        with _telling(request, collector):
            async for chunk in own(messages, **options):
                yield chunk

    async def execute() -> AsyncIterator[ChatGenerationChunk]:
        return pieces()

    try:
        async for chunk in boundary.astream(
            request,
            execute,
            rebuild=functools.partial(rebuild_chunks, schema=options.get(SCHEMA)),
            collector=collector,
        ):
            yield chunk
    except RecordedFailure as error:
        raise as_raised(error, provider=request.model) from None


def _enter() -> None:
    """Note that a model is being asked here: other models that it asks are part of this call."""
    here = current()
    if here is not None:
        _spans.add(here)


@contextlib.contextmanager
def _telling(request: LlmRequest, collector: ChunkCollector | None = None) -> Generator[None]:
    """Attach to an error what is known about it, and what had arrived before it."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "llm_failure"):
            from secondtake.runner.providers.failures import describe_failure
            from secondtake.runner.providers.wire import WireTap

            told = cast(Any, error)
            told.llm_failure = describe_failure(
                error,
                WireTap(),
                provider=request.model.partition("/")[0],
                partial=collector.arrived() if collector else None,
            )
        raise


def _request(
    model: BaseChatModel,
    messages: Sequence[BaseMessage],
    options: dict[str, Any],
    *,
    stream: bool = False,
) -> LlmRequest:
    asked = _asked.get()
    if asked is not None:
        asked.append(True)
    here, unknown = current(), unknown_message(messages)
    if here is not None and unknown is not None:
        observe_only(here, f"a {unknown} was sent to a model, which cannot be written down")
    rest = {name: value for name, value in options.items() if name not in ("stop", "run_manager")}
    return request_of(
        model,
        messages,
        stop=cast(Sequence[str] | None, options.get("stop")),
        options=rest,
        stream=stream,
    )
