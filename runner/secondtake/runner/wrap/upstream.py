"""The way to the real API: a request goes out as it came, the answer comes back as it is."""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import httpx2

RawHeaders = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization",
        b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade",
    }
)  # fmt: skip
"""What describes one connection and not the message (RFC 9110 §7.6.1)."""
READABLE: Final = (b"gzip", b"deflate", b"identity")
"""Encodings of answers that can be read while they pass."""
CONNECT_S: Final = 60.0
CONNECTIONS_KEPT: Final = 100


class UpstreamAway(ConnectionError):
    """The real API could not be reached, or broke off before it answered."""


def make_client() -> "httpx2.AsyncClient":
    """Return a client that adds nothing of its own and gives up only when connecting takes long.

    How long an answer may take is the program's affair. Proxies and certificates of the
    environment count, as they would for the program.
    """
    import httpx2

    limits = httpx2.Limits(
        max_connections=None, max_keepalive_connections=CONNECTIONS_KEPT, keepalive_expiry=30.0
    )
    return httpx2.AsyncClient(limits=limits, follow_redirects=False)


def outgoing(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return the headers of a request as they go out: of the connection none, all others."""
    kept = without_hops(headers)
    found: RawHeaders = []
    for name, value in kept:
        if name == b"host":
            continue
        if name == b"accept-encoding":
            wanted = [part.strip() for part in value.split(b",")]
            value = b", ".join(w for w in wanted if w.split(b";")[0] in READABLE) or b"identity"
        found.append((name, value))
    if not any(name == b"accept-encoding" for name, _ in found):
        found.append((b"accept-encoding", b"identity"))
    return found


def without_hops(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Return headers, in small letters, without those of the connection."""
    given = [(name.lower(), value) for name, value in headers]
    named = {
        part.strip().lower()
        for name, value in given
        if name == b"connection"
        for part in value.split(b",")
    }
    return [(name, value) for name, value in given if name not in HOP_BY_HOP | named]


def make_request(
    method: str, url: str, headers: RawHeaders, content: bytes | AsyncIterator[bytes]
) -> "httpx2.Request":
    """Return a request that carries these headers and no others but `host`."""
    import httpx2

    timeout = httpx2.Timeout(None, connect=CONNECT_S)
    extensions: dict[str, Any] = {"timeout": timeout.as_dict()}
    return httpx2.Request(method, url, headers=headers, content=content, extensions=extensions)


async def send(client: "httpx2.AsyncClient", request: "httpx2.Request") -> "httpx2.Response":
    """Send a request and return the answer when its headers have come.

    Raises:
        UpstreamAway: nothing was answered.
        TimeoutError: no connection came about in time.
    """
    import httpx2

    try:
        return await client.send(request, stream=True)
    except httpx2.TimeoutException as error:
        raise TimeoutError(f"{_place(request)} did not answer in time: {error}") from None
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        raise UpstreamAway(f"{_place(request)} cannot be reached: {error}") from None


async def pieces(response: "httpx2.Response") -> AsyncIterator[bytes]:
    """Yield the body of an answer as it arrives, undecoded.

    Raises:
        UpstreamAway: it broke off.
    """
    import httpx2

    try:
        async for piece in response.aiter_raw():
            yield piece
    except httpx2.TransportError as error:
        where = _place(response.request)
        raise UpstreamAway(f"{where} broke off in the middle of its answer: {error}") from None


def _place(request: "httpx2.Request") -> str:
    """Return where a request went, without what its address may hold of secrets."""
    port = f":{request.url.port}" if request.url.port else ""
    return f"{request.url.host}{port}"
