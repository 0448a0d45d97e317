"""Starts the server and the studio, looks after them, and ends them together."""

import os
import signal
import socket
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

from secondtake.backend.formats import one_line
from secondtake.backend.up.checks import check_host, check_installed, check_port
from secondtake.backend.up.child import Child
from secondtake.backend.up.links import (
    has_desktop,
    open_browser,
    server_address,
    server_answers,
    studio_answers,
)
from secondtake.backend.up.one import OnlyUp
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.settings import Settings

LOOK_EVERY_S: Final = 0.05
TRIM_EVERY_S: Final = 5.0
READY_WITHIN_S: Final = 60.0
END_WITHIN_S: Final = 4.0
OLD_CHILDREN_S: Final = 5.0
"""How long the children of an `up` that was killed take to end by themselves."""
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]


class Supervisor:
    """One `secondtake up`."""

    def __init__(
        self,
        settings: Settings,
        *,
        with_studio: bool,
        with_browser: bool,
        allowed_hosts: Sequence[str] = (),
    ) -> None:
        self._settings = settings
        self._allowed = [word for name in allowed_hosts for word in ("--allow-host", name)]
        self._with_studio = with_studio
        self._with_browser = with_browser
        self._signals = 0
        # Of this pair `up` holds one end alone and all that it starts, workers too, the other:
        # to them its end means to end, and to `up` theirs means that nobody is left.
        self._own, self._others = socket.socketpair()
        self._children: list[Child] = []

    def run(self, *, say: Say, warn: Say) -> None:
        """Serve until a signal.

        Args:
            say: is given what a user wants to know, line by line.
            warn: is given what went wrong meanwhile.

        Raises:
            UsageError: an address or a port cannot be used.
            SecondTakeError: something is missing, or a child cannot be started.
        """
        settings = self._settings
        check_host(settings.host)
        check_installed("server")
        if self._with_studio:
            check_installed("studio")
        with (
            self._heard_signals(),
            OnlyUp(settings.home, host=settings.host, port=settings.port) as only,
        ):
            wait_s = OLD_CHILDREN_S if only.was_killed else 0.0
            check_port(settings.host, settings.port, option="--port", wait_s=wait_s)
            if self._with_studio:
                check_port(
                    settings.host, settings.studio_port, option="--studio-port", wait_s=wait_s
                )
            self._children = self._make_children()
            try:
                for child in self._children:
                    child.start()
                if self._wait_until_ready():
                    self._tell(say)
                    self._look_after(warn)
            finally:
                self._end(warn)

    def _make_children(self) -> list[Child]:
        settings, guard = self._settings, self._others.fileno()
        host, home = settings.host, settings.home
        environment = {**os.environ, "SECONDTAKE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        url = server_address(host, settings.port)
        place = ["--host", host, *self._allowed]
        server = Child(
            "server",
            module="secondtake.backend.api",
            arguments=["--home", str(home), *place, "--port", str(settings.port)],
            environment=environment,
            home=home,
            guard=guard,
            answers=lambda pid: server_answers(home, pid),
        )
        if not self._with_studio:
            return [server]
        port = settings.studio_port
        studio = Child(
            "studio",
            module="secondtake.studio",
            arguments=[*place, "--port", str(port), "--server-url", url],
            environment=environment,
            home=home,
            guard=guard,
            answers=lambda _pid: studio_answers(host, port),
        )
        return [server, studio]

    def _wait_until_ready(self) -> bool:
        """Wait until all answer; return False when a signal came first.

        Raises:
            SecondTakeError: a child ended, or takes too long.
        """
        until_s = time.monotonic() + READY_WITHIN_S
        while not all(child.is_ready for child in self._children):
            if self._signals:
                return False
            for child in self._children:
                if child.look() is not None or time.monotonic() > until_s:
                    words = child.last_words.removeprefix("error: ")
                    raise SecondTakeError(f"The {child.name} did not start: {words}")
            time.sleep(LOOK_EVERY_S)
        return True

    def _tell(self, say: Say) -> None:
        settings = self._settings
        say(f"server  {server_address(settings.host, settings.port)}")
        if self._with_studio:
            studio = server_address(settings.host, settings.studio_port)
            say(f"studio  {studio}")
            if self._with_browser and has_desktop():
                open_browser(studio)
        say("Ctrl-C ends everything.")

    def _look_after(self, warn: Say) -> None:
        trimmed_s = time.monotonic()
        while not self._signals:
            time.sleep(LOOK_EVERY_S)
            for child in self._children:
                news = child.look()
                if news is not None and not self._signals:
                    warn(one_line(news))
            if time.monotonic() - trimmed_s >= TRIM_EVERY_S:
                trimmed_s = time.monotonic()
                for child in self._children:
                    child.trim()

    # The end.

    def _end(self, warn: Say) -> None:
        """End all; those who do not by themselves, or after a second signal, are killed."""
        for child in self._children:
            child.signal(signal.SIGTERM)
        self._own.shutdown(socket.SHUT_WR)
        self._others.close()
        self._own.setblocking(False)
        until_s = time.monotonic() + END_WITHIN_S
        while not self._nobody_is_left():
            if time.monotonic() >= until_s or self._signals > 1:
                for child in self._children:
                    child.signal(signal.SIGKILL)
                break
            time.sleep(LOOK_EVERY_S / 2)
        until_s = time.monotonic() + 1.0
        while not self._nobody_is_left():
            if time.monotonic() >= until_s:
                warn("a worker process has not ended yet; it does when its call returns")
                break
            time.sleep(LOOK_EVERY_S / 2)
        self._own.close()

    def _nobody_is_left(self) -> bool:
        """Say whether all that was started has ended, workers included."""
        if any(child.is_alive() for child in self._children):
            return False
        try:
            return self._own.recv(1) == b""
        except BlockingIOError:
            return False

    @contextmanager
    def _heard_signals(self) -> Generator[None]:
        before = {number: signal.signal(number, self._heard) for number in ENDING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
