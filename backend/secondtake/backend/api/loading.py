"""The thread that brings the journal into the store while the server runs."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from secondtake.backend.errors import BusyError
from secondtake.backend.formats import one_line
from secondtake.backend.models.system import LoadResult
from secondtake.runner.errors import SecondTakeError

EVERY_S: Final = 0.25
AFTER_FAULT_S: Final = 2.0
PROBLEMS_SHOWN: Final = 3

_log: Final = logging.getLogger("secondtake.api")


class Loading:
    """Loads what waits, again and again. A fault is told and never ends the thread."""

    def __init__(self, load: Callable[[], LoadResult], *, on_change: Callable[[], None]) -> None:
        """Make the thread; it begins with `start`.

        Args:
            load: loads what waits in the journal.
            on_change: is called after each load that changed the store.
        """
        self._load = load
        self._on_change = on_change
        self._wake = threading.Event()
        self._stopping = False
        self._fault: str | None = None
        self._problems: tuple[str, ...] = ()
        self._thread = threading.Thread(target=self._run, name="secondtake-loader", daemon=True)

    @property
    def trouble(self) -> str | None:
        """What keeps rows from the store, with the cure; None when nothing does."""
        return self._fault or " ".join(self._problems[:PROBLEMS_SHOWN]) or None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look into the journal at once."""
        self._wake.set()

    def load_now(self) -> LoadResult:
        """Load in this thread what waits.

        Raises:
            StoreError: the database or the disk refuses; what is not loaded waits on.
        """
        result = self._load()
        self._fault = None
        self._problems = tuple(result.problems)
        if result.segments or result.interrupted_runs:
            self._on_change()
        return result

    def stop(self, *, timeout_s: float) -> None:
        """End the thread after the load that it may be at."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping:
            failed = not self._try()
            self._wake.wait(AFTER_FAULT_S if failed else EVERY_S)
            self._wake.clear()

    def _try(self) -> bool:
        try:
            self.load_now()
        except BusyError:
            return False  # the server is about to end
        except SecondTakeError as error:
            if not self._stopping:
                self._tell(error.message)
            return False
        except Exception as error:  # noqa: BLE001 - the thread must go on
            if self._stopping:
                return False  # it was interrupted; what it would have loaded waits on
            what = one_line(f"{type(error).__name__}: {error}")
            self._tell(f"The journal cannot be loaded ({what}); run `secondtake doctor`.", error)
            return False
        return True

    def _tell(self, fault: str, error: Exception | None = None) -> None:
        if fault != self._fault:
            _log.error("%s", fault, exc_info=error)
        self._fault = fault
