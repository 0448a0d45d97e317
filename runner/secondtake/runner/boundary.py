"""The one place that everything passes which is not deterministic.

`call` cleans and hashes the request, checks the run's limits, executes, prices, writes the event,
and only then returns the answer. What the execution raises is recorded and raised on. A fault in
the recording itself is counted and the call goes on without it. Outside a run, `call` executes.
"""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
)
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from secondtake.runner.blobs import move_in_binaries
from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse, ToolRequest
from secondtake.runner.context import RunContext, current, entered
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.llm_call import OpenLlmCall
from secondtake.runner.llm_functions import StreamCollector
from secondtake.runner.tool_call import OpenToolCall

if TYPE_CHECKING:
    from secondtake.runner.replay.session import Answer

T = TypeVar("T")
Piece_contra = TypeVar("Piece_contra", contravariant=True)
Request = LlmRequest | ToolRequest


class Collector(Protocol[Piece_contra]):
    """Puts the pieces of a stream together."""

    def add(self, chunk: Piece_contra, /) -> None:
        """Take the next piece."""
        ...

    def response(self) -> LlmResponse:
        """Return what has arrived."""
        ...

    def closed(self) -> LlmResponse:
        """Return what has arrived when the stream is closed before its end.

        Its `extra` says the pieces, so that they can be given again.
        """
        ...


def call(
    request: Request,
    execute: Callable[[], T],
    *,
    describe: Callable[[T], Any] | None = None,
    rebuild: Callable[[Any], T] | None = None,
    before: Callable[[], object] | None = None,
) -> T:
    """Execute a call inside the current run and record it.

    Args:
        request: what is asked.
        execute: asks it.
        describe: makes an `LlmResponse` of what `execute` returns, where that is another type.
        rebuild: makes what `execute` would have returned of what was recorded: an `LlmResponse`,
            or a tool's result as JSON. None where these are what it returns.
        before: makes ready what executing needs; its time is not the call's.

    Raises:
        RunStopped: the run was asked to end or has used up a limit; nothing was executed.
    """
    open_call = _begin(request)
    if open_call is None:
        return execute()
    try:
        if (answer := open_call.look_up()) is not None:
            return _answered(open_call, answer, rebuild)
        if before is not None:
            before()
            open_call.begin_again()
        with entered(open_call.context):
            response = execute()
    except BaseException as error:
        open_call.finish(error)
        raise
    open_call.answer(response, describe)
    return response


async def acall(
    request: Request,
    execute: Callable[[], Awaitable[T]],
    *,
    describe: Callable[[T], Any] | None = None,
    rebuild: Callable[[Any], T] | None = None,
    before: Callable[[], object] | None = None,
) -> T:
    """Execute an asynchronous call inside the current run and record it; see `call`."""
    open_call = _begin(request)
    if open_call is None:
        return await execute()
    try:
        if (answer := open_call.look_up()) is not None:
            return _answered(open_call, answer, rebuild)
        if before is not None:
            before()
            open_call.begin_again()
        with entered(open_call.context):
            response = await execute()
    except BaseException as error:
        open_call.finish(error)
        raise
    open_call.answer(response, describe)
    return response


def stream(
    request: LlmRequest,
    execute: Callable[[], Iterable[T]],
    *,
    rebuild: Callable[[LlmResponse], Iterable[T]] | None = None,
    collector: "Collector[T] | None" = None,
) -> Iterator[T]:
    """Give on what a streaming call gives, and record it when it ends, however it ends.

    `rebuild` makes the pieces of what was recorded; see `call`. `collector` puts pieces together
    that are neither texts nor OpenAI's chunks.
    """
    open_call = _begin(request)
    if open_call is None:
        yield from execute()
        return
    collector = collector or StreamCollector()
    try:
        if (answer := open_call.look_up()) is not None:
            yield from _pieces(open_call, answer, rebuild or _as_text, collector)
            return
        with entered(open_call.context):
            pieces = iter(execute())
        while True:
            with entered(open_call.context):
                piece: Any = next(pieces, _END)
            if piece is _END:
                break
            collector.add(piece)
            yield cast(T, piece)
    except BaseException as error:
        open_call.finish(_with_partial(error, collector))
        raise
    open_call.answer(collector.response())


async def astream(
    request: LlmRequest,
    execute: Callable[[], Awaitable[AsyncIterable[T]]],
    *,
    rebuild: Callable[[LlmResponse], Iterable[T]] | None = None,
    collector: "Collector[T] | None" = None,
) -> AsyncIterator[T]:
    """Give on what an asynchronous streaming call gives; see `stream`."""
    open_call = _begin(request)
    if open_call is None:
        async for unrecorded in await execute():
            yield unrecorded
        return
    collector = collector or StreamCollector()
    try:
        if (answer := open_call.look_up()) is not None:
            for recorded in _pieces(open_call, answer, rebuild or _as_text, collector):
                yield recorded
            return
        with entered(open_call.context):
            chunks: AsyncIterator[Any] = aiter(await execute())
        while True:
            with entered(open_call.context):
                piece: Any = await anext(chunks, _END)
            if piece is _END:
                break
            collector.add(piece)
            yield cast(T, piece)
    except BaseException as error:
        open_call.finish(_with_partial(error, collector))
        raise
    open_call.answer(collector.response())


_END: Final = object()


def _answered(
    open_call: OpenLlmCall | OpenToolCall, answer: "Answer", rebuild: Callable[[Any], T] | None
) -> T:
    """Record a call as answered by a replay, and return what it would have returned.

    Raises:
        Exception: the call had failed.
    """
    if answer.failure is not None:
        raise answer.failure
    said = _said(open_call, answer)
    given = rebuild(said) if rebuild else cast(T, said)
    open_call.answer(said)
    return given


def _said(open_call: OpenLlmCall | OpenToolCall, answer: "Answer") -> Any:
    """Return what was recorded, with the binary parts that were kept beside it."""
    sink = open_call.run.sink
    if answer.response is None:
        return sink.restored(answer.result)
    messages = [move_in_binaries(each, sink.home) for each in answer.response.messages]
    return replace(answer.response, messages=messages)


def _pieces(
    open_call: OpenLlmCall | OpenToolCall,
    answer: "Answer",
    rebuild: Callable[[LlmResponse], Iterable[T]],
    collector: "Collector[T]",
) -> Iterator[T]:
    """Yield the pieces of a recorded stream; of one that was closed early as far as it came.

    Raises:
        ReplayDiverged: it is not closed where it was.
    """
    from secondtake.runner.replay.program_session import ClosedEarly

    if not isinstance(answer, ClosedEarly):
        yield from _answered(open_call, answer, rebuild)
        return
    for piece in rebuild(_said(open_call, answer)):
        collector.add(piece)
        yield piece
    raise ReplayDiverged(
        "The source closed this stream here and this replay reads on; what would come next is not "
        "known. Ask again with --llm live."
    )


def _as_text(response: LlmResponse) -> Iterable[Any]:
    """Return the pieces of a stream of texts."""
    text = response.message.get("content")
    return [text] if text else []


def _with_partial(error: BaseException, collector: "Collector[Any]") -> BaseException:
    """Attach what had arrived: its usage is billed and its text is worth seeing."""
    if not hasattr(error, "llm_failure"):
        is_closed = isinstance(error, GeneratorExit)
        failure = LlmFailure(
            error_class="cancelled" if is_closed else "unknown",
            partial=collector.closed() if is_closed else collector.response(),
        )
        error.llm_failure = failure  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return error


def _begin(request: Request) -> OpenLlmCall | OpenToolCall | None:
    here: RunContext | None = current()
    if here is None:
        return None
    here.run.check_stop()
    if isinstance(request, LlmRequest):
        here.run.meter.begin_llm_call()
        return OpenLlmCall(here, request)
    return OpenToolCall(here, request)
