"""The process that serves: binds, opens the store, says where it is, and ends in good order."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import orjson
import uvicorn
from fastapi import FastAPI

from secondtake.backend.api.app import create_app
from secondtake.backend.api.guard import LOOPBACK_NAMES
from secondtake.backend.client.owner import owner_path, read_owner
from secondtake.backend.store.connection import open_store
from secondtake.runner.errors import UsageError
from secondtake.runner.settings import Settings

HOST: Final = "127.0.0.1"
PORT: Final = 8000
DRAIN_S: Final = 1
"""How long requests that are being answered may still take when the server shall end."""
BACKLOG: Final = 512
IDLE_CONNECTION_S: Final = 30
CONNECTIONS_MAX: Final = 1000


def serve(
    settings: Settings,
    *,
    host: str = HOST,
    port: int = PORT,
    allowed_hosts: Iterable[str] = (),
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: what is in force.
        host: an address of this machine that only this machine reaches.
        port: 0 takes a free one; `owner.json` in the home says which.
        allowed_hosts: names, besides those of the loopback address, that requests may be for.

    Raises:
        UsageError: the address is not for this machine alone, or the port is taken.
        StoreError: another process holds the store, or it cannot be opened.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    listener = bind(host, port)
    with listener:
        url = address_of(listener)
        con = open_store(settings.home)
        app = create_app(settings, con=con, allowed_hosts=allowed_hosts)
        config = uvicorn.Config(
            app,
            access_log=False,
            backlog=BACKLOG,
            http="h11",
            lifespan="on",
            limit_concurrency=CONNECTIONS_MAX,
            log_config=None,
            loop="asyncio",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_S,
            timeout_keep_alive=IDLE_CONNECTION_S,
            ws="none",
        )
        OwnedServer(config, app=app, home=settings.home, url=url).run(sockets=[listener])


class OwnedServer(uvicorn.Server):
    """A server that leaves a note where it is, ends its streams, and ends with exit code 0."""

    def __init__(self, config: uvicorn.Config, *, app: FastAPI, home: Path, url: str) -> None:
        super().__init__(config)
        self._app = app
        self._home = home
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        if self.started:
            write_owner(self._home, self._url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take the note away, let streams end, and wait a moment for what is being answered."""
        remove_owner(self._home)
        self._app.state.server.begin_to_end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """End at SIGTERM and Ctrl-C, as asked for and not as killed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address of this machine.

    Raises:
        UsageError: others could reach the address, or it is taken.
    """
    name = "127.0.0.1" if host == "localhost" else host.strip("[]")
    if not _is_loopback(name):
        raise UsageError(
            f"The server does not listen on {host!r}: others could reach it there, and it has no "
            f"keys to ask them for. Use {', '.join(LOOPBACK_NAMES)}, or a tunnel to it."
        )
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # as TCP, so that
    # asyncio sends small answers at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((name, port))
        listener.listen(BACKLOG)  # now, so that a second server cannot bind meanwhile
    except OSError as error:
        listener.close()
        raise UsageError(
            f"Port {port} of {host} cannot be used: {error.strerror}. "
            "End what uses it, or choose another with `--port`."
        ) from error
    return listener


def address_of(listener: socket.socket) -> str:
    """Return the address that clients ask."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def write_owner(home: Path, url: str) -> None:
    """Say in the home who serves it, and where; whole or not at all."""
    path = owner_path(home)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        temporary.unlink()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps({"pid": os.getpid(), "url": url}))
    temporary.replace(path)


def remove_owner(home: Path) -> None:
    """Take the note away if it is still that of this process."""
    owner = read_owner(home)
    if owner is not None and owner[0] == os.getpid():
        owner_path(home).unlink(missing_ok=True)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
