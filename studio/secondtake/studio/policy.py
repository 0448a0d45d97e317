"""What a page of the studio may load: itself and nothing else."""

import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondtake.studio.theme.fonts import FONTS, font_file

_HOST: Final = re.compile(r"[A-Za-z0-9.\-]+(?::\d+)?|\[[0-9A-Fa-f:]+\](?::\d+)?")

_FIXED: Final = (
    "default-src 'none'",
    # Streamlit's page has a script in it, and its components come as text of a blob.
    "script-src 'self' 'unsafe-inline' blob: data:",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "media-src 'self' data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "manifest-src 'self'",
    "frame-src 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)


def content_policy(host: str | None) -> str:
    """Return the policy for pages that are asked for under this name and port."""
    # 'self' does not mean the page's own web socket in every browser.
    socket = f" ws://{host} wss://{host}" if host and _HOST.fullmatch(host) else ""
    return "; ".join([*_FIXED, f"connect-src 'self'{socket}"])


class ContentPolicy:
    """Adds the policy to every answer, and asks for the typefaces early."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add headers to its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        policy = content_policy(Headers(scope=scope).get("host"))

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if headers.get("content-type", "").startswith("text/html"):
                    for font in FONTS[:1]:
                        if font_file(font) is not None:
                            headers.append("Link", f"<{font.address}>; {_PRELOAD}")
            await send(message)

        await self._app(scope, receive, send_with_policy)


_PRELOAD: Final = "rel=preload; as=font; type=font/ttf; crossorigin"


class Fonts:
    """Serves the typefaces: before Streamlit, which would compress them again at each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer requests for a typeface, pass on all others."""
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            for font in FONTS:
                if scope["path"] == font.address and (path := font_file(font)):
                    kept = {"Cache-Control": "public, max-age=31536000, immutable"}
                    answer = FileResponse(path, media_type="font/ttf", headers=kept)
                    await answer(scope, receive, send)
                    return
        await self._app(scope, receive, send)
