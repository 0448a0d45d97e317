"""The side of an exchange that the program sees: its answer, or an error in its API's words."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from secondtake.runner.calls import LlmFailure
from secondtake.runner.providers.wire import WireTap
from secondtake.runner.wrap import translation
from secondtake.runner.wrap.dialects import Dialect
from secondtake.runner.wrap.upstream import RawHeaders

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]

JSON_TYPE: Final = (b"content-type", b"application/json")
STREAM_TYPE: Final = (b"content-type", b"text/event-stream; charset=utf-8")
STATUS_OF: Final = {
    "auth": 401, "bad_request": 400, "content_filter": 400, "context_length": 400,
    "not_found": 404, "quota": 429, "rate_limit": 429, "timeout": 504,
}  # fmt: skip
"""By error class: the status of an error that was recorded without one."""


@dataclass(kw_only=True)
class WireAnswered:
    """What the boundary is given back: an answer that is still to be sent, or the rest of one."""

    status: int
    headers: RawHeaders
    body: bytes
    """What was not sent yet."""
    rest: AsyncIterator[bytes] | None = None
    """What comes after it, where the answer has ended and its stream has not."""
    tap: WireTap = field(default_factory=WireTap)
    """What arrived, read by `translation`."""
    first_token_ms: float | None = None


class Answering:
    """Sends the program one answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_started = False

    async def start(self, status: int, headers: RawHeaders) -> None:
        """Send the status line and the headers."""
        self.is_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def add(self, piece: bytes) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def give(self, answer: WireAnswered) -> None:
        """Send what was not sent yet of an answer, to its end."""
        if not self.is_started:
            headers = [h for h in answer.headers if h[0] != b"content-length"]
            length = (b"content-length", str(len(answer.body)).encode())
            await self.start(answer.status, [*headers, length])
        if answer.body:
            await self.add(answer.body)
        if answer.rest is not None:
            with contextlib.suppress(ConnectionError):  # the answer itself was complete
                async for piece in answer.rest:
                    await self.add(piece)
        await self.end()

    async def end(self) -> None:
        """Send the end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def begin(self, piece: bytes) -> None:
        """Send the beginning of a stream and break it off: nobody knows how it goes on.

        Who closed it here in the source does so again, and does not see the break.
        """
        await self.start(200, [STREAM_TYPE])
        await self.add(piece)

    async def fail(self, error: Exception, dialect: Dialect) -> None:
        """Send an error: the API's own where there is one, else one in its words.

        An answer that had begun is broken off, as it was for us: the server closes a connection
        whose answer is not ended.
        """
        answer: Any = getattr(error, "answer", None)
        if isinstance(answer, WireAnswered):
            await self.give(answer)
            return
        if self.is_started:
            return
        failure: LlmFailure | None = getattr(error, "llm_failure", None)
        kind = failure.error_class if failure else "server"
        status = (failure.http_status if failure else None) or STATUS_OF.get(kind, 502)
        if status == 200:
            status = 502  # a stream broke after it had begun
        wait_s = failure.retry_after_s if failure else None
        await self.refuse(status, str(error), kind, dialect, retry_after_s=wait_s)

    async def refuse(
        self,
        status: int,
        message: str,
        kind: str,
        dialect: Dialect,
        *,
        retry_after_s: float | None = None,
        final: bool = False,
    ) -> None:
        """Send an error; a `final` one is not to be tried again."""
        headers: RawHeaders = [JSON_TYPE]
        if retry_after_s is not None:
            headers.append((b"retry-after", f"{retry_after_s:g}".encode()))
        if final:
            headers.append((b"x-should-retry", b"false"))  # both SDKs heed it
        body = translation.error_body(dialect, message, kind)
        await self.give(WireAnswered(status=status, headers=headers, body=body))
