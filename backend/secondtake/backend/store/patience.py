"""Reads that came together and found no memory: they are done again, one after the other."""

import threading
import time
from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

import duckdb

P = ParamSpec("P")
T = TypeVar("T")

PAUSES_S: Final = (0.05, 0.2, 0.5, 1.0, 2.0)
"""What others read meanwhile is done by then."""

_one_at_a_time: Final = threading.Lock()


def patient(read: Callable[P, T]) -> Callable[P, T]:
    """Return a read that is tried again when the database had no memory left for it.

    Rows of 10 MB are read whole, with their neighbours in the file. A few such reads at a time are
    more than the database may take, one after the other they are not.

    Args:
        read: changes nothing, and leaves no transaction open when it fails.
    """

    @wraps(read)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return read(*args, **kwargs)
        except duckdb.OutOfMemoryException:
            with _one_at_a_time:
                for pause_s in PAUSES_S:
                    time.sleep(pause_s)
                    try:
                        return read(*args, **kwargs)
                    except duckdb.OutOfMemoryException:
                        continue
                return read(*args, **kwargs)

    return tried
