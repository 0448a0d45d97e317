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
from dataclasses import dataclass
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
from secondtake.runner.langchain_adapter.changing import changed_call
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


@dataclass(frozen=True, kw_only=True)
class _Call:
    """One call of a model's own method: what it asks, and how."""

    request: LlmRequest
    make: Callable[[], Any]
    """Executes it."""
    schema: Any
    """The class of a structured answer."""

    @property
    def whole(self) -> dict[str, Any]:
        """What the boundary needs to describe a whole answer and to give it again."""
        rebuild = functools.partial(rebuild_result, schema=self.schema)
        return {"describe": describe_result, "rebuild": rebuild}

    @property
    def in_pieces(self) -> Callable[..., list[ChatGenerationChunk]]:
        """What makes the pieces of a recorded stream."""
        return functools.partial(rebuild_chunks, schema=self.schema)


def _call(
    model: BaseChatModel,
    own: Callable[..., Any],
    messages: list[BaseMessage],
    options: dict[str, Any],
    *,
    stream: bool = False,
) -> _Call:
    """Return a call as the program made it, or as a replay wants it."""
    request = _request(model, messages, options, stream=stream)
    changed = changed_call(model, messages, options, request)
    if changed is not None:
        twin, messages, options = changed
        request = _request(twin, messages, options, stream=stream)
        own = own if twin is model else getattr(twin, own.__name__)
    make = functools.partial(own, messages, **options)
    return _Call(request=request, make=make, schema=options.get(SCHEMA))


def _generate(
    model: BaseChatModel,
    own: Callable[..., ChatResult],
    messages: list[BaseMessage],
    **options: Any,
) -> ChatResult:
    call = _call(model, own, messages, options)

    def execute() -> Any:
        _enter()
        with _telling(call.request):
            return call.make()

    with _raising(call.request):
        result: ChatResult = boundary.call(call.request, execute, **call.whole)
        return result


async def _agenerate(
    model: BaseChatModel,
    own: Callable[..., Awaitable[ChatResult]],
    messages: list[BaseMessage],
    **options: Any,
) -> ChatResult:
    call = _call(model, own, messages, options)

    async def execute() -> Any:
        _enter()
        with _telling(call.request):
            return await call.make()

    with _raising(call.request):
        result: ChatResult = await boundary.acall(call.request, execute, **call.whole)
        return result


def _stream(
    model: BaseChatModel,
    own: Callable[..., Iterator[ChatGenerationChunk]],
    messages: list[BaseMessage],
    **options: Any,
) -> Iterator[ChatGenerationChunk]:
    call = _call(model, own, messages, options, stream=True)
    collector = ChunkCollector()

    def execute() -> Iterator[ChatGenerationChunk]:
        _enter()
        with _telling(call.request, collector):
            yield from call.make()

    with _raising(call.request):
        yield from boundary.stream(
            call.request, execute, rebuild=call.in_pieces, collector=collector
        )


async def _astream(
    model: BaseChatModel,
    own: Callable[..., AsyncIterator[ChatGenerationChunk]],
    messages: list[BaseMessage],
    **options: Any,
) -> AsyncIterator[ChatGenerationChunk]:
    call = _call(model, own, messages, options, stream=True)
    collector = ChunkCollector()

    async def pieces() -> AsyncIterator[ChatGenerationChunk]:
        _enter()
        with _telling(call.request, collector):
            async for chunk in call.make():
                yield chunk

    async def execute() -> AsyncIterator[ChatGenerationChunk]:
        return pieces()

    with _raising(call.request):
        stream = boundary.astream(
            call.request, execute, rebuild=call.in_pieces, collector=collector
        )
        async for chunk in stream:
            yield chunk


@contextlib.contextmanager
def _raising(request: LlmRequest) -> Generator[None]:
    """Raise a recorded failure as the provider's library would."""
    try:
        yield
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
