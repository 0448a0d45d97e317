"""A real HTTP server on 127.0.0.1 that gives scripted or recorded answers, byte for byte.

It knows no provider: a test points `api_base` at `server.url` and says which answers to give.

    with Loopback.of_exchanges(read_cassette(path)) as server:
        ask(api_base=f"{server.url}/v1")
    assert server.requests[0].json["model"] == "gpt-4o"
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

from tests.support.cassettes import Exchange, is_event_stream

Order = Literal["sequence", "path"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer, and what goes wrong with it."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""
    path: str | None = None
    """The path that it answers, when answers are matched by path."""
    chunk_size: int | None = None
    """Send a stream in pieces of so many bytes; None: one event a piece."""
    delay_s: float = 0
    """Wait before the status line."""
    piece_delay_s: float = 0
    """Wait before each piece of the body."""
    drop_after: int | None = None
    """Reset the connection after so many bytes of the body."""

    @property
    def is_stream(self) -> bool:
        """Whether the body is sent in chunks, as events arrive."""
        return is_event_stream(self.headers, self.body)


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request that the server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float
    """By the monotonic clock."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def recorded(exchange: Exchange, **faults: Any) -> Answer:
    """Return the answer of a recorded exchange, with faults where they are wanted."""
    answer = Answer(
        status=exchange.status, headers=exchange.headers, body=exchange.body, path=exchange.path
    )
    return replace(answer, **faults)


def json_answer(value: Any, *, status: int = 200, **options: Any) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status=status, body=json.dumps(value).encode(), **options)


def stream_answer(events: Iterable[Any], *, done: bool = True, **options: Any) -> Answer:
    """Return a stream of `data:` events in OpenAI's form."""
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    body = "".join([*lines, "data: [DONE]\n\n"] if done else lines)
    headers = (("content-type", "text/event-stream"),)
    return Answer(headers=headers, body=body.encode(), **options)


def too_many_requests(retry_after: str | None = None) -> Answer:
    """Return a 429 in OpenAI's form, with a Retry-After header where one is given."""
    headers = [("content-type", "application/json")]
    if retry_after is not None:
        headers.append(("retry-after", retry_after))
    error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
    return Answer(status=429, headers=tuple(headers), body=json.dumps({"error": error}).encode())


def http_date(seconds_from_now: float) -> str:
    """Return an HTTP date so many seconds from now."""
    return formatdate(time.time() + seconds_from_now, usegmt=True)


class Loopback:
    """Serves answers; records what it was asked in `requests`.

    Leaving the `with` block raises AssertionError when a request had no answer left.
    """

    def __init__(self, answers: Sequence[Answer], *, order: Order = "sequence") -> None:
        self.requests: list[Received] = []
        self.unexpected: list[Received] = []
        self._left = list(answers)
        self._order = order
        self._lock = threading.Lock()
        loopback = self

        class Handler(_Handler):
            owner = loopback

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @classmethod
    def of_exchanges(cls, exchanges: Iterable[Exchange], *, order: Order = "sequence") -> Self:
        """Play recorded exchanges as they were."""
        return cls([recorded(exchange) for exchange in exchanges], order=order)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def unused(self) -> int:
        """How many answers nobody has asked for."""
        return len(self._left)

    def take(self, received: Received) -> Answer | None:
        """Return the answer to a request and count it as given."""
        with self._lock:
            self.requests.append(received)
            for position, answer in enumerate(self._left):
                if self._order == "sequence" or answer.path == received.path:
                    return self._left.pop(position)
            self.unexpected.append(received)
            return None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if error is None and self.unexpected:
            paths = [f"{request.method} {request.path}" for request in self.unexpected]
            raise AssertionError(f"requests without an answer: {paths}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    owner: Loopback
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for an acknowledgement

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        received = Received(
            method=self.command,
            path=self.path.split("?", 1)[0],
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            at_s=time.monotonic(),
        )
        answer = self.owner.take(received)
        if answer is None:
            answer = json_answer({"error": {"message": "no answer is scripted"}}, status=501)
        time.sleep(answer.delay_s)
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.is_stream:
            self.send_header("transfer-encoding", "chunked")
        else:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        sent = 0
        for piece in _pieces(answer):
            time.sleep(answer.piece_delay_s)
            if answer.drop_after is not None and sent + len(piece) > answer.drop_after:
                self._write(piece[: answer.drop_after - sent], chunked=answer.is_stream)
                self._reset()
                return
            self._write(piece, chunked=answer.is_stream)
            sent += len(piece)
        if answer.is_stream:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, piece: bytes, *, chunked: bool) -> None:
        if not piece:
            return
        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        self.wfile.flush()

    def _reset(self) -> None:
        """Drop the connection as a crashed server does: a reset and no orderly end."""
        time.sleep(0.05)  # a reset at once would also discard what was sent before it
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def _pieces(answer: Answer) -> list[bytes]:
    if answer.chunk_size is not None:
        step = answer.chunk_size
        return [answer.body[at : at + step] for at in range(0, len(answer.body), step)]
    if not answer.is_stream:
        return [answer.body]
    separator = b"\r\n\r\n" if b"\r\n\r\n" in answer.body else b"\n\n"
    events = answer.body.split(separator)
    return [event + separator for event in events[:-1]] + ([events[-1]] if events[-1] else [])
