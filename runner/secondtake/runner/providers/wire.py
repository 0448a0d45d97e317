"""Listens to what providers answer, byte for byte, below LiteLLM.

LiteLLM rewrites answers: it renames finish reasons, invents ids, counts tokens itself where a
stream reports none. So the HTTP clients that it uses carry a hook that copies each answer into
the `WireTap` of the attempt that is being made. Without an open tap the hook does nothing; calls
to LiteLLM that are not ours pass it untouched.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

import httpx

HANDLER_PROVIDERS: Final = frozenset({"anthropic", "deepseek", "groq", "mistral", "openrouter"})
"""Providers whose LiteLLM adapter takes the HTTP client as `client=`; those that go through
OpenAI's SDK take the session-wide one."""
WIRELESS_PROVIDERS: Final = frozenset({"scripted", "sim"})
"""Simulated providers: what LiteLLM hands on is what they said."""
CONNECTIONS_MAX: Final = 1000
CONNECTIONS_KEPT: Final = 100


class WireTap:
    """Collects the answer to one attempt. Not thread-safe: one attempt is one thread or task."""

    def __init__(self, *, deadline_s: float | None = None) -> None:
        """Open a tap; an answer that still arrives at `deadline_s` (monotonic) times out."""
        self.status: int | None = None
        """None when nothing was answered, or when the answer could not be listened to."""
        self.headers: Mapping[str, str] = {}
        self._deadline_s = deadline_s
        self._pieces: list[bytes] = []
        self._response: httpx.Response | None = None

    def begin(self, response: httpx.Response) -> None:
        """Start to listen; a second answer (LiteLLM mended and re-sent) replaces the first."""
        self.status = response.status_code
        self.headers = dict(response.headers)
        self._pieces = []
        self._response = response

    def add(self, piece: bytes) -> None:
        """Keep a piece of the body.

        Raises:
            httpx.ReadTimeout: the deadline has passed; HTTP time-outs alone would allow a body
                that trickles for ever.
        """
        self._pieces.append(piece)
        if self._deadline_s is not None and time.monotonic() > self._deadline_s:
            raise httpx.ReadTimeout("the answer was not complete in time")

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a stream of server-sent events; not every server says so."""
        kind = self.headers.get("content-type", "")
        return kind.startswith("text/event-stream") or (
            "json" not in kind and self.body().lstrip().startswith((b"data:", b"event:"))
        )

    def body(self) -> bytes:
        """Return what has arrived, decompressed."""
        raw = b"".join(self._pieces)
        encoding = self.headers.get("content-encoding")
        if not encoding:
            return raw
        try:
            return httpx.Response(200, headers={"content-encoding": encoding}, content=raw).content
        except httpx.DecodingError:
            return b""

    def close(self) -> None:
        """Give up the rest of the answer, so that its connection is free."""
        if self._response is not None and isinstance(self._response.stream, _Tee):
            self._response.close()

    async def aclose(self) -> None:
        """Give up the rest of an asynchronous answer."""
        if self._response is not None and isinstance(self._response.stream, _AsyncTee):
            await self._response.aclose()


_tap: ContextVar[WireTap | None] = ContextVar("secondtake_wire_tap", default=None)


@contextlib.contextmanager
def listening(tap: WireTap) -> Generator[None]:
    """Copy what is answered in this context into the tap."""
    token = _tap.set(tap)
    try:
        yield
    finally:
        _tap.reset(token)


class _Tee(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream, tap: WireTap) -> None:
        self._inner = inner
        self._tap = tap

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._inner:
            self._tap.add(piece)
            yield piece

    def close(self) -> None:
        self._inner.close()


class _AsyncTee(httpx.AsyncByteStream):
    def __init__(self, inner: httpx.AsyncByteStream, tap: WireTap) -> None:
        self._inner = inner
        self._tap = tap

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._tap.add(piece)
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


def on_response(response: httpx.Response) -> None:
    """Attach the open tap to an answer; an event hook of `httpx.Client`."""
    tap = _tap.get()
    if tap is not None:
        tap.begin(response)
        response.stream = _Tee(cast(httpx.SyncByteStream, response.stream), tap)


async def on_async_response(response: httpx.Response) -> None:
    """Attach the open tap to an answer; an event hook of `httpx.AsyncClient`."""
    tap = _tap.get()
    if tap is not None:
        tap.begin(response)
        response.stream = _AsyncTee(cast(httpx.AsyncByteStream, response.stream), tap)


@cache
def sync_client() -> httpx.Client:
    """Return the process's HTTP client, set up as LiteLLM sets up its own."""
    return httpx.Client(**_options(), event_hooks={"response": [on_response]})


@cache
def async_client() -> httpx.AsyncClient:
    """Return the process's asynchronous HTTP client, usable in any number of event loops."""
    return _LoopClient()


class _LoopClient(httpx.AsyncClient):
    """Hands each request to a client of the running event loop: a connection belongs to one."""

    def __init__(self) -> None:
        super().__init__(**_options())
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = (
            WeakKeyDictionary()
        )

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        loop = asyncio.get_running_loop()
        client = self._by_loop.get(loop)
        if client is None:
            client = httpx.AsyncClient(**_options(), event_hooks={"response": [on_async_response]})
            self._by_loop[loop] = client
        return await client.send(request, **options)

    async def aclose(self) -> None:
        """Close the connections of the running event loop."""
        client = self._by_loop.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()


def listen_in(litellm: Any) -> None:
    """Let everything that goes through OpenAI's SDK pass the hook.

    Sessions that the user has set are kept and get the hook too.
    """
    if litellm.client_session is None:
        litellm.client_session = sync_client()
    elif on_response not in litellm.client_session.event_hooks["response"]:
        litellm.client_session.event_hooks["response"].append(on_response)
    if litellm.aclient_session is None:
        litellm.aclient_session = async_client()
    elif litellm.aclient_session is not async_client():
        hooks = litellm.aclient_session.event_hooks["response"]
        if on_async_response not in hooks:
            hooks.append(on_async_response)


@cache
def sync_handler() -> Any:
    """Return LiteLLM's wrapper of the HTTP client, for the adapters that want one."""
    from litellm.llms.custom_httpx.http_handler import (  # pyright: ignore[reportMissingTypeStubs]
        HTTPHandler,
    )

    return HTTPHandler(client=sync_client())


@cache
def async_handler() -> Any:
    """Return LiteLLM's wrapper of the asynchronous HTTP client."""
    from litellm.llms.custom_httpx.http_handler import (  # pyright: ignore[reportMissingTypeStubs]
        AsyncHTTPHandler,
    )

    handler = AsyncHTTPHandler()
    handler.client = async_client()
    return handler


def _options() -> dict[str, Any]:
    from litellm.llms.custom_httpx.http_handler import (  # pyright: ignore[reportMissingTypeStubs]
        get_ssl_configuration,
        http2_enabled,
    )

    return {
        "verify": get_ssl_configuration(),
        "follow_redirects": True,
        "http2": http2_enabled(),
        "limits": httpx.Limits(
            max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_KEPT
        ),
    }
