"""Errors out of a recording, as the classes that a program catches.

A recorded error is known by the name of its class. Nothing is imported for it: a class of that
name that the program has loaded already is what it was.
"""

from collections.abc import Iterator
from typing import Any, cast

from secondtake.runner.replay.failures import RecordedFailure


def as_raised(error: RecordedFailure, *, provider: str | None = None) -> Exception:
    """Return a recorded error as an instance of its own class where the program has loaded it.

    Where several loaded classes have its name, the one of the `provider`'s package is meant.
    """
    name = type(error).__name__
    found = [kind for kind in _loaded(Exception) if kind.__name__ == name]
    found = [kind for kind in found if not issubclass(kind, RecordedFailure)]
    if len(found) > 1 and provider is not None:
        package = provider.split("/", 1)[0]
        found = [kind for kind in found if kind.__module__.split(".")[0] == package]
    if len(found) != 1:
        return error
    return _made(found[0], error)


def _loaded(kind: type[Exception]) -> Iterator[type[Exception]]:
    seen: set[type[Exception]] = set()
    waiting = [kind]
    while waiting:
        for below in waiting.pop().__subclasses__():
            if below not in seen:
                seen.add(below)
                waiting.append(below)
                yield below


def _made(kind: type[Exception], error: RecordedFailure) -> Exception:
    """Return an instance of both classes, without what the library's class wants to be made of."""
    message = str(error)

    def __init__(self: Any, text: str) -> None:
        Exception.__init__(self, text)

    def __str__(self: Any) -> str:
        return message

    members = {"__init__": __init__, "__str__": __str__, "__module__": kind.__module__}
    try:
        both: Any = type(kind.__name__, (RecordedFailure, kind), members)
        made = both(message)
    except TypeError:  # layouts of the two classes that cannot be one
        return error
    made.__dict__.update(vars(error))
    return cast(Exception, made)
