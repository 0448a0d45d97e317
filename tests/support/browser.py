"""A real Chromium for the end-to-end tests: finds or installs one, drives it, keeps what it did."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Error,
    Page,
    Request,
    WebSocket,
    expect,
    sync_playwright,
)
from tests.support.browser_outside import Outside
from tests.support.repository import REPOSITORY

WIDTH: Final = 1440
HEIGHT: Final = 900
PICTURES: Final = REPOSITORY / "artifacts" / "e2e"
"""Where pictures go; git does not see it."""
INSTALL_TIMEOUT_S: Final = 250.0
"""A little more than `infra/browser.sh` allows itself."""
PATIENCE_MS: Final = 30_000.0
"""How long a test waits for something to appear. Two cores are shared by all tests."""

Scheme = Literal["light", "dark"]

LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "::1")
_INSIDE: Final = ("data", "blob", "about", "chrome-extension")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A direct link to a page makes Streamlit look for its server below that page first.
_HARMLESS: Final = re.compile(r"404 \(Not Found\).*/\w+/_stcore/(?:health|host-config)\b")


class NoBrowserError(Exception):
    """There is no browser and none could be installed; the message says how to get one."""


def find_or_install() -> Path:
    """Return the path of a Chromium; installs one where there is none.

    Raises:
        NoBrowserError: with one sentence and the cure.
    """
    try:
        result = subprocess.run(
            ["bash", str(REPOSITORY / "infra" / "browser.sh")],
            env=os.environ | {"SECONDTAKE_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise NoBrowserError(
            f"Installing a browser took longer than {INSTALL_TIMEOUT_S:.0f} s; "
            "see `bash infra/browser.sh`."
        ) from None
    if result.returncode != 0:
        raise NoBrowserError(result.stderr.strip().splitlines()[-1])
    return Path(result.stdout.strip())


@contextmanager
def opened_browser(
    executable: Path, profile: Path, *, outside: Outside | None = None, scheme: Scheme = "light"
) -> Iterator[BrowserContext]:
    """Open a browser with its profile in an empty folder; its pages share what was loaded.

    Args:
        executable: a Chromium.
        profile: the empty folder.
        outside: where requests to other hosts go; without it they are only seen.
        scheme: which colours the system of its person prefers.
    """
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=executable,
            headless=True,
            args=[*_FLAGS, *([f"--proxy-server={outside.url}"] if outside else [])],
            viewport={"width": WIDTH, "height": HEIGHT},
            color_scheme=scheme,
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        try:
            yield context
        finally:
            context.close()


class Window:
    """One page of a browser and all that it did: requests, sockets, errors, dialogs."""

    def __init__(self, context: BrowserContext) -> None:
        self.addresses: list[str] = []
        """Of everything that was requested, in order."""
        self.errors: list[str] = []
        """What the console said as an error, and exceptions of scripts; harmless ones too."""
        self.dialogs: list[str] = []
        """Texts of `alert` and its like: only a script that got in calls them."""
        self.page: Page = context.new_page()
        self.page.on("request", self._requested)
        self.page.on("websocket", self._connected)
        self.page.on("console", self._said)
        self.page.on("pageerror", self._failed)
        self.page.on("dialog", self._asked)
        self.page.on("popup", self._popped_up)

    def _requested(self, request: Request) -> None:
        self.addresses.append(request.url)

    def _connected(self, socket: WebSocket) -> None:
        self.addresses.append(socket.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} [{message.location.get('url', '')}]")

    def _failed(self, error: Error) -> None:
        self.errors.append(f"exception: {error.message}")

    def _asked(self, dialog: Dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def _popped_up(self, page: Page) -> None:
        self.addresses.append(page.url)

    @property
    def outside_addresses(self) -> list[str]:
        """Addresses of other hosts that were asked for."""
        return [address for address in self.addresses if not is_inside(address)]

    @property
    def real_errors(self) -> list[str]:
        """Errors but for the two harmless 404 of a direct link to a page."""
        return [text for text in self.errors if not _HARMLESS.search(text)]

    def described(self) -> str:
        """Return where the page is, what stands on it and what went wrong, for a failed test."""
        return "\n".join([self.page.url, self.page.inner_text("body"), *self.errors])

    def show_scheme(self, scheme: Scheme) -> None:
        """Prefer light or dark from now on, as the system of the person would."""
        self.page.emulate_media(color_scheme=scheme)

    def picture(self, name: str) -> Path:
        """Save what is seen as `artifacts/e2e/<name>.png`; `name` says what that is."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        # Animations stand still, else the spinner of a running run is another picture each time.
        self.page.screenshot(path=path, animations="disabled", caret="hide")
        return path

    def pictures(self, name: str) -> list[Path]:
        """Save what is seen in light and in dark as `<name>-light.png` and `<name>-dark.png`."""
        made: list[Path] = []
        for scheme in ("light", "dark"):
            self.show_scheme(scheme)
            # Streamlit takes the new theme over in a script of its own.
            self.page.wait_for_function(
                "scheme => getComputedStyle(document.querySelector('.stApp')).colorScheme"
                ".includes(scheme)",
                arg=scheme,
            )
            made.append(self.picture(f"{name}-{scheme}"))
        self.show_scheme("light")
        return made

    def forget(self) -> None:
        """Forget what the studio keeps in the browser: the theme, the columns."""
        if is_inside(self.page.url) and self.page.url.startswith("http"):
            self.page.evaluate("localStorage.clear()")

    def close(self) -> None:
        """Close the page."""
        self.page.close()


def is_inside(address: str) -> bool:
    """Tell whether an address is of this machine, or holds its own content."""
    parts = urlsplit(address)
    return parts.scheme in _INSIDE or parts.hostname in LOCAL_HOSTS


def assert_no_request_left_the_host(window: Window, *outside: Outside) -> None:
    """Fail when the page, or anybody behind these proxies, asked another host for something."""
    assert window.outside_addresses == []
    assert [request for proxy in outside for request in proxy.requests] == []


def assert_no_console_error(window: Window) -> None:
    """Fail when the console showed an error that is not known to be harmless."""
    assert not window.real_errors, "\n".join(window.real_errors)


def assert_no_dialog(window: Window) -> None:
    """Fail when a dialog opened."""
    assert window.dialogs == []
