"""Stands before every route: whose requests are answered, and how large they may be.

A server on the loopback address can still be reached by any page that a browser of this machine
shows. Such a page cannot forge `Host` and `Origin`: a request for another host is one that was
bent to us by a name that changed its address (DNS rebinding), one from another origin comes from a
page that is not ours. Both are refused, whatever the route, before anything else is looked at.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondtake.backend.api.headers import SECURITY_HEADERS
from secondtake.backend.api.problems import refused, request_problem

LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "::1")
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
JSON_MEDIA_TYPE: Final = "application/json"

_SHOWN_CHARACTERS: Final = 100
_TOO_LARGE: Final = (
    f"The body is larger than {MAX_BODY_BYTES // 1024**2} MB; "
    "send less, or name a file in the inputs instead."
)


class Guard:
    """Refuses what no page or program of this machine's user would send; adds the headers."""

    def __init__(self, app: ASGIApp, *, allowed_hosts: Iterable[str] = ()) -> None:
        """Guard an app.

        Args:
            app: what is behind.
            allowed_hosts: names, besides those of the loopback address, that a request may be for.
        """
        self.app = app
        self.allowed_hosts = {name.lower() for name in (*LOOPBACK_NAMES, *allowed_hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] != "http":
            await send({"type": "websocket.close"})  # no route speaks it
            return
        refusal = (
            self._foreign_host(headers, scope["path"])
            or _foreign_origin(headers, scope)
            or _unfit_body(headers, scope)
        )
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        await self.app(scope, _limited(receive), _with_headers(send))

    def _foreign_host(self, headers: Headers, path: str) -> Response | None:
        hosts = headers.getlist("host")
        if len(hosts) == 1 and host_name(hosts[0]) in self.allowed_hosts:
            return None
        shown = ", ".join(hosts)[:_SHOWN_CHARACTERS] or "no host"
        return refused(
            f"This server answers for {', '.join(sorted(self.allowed_hosts))}, not for "
            f"{shown!r}; ask it by one of these names, or allow yours with `--allow-host`.",
            instance=path,
        )


def host_name(host: str) -> str:
    """Return the name of a `Host` header, without its port, in small letters."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _foreign_origin(headers: Headers, scope: Scope) -> Response | None:
    """Refuse what a page from elsewhere sends: by `Origin`, else by what the browser says of it."""
    origins = headers.getlist("origin")
    host = headers.get("host", "").lower()
    own = (f"http://{host}", f"https://{host}")  # https when a proxy of the user's ends TLS
    if any(origin.lower() not in own for origin in origins):
        shown = ", ".join(origins)[:_SHOWN_CHARACTERS]
    elif _is_from_elsewhere(headers, scope["method"]):
        shown = "another site"
    else:
        return None
    return refused(
        f"A page of {shown} may not ask this server; open the studio, or use the command line.",
        instance=scope["path"],
    )


def _is_from_elsewhere(headers: Headers, method: str) -> bool:
    """Tell whether a browser says that another site asks. A link that a person opens is none."""
    is_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    return headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_link


def _unfit_body(headers: Headers, scope: Scope) -> Response | None:
    """Refuse bodies that are too large, and those that a plain HTML form could have sent."""
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MAX_BODY_BYTES:
        closing = {"Connection": "close"}  # what is left of the body is not read
        return request_problem(413, _TOO_LARGE, instance=scope["path"], headers=closing)
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    has_body = length != "0" or "transfer-encoding" in headers
    if (has_body or media_type) and media_type != JSON_MEDIA_TYPE:
        return request_problem(
            415,
            f"The body is {media_type or 'of no stated type'}; send JSON with the header "
            f"`Content-Type: {JSON_MEDIA_TYPE}`.",
            instance=scope["path"],
        )
    return None


def _limited(receive: Receive) -> Receive:
    """Count a body that did not say how long it is."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
