"""One LLM request of a wrapped program on its way through the boundary."""

import asyncio
import contextlib
import time
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson

from secondtake.runner import boundary
from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse
from secondtake.runner.context import entered
from secondtake.runner.errors import RunStopped
from secondtake.runner.narrow import is_object
from secondtake.runner.providers.failures import IncompleteAnswer, StreamError, describe_failure
from secondtake.runner.providers.wire import WireTap
from secondtake.runner.replay.failures import is_recorded
from secondtake.runner.wrap import translation, upstream
from secondtake.runner.wrap.answering import (
    JSON_TYPE,
    STREAM_TYPE,
    Answering,
    Receive,
    Send,
    WireAnswered,
)
from secondtake.runner.wrap.dialects import Dialect, Upstream
from secondtake.runner.wrap.events_stream import EventReader
from secondtake.runner.wrap.fields import Json
from secondtake.runner.wrap.upstream import RawHeaders
from secondtake.runner.wrap.wrapped import Wrapped

if TYPE_CHECKING:
    import httpx2

DECODED_BYTES_MAX: Final = 512 * 1024 * 1024
"""A compressed request that is larger than this is passed on unread."""


class UpstreamError(Exception):
    """The real API answered with an error, which the program gets as it is."""


class ProgramGone(Exception):
    """The program closed its connection before the answer was complete."""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request of the program's, read whole."""

    dialect: Dialect
    upstream: Upstream
    method: str
    url: str
    headers: RawHeaders
    content: bytes

    def with_content(self, content: bytes) -> "Incoming":
        """Return the same request with another body, which is not compressed."""
        kept = [h for h in self.headers if h[0] not in (b"content-length", b"content-encoding")]
        length = (b"content-length", str(len(content)).encode())
        return replace(self, headers=[*kept, length], content=content)


class Exchange:
    """Takes one request through the boundary and sends the program its answer."""

    def __init__(
        self,
        wrapped: Wrapped,
        incoming: Incoming,
        client: "httpx2.AsyncClient",
        *,
        receive: Receive,
        send: Send,
    ) -> None:
        self._wrapped, self._incoming, self._client = wrapped, incoming, client
        self._receive = receive
        self._answering = Answering(send)
        self._body: Json = {}
        self._response: httpx2.Response | None = None
        self._tap = WireTap()
        self._first_token_ms: float | None = None
        self._is_gone = False
        self._watch: asyncio.Task[None] | None = None

    async def run(self) -> bool:
        """Answer the request; return False, with nothing sent, when it cannot be read."""
        body = read_body(self._incoming)
        if body is None:
            return False
        self._body = body
        try:
            request = self._request(body)
        except Exception as error:  # noqa: BLE001 - recording must not break the program
            self._wrapped.run.fault("a request at the wire", error)
            return False
        try:
            await self._pass(request)
        finally:
            if self._watch is not None:
                self._watch.cancel()
            if self._response is not None:
                await self._response.aclose()
        return True

    def _request(self, body: Json) -> LlmRequest:
        wrapped, incoming = self._wrapped, self._incoming
        request = translation.request_of(incoming.dialect, body, incoming.upstream, wrapped.known)
        wrapped.begin(request.messages)
        wrapped.tools.record(request.messages)
        return request

    async def _pass(self, request: LlmRequest) -> None:
        dialect = self._incoming.dialect
        try:
            with entered(self._wrapped.run.context):
                request = self._changed(request)
                answer = await boundary.acall(
                    request, self._execute, describe=self._describe, rebuild=self._rebuild
                )
        except RunStopped as stop:
            self._wrapped.stopped = self._wrapped.stopped or stop
            await self._answering.refuse(400, stop.message, "run_stopped", dialect, final=True)
        except ProgramGone:
            return
        except Exception as error:  # noqa: BLE001 - the program is told, whatever it is
            begun = self._begun(error)
            if begun:
                await self._answering.begin(begun)
            else:
                await self._answering.fail(error, dialect)
        else:
            await self._answering.give(answer)

    def _changed(self, request: LlmRequest) -> LlmRequest:
        """Return the request as a replay wants it; from now on that is what the program asked.

        Raises:
            ReplayDiverged: what is to be different cannot be.
        """
        if self._wrapped.run.replay is None:
            return request
        from secondtake.runner.replay.program_session import change_of
        from secondtake.runner.wrap.changing import changed_body

        incoming, known = self._incoming, self._wrapped.known
        change = change_of(request, provider=incoming.upstream.provider)
        if change is None:
            return request
        body = changed_body(
            incoming.dialect, self._body, change, messages=request.messages, known=known
        )
        if body == self._body:
            return request
        self._body = body
        self._incoming = incoming.with_content(orjson.dumps(body))
        return translation.request_of(incoming.dialect, body, incoming.upstream, known)

    def _begun(self, error: Exception) -> bytes:
        """Return what a program was told of a stream that it closed when it was recorded."""
        failure: LlmFailure | None = getattr(error, "llm_failure", None)
        is_closed = is_recorded(error) and type(error).__name__ == ProgramGone.__name__
        if not (is_closed and self._body.get("stream") and failure and failure.partial):
            return b""
        return translation.begun_body(self._incoming.dialect, failure.partial, self._body)

    # Executing: the request goes to the real API.

    async def _execute(self) -> WireAnswered:
        forwarding = asyncio.create_task(self._forward())
        self._watch = asyncio.create_task(self._stop_when_gone(forwarding))
        try:
            return await forwarding
        except asyncio.CancelledError:
            if not self._is_gone:
                raise
        wire = translation.wire_answer(self._tap) if self._tap.status == 200 else None
        if wire is not None and wire.complete:
            return self._answered([], b"", None)  # it did not wait for what comes after the end
        raise self._gone()

    async def _stop_when_gone(self, forwarding: "asyncio.Task[WireAnswered]") -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._is_gone = True
        forwarding.cancel()

    async def _forward(self) -> WireAnswered:
        incoming, tap, started_s = self._incoming, self._tap, time.perf_counter()
        request = upstream.make_request(
            incoming.method, incoming.url, upstream.outgoing(incoming.headers), incoming.content
        )
        try:
            response = self._response = await upstream.send(self._client, request)
        except (ConnectionError, TimeoutError) as error:
            raise self._described(error) from None
        tap.status, tap.headers = response.status_code, dict(response.headers)
        headers = upstream.without_hops(response.headers.raw)
        pieces = upstream.pieces(response)
        if response.status_code != 200 or not self._is_stream():
            return await self._whole(headers, pieces)
        return await self._streamed(headers, pieces, started_s)

    def _is_stream(self) -> bool:
        """Tell whether an answer is a stream, before its body has come."""
        kind = self._tap.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            return True
        return bool(self._body.get("stream")) and "json" not in kind  # not every server says so

    async def _whole(self, headers: RawHeaders, pieces: AsyncIterator[bytes]) -> WireAnswered:
        tap, parts = self._tap, list[bytes]()
        try:
            async for piece in pieces:
                tap.add(piece)
                parts.append(piece)
        except ConnectionError as error:
            raise self._described(error) from None
        status = tap.status or 0
        answer = WireAnswered(status=status, headers=headers, body=b"".join(parts), tap=tap)
        if status >= 400:
            raise self._described(UpstreamError(_error_sentence(tap)), answer)
        return answer

    async def _streamed(
        self, headers: RawHeaders, pieces: AsyncIterator[bytes], started_s: float
    ) -> WireAnswered:
        """Send the pieces on as they come; the one that ends the answer waits to be recorded."""
        tap, dialect = self._tap, self._incoming.dialect
        events = EventReader(tap.headers.get("content-encoding"))
        await self._answering.start(tap.status or 200, headers)
        last = b""
        try:
            async for piece in pieces:
                tap.add(piece)
                found = events.feed(piece)
                if self._first_token_ms is None and any(
                    translation.is_content(dialect, event) for event in found
                ):
                    self._first_token_ms = (time.perf_counter() - started_s) * 1000
                if events.ended:
                    last = piece
                    break
                await self._answering.add(piece)
        except ConnectionError as error:
            raise self._described(error) from None
        answer = self._answered(headers, last, pieces)
        wire = translation.wire_answer(tap)
        if wire is not None and wire.error is not None:
            raise self._described(StreamError(wire.error), answer)
        if wire is None or not wire.complete:
            raise self._described(IncompleteAnswer("the stream ended before the answer did"))
        return answer

    def _answered(
        self, headers: RawHeaders, last: bytes, rest: AsyncIterator[bytes] | None
    ) -> WireAnswered:
        return WireAnswered(
            status=200,
            headers=headers,
            body=last,
            rest=rest,
            tap=self._tap,
            first_token_ms=self._first_token_ms,
        )

    def _described(self, error: Exception, answer: WireAnswered | None = None) -> Exception:
        """Attach what is known about a failure, and what the program is to be answered with."""
        provider = self._incoming.upstream.provider
        partial: LlmResponse | None = None
        if self._tap.status == 200:
            with contextlib.suppress(Exception):  # it may be cut anywhere
                partial = self._read(self._tap, self._first_token_ms)
        told: Any = error
        told.llm_failure = describe_failure(error, self._tap, provider=provider, partial=partial)
        told.answer = answer
        return error

    def _gone(self) -> Exception:
        error = self._described(ProgramGone("the program closed its connection"))
        told: Any = error
        failure: LlmFailure = told.llm_failure
        told.llm_failure = replace(failure, error_class="cancelled")
        return error

    # Describing and rebuilding, for the boundary.

    def _describe(self, answer: WireAnswered) -> LlmResponse:
        """Return what the API answered.

        Raises:
            ValueError: it is no answer of a model's.
        """
        response = self._read(answer.tap, answer.first_token_ms)
        if response is None:
            raise ValueError("the answer is none of a model's")
        self._note(response)
        return response

    def _read(self, tap: WireTap, first_token_ms: float | None) -> LlmResponse | None:
        incoming = self._incoming
        provider = incoming.upstream.provider
        return translation.response_of(
            incoming.dialect, tap, provider, first_token_ms=first_token_ms
        )

    def _note(self, response: LlmResponse) -> None:
        """Keep what later requests of the program will refer to."""
        wrapped = self._wrapped
        wrapped.tools.asked(response.messages)
        content = response.message.get("content")
        if content:
            wrapped.run.set_output(content)
        if self._incoming.dialect == "responses" and response.response_id:
            wrapped.known.add(response.response_id, self._body, response.messages)

    def _rebuild(self, response: LlmResponse) -> WireAnswered:
        """Return a recorded answer as the wire would bring it."""
        self._note(response)
        body = translation.body_of(self._incoming.dialect, response, self._body)
        kind = STREAM_TYPE if self._body.get("stream") else JSON_TYPE
        return WireAnswered(status=200, headers=[kind], body=body)


def read_body(incoming: Incoming) -> Json | None:
    """Return the JSON object of a request's body, None where it cannot be read as one."""
    encoding = dict(incoming.headers).get(b"content-encoding", b"identity").lower()
    content = incoming.content
    if encoding in (b"gzip", b"x-gzip", b"deflate"):
        decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
        try:
            content = decoder.decompress(content, DECODED_BYTES_MAX)
        except zlib.error:
            return None
    elif encoding != b"identity":
        return None
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return body if is_object(body) else None


def _error_sentence(tap: WireTap) -> str:
    """Return what an error says, with its status."""
    said = ""
    with contextlib.suppress(orjson.JSONDecodeError):
        body = orjson.loads(tap.body())
        error = body.get("error") if is_object(body) else None
        if is_object(error):
            said = str(error.get("message") or error.get("type") or "")
        elif isinstance(error, str):
            said = error
    return f"the API answered {tap.status}: {said or tap.body()[:500].decode(errors='replace')}"
