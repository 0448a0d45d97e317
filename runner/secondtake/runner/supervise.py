"""Ends a run within two seconds of Ctrl-C, SIGTERM, a request to cancel or its deadline.

Also inside a blocking call.

The run works in a thread; the main thread stays free to hear signals. A run that is asked to end
gets a moment to stop at its next call; then it is given up: what is in progress is recorded as
cancelled, the run's last event is written, and the thread is left behind.
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextvars import copy_context
from types import FrameType
from typing import Final

from secondtake.runner.result import RunResult
from secondtake.runner.run import RunRecorder

GRACE_S: Final = 0.7
POLL_S: Final = 0.05
THREAD_NAME: Final = "secondtake-run"
"""The thread that is left behind when its run is given up."""

OnStart = Callable[[RunRecorder], None]


class Supervision:
    """The state that the run's thread and the thread that looks after it share."""

    def __init__(self) -> None:
        self.run: RunRecorder | None = None
        self.result: RunResult | None = None
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.signal_name: str | None = None
        self.give_up_at_s: float | None = None

    def work(self, execute: Callable[[OnStart], RunResult]) -> None:
        """Execute in this thread and keep what it came to."""
        try:
            self.result = execute(self._begun)
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            self.error = error
        finally:
            self.done.set()

    def _begun(self, run: RunRecorder) -> None:
        self.run = run

    def heard(self, number: int, _frame: FrameType | None) -> None:
        """Note a signal; a second one ends the grace."""
        if self.signal_name is not None:
            self.give_up_at_s = 0.0
        self.signal_name = signal.Signals(number).name

    def poll(self) -> bool:
        """Look after the run; return True when it was given up."""
        if self.run is None:
            return self.signal_name is not None and self._grace_is_over()
        remaining_s = self.run.remaining_s()
        if self.signal_name is not None:
            self.run.request_stop("cancelled", f"ended by {self.signal_name}")
        elif remaining_s is not None and remaining_s <= 0:
            limit = self.run.meter.limits.seconds
            self.run.request_stop(
                "budget_exceeded", f"the limit of {limit} seconds is used up; raise limits.seconds"
            )
        elif not self.run.is_stopping():
            return False
        if not self._grace_is_over():
            return False
        self.run.give_up()
        return True

    def _grace_is_over(self) -> bool:
        now_s = time.monotonic()
        if self.give_up_at_s is None:
            self.give_up_at_s = now_s + GRACE_S
        return now_s >= self.give_up_at_s


def supervise(execute: Callable[[OnStart], RunResult]) -> RunResult:
    """Execute a run in a thread and see that it ends in time.

    Call it from the main thread. `execute` is given what to call with the run's recorder as soon
    as there is one. When the run was given up, its thread may still be alive: end the process
    with `os._exit` after printing.

    Raises:
        KeyboardInterrupt: a signal came before there was a run.
        Exception: what `execute` itself raised.
    """
    supervision = Supervision()
    context = copy_context()
    thread = threading.Thread(
        target=context.run, args=(supervision.work, execute), name=THREAD_NAME, daemon=True
    )
    with signals_go_to(supervision.heard):
        thread.start()
        while not supervision.done.wait(POLL_S):
            if supervision.poll():
                break
    if supervision.error is not None:
        raise supervision.error
    if supervision.result is not None:
        return supervision.result
    if supervision.run is None:
        raise KeyboardInterrupt
    return supervision.run.result()


@contextlib.contextmanager
def signals_go_to(handler: Callable[[int, FrameType | None], None]) -> Generator[None]:
    """Have Ctrl-C and SIGTERM handled so for a while; call it from the main thread."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)
