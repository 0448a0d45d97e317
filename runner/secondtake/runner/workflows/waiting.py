"""Executing something that may block, without being blocked by it."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final, Generic, TypeVar

from secondtake.runner.workflows.failures import NodeTimeout

T = TypeVar("T")

POLL_S: Final = 0.05


class _Outcome(Generic[T]):
    """What a thread came to."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.values: list[T] = []
        self.error: BaseException | None = None

    def work(self, function: Callable[[], T]) -> None:
        try:
            self.values.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the waiting thread
            self.error = error
        finally:
            self.done.set()


def wait_for(
    function: Callable[[], T],
    *,
    check: Callable[[], None],
    timeout_s: float | None = None,
    what: str = "the function",
) -> T:
    """Execute `function` in a thread of its own and return what it returns.

    `check` is called every `POLL_S`; when it raises, or when the time is up, the thread is left
    behind: Python cannot kill it, and what it returns later is dropped.

    Raises:
        NodeTimeout: `timeout_s` is over.
    """
    outcome: _Outcome[T] = _Outcome()
    context = copy_context()
    threading.Thread(
        target=context.run, args=(outcome.work, function), name="secondtake-node", daemon=True
    ).start()
    deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        left_s = POLL_S if deadline_s is None else deadline_s - time.monotonic()
        if outcome.done.wait(max(0.0, min(POLL_S, left_s))):
            break
        check()
        if deadline_s is not None and time.monotonic() >= deadline_s:
            raise NodeTimeout(f"{what} took longer than {timeout_s} s; raise `timeout_s`.")
    if outcome.error is not None:
        raise outcome.error
    return outcome.values[0]


def pause(seconds: float, *, check: Callable[[], None]) -> None:
    """Sleep, unless `check` raises."""
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        check()
        time.sleep(min(POLL_S, left_s))


def run_parallel(functions: Sequence[Callable[[], T]], *, at_once: int) -> list[T]:
    """Execute all, at most so many at once, and return their values in order.

    Raises:
        BaseException: the first, in order, that one of them raised; all have ended by then.
    """
    if len(functions) == 1:
        return [functions[0]()]
    with ThreadPoolExecutor(max_workers=max(1, min(at_once, len(functions)))) as pool:
        futures: list[Any] = [pool.submit(copy_context().run, each) for each in functions]
    return [future.result() for future in futures]
