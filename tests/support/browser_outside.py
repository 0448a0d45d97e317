"""Stands for the world outside: a proxy that lets nothing through and keeps who was asked for.

Whatever a browser or a server wants of another host comes here, so a test sees it by name, and
the real host is never asked.
"""

import contextlib
import re
import socketserver
import threading
from collections.abc import Collection
from types import TracebackType
from typing import Final, Self

from secondtake.backend.models.base import Model

REFUSAL: Final = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
READ_TIMEOUT_S: Final = 5.0

BROWSERS_OWN: Final = (
    "accounts.google.com",
    "android.clients.google.com",
    "clients2.google.com",
    "content-autofill.googleapis.com",
    "edgedl.me.gvt1.com",
    "mtalk.google.com",
    "optimizationguide-pa.googleapis.com",
    "redirector.gvt1.com",
    "safebrowsing.googleapis.com",
    "update.googleapis.com",
)
"""Whom Chromium asks by itself, whatever page is open. What pages ask, these hosts too, is seen
by Playwright."""

_HOST: Final = re.compile(rb"(?:https?://)?(\[[^\]]+\]|[^/:\s]+)")


class OutsideRequest(Model):
    """What somebody asked of another host."""

    method: str
    """`CONNECT` for anything over TLS."""
    host: str
    target: str
    """Address as it was asked for; only `host:port` over TLS."""


class Outside:
    """The proxy; `requests` is what it was asked, in order, but for the hosts in `ignored`."""

    def __init__(self, *, ignored: Collection[str] = ()) -> None:
        self.requests: list[OutsideRequest] = []
        self._ignored = ignored
        outside = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = READ_TIMEOUT_S

            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    line = self.rfile.readline(65_536)
                    if line.strip():
                        outside.take(line)
                        self.wfile.write(REFUSAL)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def url(self) -> str:
        """Address of the proxy."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes a program use it for all hosts but this one."""
        names = ("http_proxy", "https_proxy", "all_proxy")
        ours = dict.fromkeys((*names, *(name.upper() for name in names)), self.url)
        return ours | dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost,::1")

    def take(self, line: bytes) -> None:
        """Keep a request by its first line."""
        method, _, rest = line.strip().partition(b" ")
        target = rest.rpartition(b" ")[0] or rest
        match = _HOST.match(target)
        host = (match[1] if match else target).decode("latin-1")
        if host not in self._ignored:
            self.requests.append(
                OutsideRequest(
                    method=method.decode("latin-1"), host=host, target=target.decode("latin-1")
                )
            )

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


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
