"""Where the server and the studio are, and whether they answer."""

import http.client
import os
import sys
import threading
import webbrowser
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

ANSWER_S: Final = 1.0
STUDIO_HEALTH: Final = "/_stcore/health"
"""Where Streamlit says that it runs."""


def server_address(host: str, port: int) -> str:
    """Return the address of what listens there, as a browser takes it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def server_answers(home: Path, pid: int) -> bool:
    """Say whether this process serves the home, and answers."""
    from secondtake.backend.client.owner import find_server, read_owner

    owner = read_owner(home)
    return owner is not None and owner[0] == pid and find_server(home) is not None


def studio_answers(host: str, port: int) -> bool:
    """Say whether a studio answers there."""
    connection = http.client.HTTPConnection(host.strip("[]"), port, timeout=ANSWER_S)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", STUDIO_HEALTH)
        return connection.getresponse().status == http.client.OK
    connection.close()
    return False


def has_desktop(environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether somebody sits in front of a screen of this machine."""
    if environ.get("CI") or environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def open_browser(url: str) -> None:
    """Show an address in the user's browser, without waiting for it."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
