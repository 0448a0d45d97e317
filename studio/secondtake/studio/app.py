"""The studio as a web application: Streamlit behind a content policy, with its own fonts.

`python -m secondtake.studio --port N --server-url URL` serves it.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from streamlit.starlette import App

from secondtake.studio.policy import ContentPolicy, Fonts
from secondtake.studio.theme.tokens import streamlit_theme

SCRIPT: Final = Path(__file__).parent / "entry" / "main.py"
"""What Streamlit executes. Alone in its folder, because Streamlit puts that folder first on the
module path, and would take a folder `pages` beside it for pages of its own."""

USED_BY_STREAMLIT: Final = ("numpy", "PIL.Image", "pandas", "secondtake.studio.shell")
"""What Streamlit loads only when the first visitor's page is drawn: two seconds of waiting."""

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")


def create_app(*, hosts: tuple[str, ...] = ()) -> App:
    """Return the application.

    Args:
        hosts: names that it may be asked by, beside those of this machine.
    """
    return App(
        SCRIPT,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[*LOCAL_HOSTS, *hosts]),
            Middleware(ContentPolicy),
            Middleware(Fonts),
        ],
        lifespan=_warmed,
    )


def server_options(*, host: str, port: int, hosts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return Streamlit's options: closed to others, silent, and looking like us."""
    return {
        "server.address": host,
        "server.port": port,
        "server.headless": True,
        "server.showEmailPrompt": False,
        "server.allowedHosts": [*LOCAL_HOSTS, *hosts],
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableStaticServing": False,
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "global.developmentMode": False,
        "logger.hideWelcomeMessage": True,
        "logger.level": "warning",
        "runner.magicEnabled": False,
        **streamlit_theme(),
    }


def serve(*, host: str, port: int, hosts: tuple[str, ...] = ()) -> None:
    """Serve the studio until the process is told to end. A taken port ends it with exit code 1."""
    create_app(hosts=hosts).run(config=server_options(host=host, port=port, hosts=hosts))


@asynccontextmanager
async def _warmed(app: App) -> AsyncIterator[None]:
    """Load what the first page needs once the server can answer, beside it."""
    Thread(target=_load, name="warm", daemon=True).start()
    yield


def _load() -> None:
    for name in USED_BY_STREAMLIT:
        import_module(name)
