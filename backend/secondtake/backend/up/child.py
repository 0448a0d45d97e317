"""One process that `secondtake up` starts, and starts again when it dies."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from secondtake.backend.workers.logs import last_line, log_path, log_size, open_log, trim_log

BACKOFF_S: Final = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_S: Final = 30.0
"""Who lived that long before it died is started again at once."""


class Child:
    """The server, or the studio."""

    def __init__(
        self,
        name: str,
        *,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        home: Path,
        guard: int,
        answers: Callable[[int], bool],
    ) -> None:
        """Describe it; nothing is started yet.

        Args:
            name: what it and its log are called.
            module: what is run.
            arguments: its command line.
            environment: the whole environment.
            home: where the log is.
            guard: the descriptor whose end tells it to end.
            answers: says whether the process of this id answers.
        """
        self.name = name
        self._command = [
            sys.executable, "-m", "secondtake.backend.up.guarded", str(guard), module, *arguments
        ]  # fmt: skip
        self._environment = dict(environment)
        self._home, self._guard, self._answers = home, guard, answers
        self._process: subprocess.Popen[bytes] | None = None
        self._log_begin = 0
        self._started_s = 0.0
        self._deaths = 0
        self._not_before_s = 0.0
        self.is_ready = False
        """It answered since it was started last."""
        self.was_ready = False
        """It answered at least once."""

    def start(self) -> None:
        """Start the process; its output goes to its log."""
        self._log_begin = log_size(self._home, self.name)
        self.is_ready = False
        log = open_log(self._home, self.name)
        try:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._guard,),
                process_group=0,  # Ctrl-C is for `up`, which then ends its children in order
            )
        finally:
            os.close(log)
        self._started_s = time.monotonic()

    def look(self) -> str | None:
        """See how it is, and start it again when it is time to.

        Returns:
            What happened, in one line; None when nothing did.
        """
        if self._process is None:
            if time.monotonic() >= self._not_before_s:
                self.start()
            return None
        code = self._process.poll()
        if code is None:
            if not self.is_ready and self._answers(self._process.pid):
                self.is_ready = self.was_ready = True
            return None
        self._process = None
        if time.monotonic() - self._started_s >= STEADY_S:
            self._deaths = 0
        pause_s = BACKOFF_S[min(self._deaths, len(BACKOFF_S) - 1)]
        self._deaths += 1
        self._not_before_s = time.monotonic() + pause_s
        when = f"in {pause_s:g} s" if pause_s else "now"
        log = log_path(self._home, self.name)
        return f"the {self.name} {_ending(code)}; it is started again {when} (log: {log})"

    @property
    def last_words(self) -> str:
        """What it said last, for when it cannot be started."""
        words = last_line(self._home, self.name, since_bytes=self._log_begin)
        return words or "it said nothing"

    def is_alive(self) -> bool:
        """Say whether its process is there."""
        return self._process is not None and self._process.poll() is None

    def trim(self) -> None:
        """Keep its log from growing without bound."""
        trim_log(self._home, self.name)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; a kill takes its whole group."""
        if not self.is_alive():
            return
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._process.pid, number)
            else:
                self._process.send_signal(number)


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else "unknown"
    return f"was ended by signal {-code} ({name})"
