"""The local HTTP endpoint that wrapped programs are pointed at.

`http://127.0.0.1:<port>/<token>/openai/v1` and `/<token>/anthropic`. The token is random and made
for one program, so that several programs are kept apart and nobody else on the machine gets in.
LLM requests pass the boundary; everything else is passed on as it is and counted.
"""

import asyncio
import contextlib
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Final, Self

from secondtake.runner.wrap import upstream
from secondtake.runner.wrap.answering import Answering, Receive, Send
from secondtake.runner.wrap.dialects import APIS, Api, Dialect, Upstream, dialect_of
from secondtake.runner.wrap.exchange import Exchange, Incoming
from secondtake.runner.wrap.upstream import RawHeaders
from secondtake.runner.wrap.wrapped import Wrapped

if TYPE_CHECKING:
    import httpx2
    import uvicorn

HOST: Final = "127.0.0.1"
PREFIXES: Final[dict[Api, str]] = {"openai": "openai/v1", "anthropic": "anthropic"}
TOKEN_BYTES: Final = 16
BACKLOG: Final = 2048
KEEP_ALIVE_S: Final = 24 * 3600
"""Longer than any program: a connection that we close while it is used again is an error there."""
HEADERS_BYTES_MAX: Final = 1024 * 1024
GRACE_S: Final = 2
"""How long answers that are being sent may take when the endpoint closes."""
SILENT: Final = 100
"""A log level above all: the terminal belongs to the program."""


class Endpoint:
    """Serves any number of wrapped programs from a thread of this process.

    Use it as a `with` block; on leaving, what is still being answered gets a moment to end.
    """

    def __init__(self) -> None:
        self._wrapped: dict[str, Wrapped] = {}
        self._socket = socket.socket(
            socket.AF_INET,
            socket.SOCK_STREAM,
            socket.IPPROTO_TCP,  # asyncio sets TCP_NODELAY only where it reads this
        )
        self._server: uvicorn.Server | None = None
        self._client: httpx2.AsyncClient | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._serve, name="secondtake-wrap", daemon=True)

    def __enter__(self) -> Self:
        """Start to listen.

        Raises:
            OSError: no port can be listened at.
        """
        self._socket.bind((HOST, 0))
        self._socket.listen(BACKLOG)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def add(self, wrapped: Wrapped) -> Mapping[Api, str]:
        """Serve a program; return the base URL of each API for it."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._wrapped[token] = wrapped
        port = self._socket.getsockname()[1]
        return {api: f"http://{HOST}:{port}/{token}/{PREFIXES[api]}" for api in APIS}

    def remove(self, wrapped: Wrapped) -> None:
        """Serve a program no more."""
        for token in [token for token, each in self._wrapped.items() if each is wrapped]:
            del self._wrapped[token]

    # In the thread.

    def _serve(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # noqa: BLE001 - raised in the thread that waits
            self._failure = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        import uvicorn

        config = uvicorn.Config(
            self._app,
            http="h11",
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level=SILENT,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            h11_max_incomplete_event_size=HEADERS_BYTES_MAX,
        )
        async with upstream.make_client() as self._client:
            self._server = uvicorn.Server(config)
            self._ready.set()  # the socket listens already: what connects now waits its turn
            await self._server.serve(sockets=[self._socket])

    async def _app(self, scope: Any, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            answering = Answering(send)
            about = "this endpoint serves the program that `secondtake wrap` started, nobody else"
            await answering.refuse(404, about, "not_found", "chat")
            return
        wrapped, api, path = found
        place = wrapped.upstreams[api]
        query = scope["query_string"].decode("latin-1")
        url = place.url.rstrip("/") + path + (f"?{query}" if query else "")
        headers: RawHeaders = [(name.lower(), value) for name, value in scope["headers"]]
        method = scope["method"]
        dialect = dialect_of(api, method, path)
        content: bytes | AsyncIterator[bytes] = _pieces_of(receive) if _has_body(headers) else b""
        if dialect is not None:
            whole = await self._exchange(
                wrapped, dialect, place, (method, url, headers), receive, send
            )
            if whole is None:
                return
            content = whole
            wrapped.count_unreadable()
        else:
            wrapped.count(method, path)
        await self._pass_on((method, url, headers), content, Answering(send))

    def _find(self, scope: Any) -> tuple[Wrapped, Api, str] | None:
        """Return whose request it is, for which API, and the path below its base URL."""
        if scope["type"] != "http":
            return None
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        token, _, rest = raw.decode("latin-1").removeprefix("/").partition("/")
        wrapped = self._wrapped.get(token)
        if wrapped is None:
            return None
        for api in APIS:
            if rest == PREFIXES[api] or rest.startswith(PREFIXES[api] + "/"):
                return wrapped, api, rest[len(PREFIXES[api]) :]
        return None

    async def _exchange(
        self,
        wrapped: Wrapped,
        dialect: Dialect,
        place: Upstream,
        request: tuple[str, str, RawHeaders],
        receive: Receive,
        send: Send,
    ) -> bytes | None:
        """Take an LLM request through the boundary; return its body when it cannot be read."""
        assert self._client is not None
        method, url, headers = request
        wrapped.hide_keys(headers)
        content = b"".join([piece async for piece in _pieces_of(receive)])
        incoming = Incoming(
            dialect=dialect,
            upstream=place,
            method=method,
            url=url,
            headers=headers,
            content=content,
        )
        exchange = Exchange(wrapped, incoming, self._client, receive=receive, send=send)
        return None if await exchange.run() else content

    async def _pass_on(
        self,
        request: tuple[str, str, RawHeaders],
        content: bytes | AsyncIterator[bytes],
        answering: Answering,
    ) -> None:
        """Pass a request on as it is, and its answer back."""
        assert self._client is not None
        method, url, headers = request
        outgoing = upstream.make_request(method, url, upstream.outgoing(headers), content)
        try:
            response = await upstream.send(self._client, outgoing)
        except (ConnectionError, TimeoutError) as error:
            await answering.fail(error, "chat")
            return
        try:
            await answering.start(response.status_code, upstream.without_hops(response.headers.raw))
            with contextlib.suppress(ConnectionError):
                async for piece in upstream.pieces(response):
                    await answering.add(piece)
                await answering.end()
        finally:
            await response.aclose()


def _has_body(headers: RawHeaders) -> bool:
    names = {name for name, value in headers if value != b"0"}
    return b"content-length" in names or b"transfer-encoding" in names


async def _pieces_of(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the body of a request.

    Raises:
        ConnectionError: the program closed its connection before the end.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the program closed its connection")
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return
