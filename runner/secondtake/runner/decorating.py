"""How a function becomes a recorded one: its four forms, and the names of its arguments."""

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, cast

from secondtake.runner.context import current, entered

F = TypeVar("F", bound=Callable[..., Any])

Binder = Callable[[tuple[Any, ...], dict[str, Any]], dict[str, Any]]


class Opened(Protocol):
    """What a span's opener yields."""

    def set_output(self, output: Any) -> None:
        """Take the function's result."""
        ...


Opener = Callable[[str, Mapping[str, Any]], contextlib.AbstractContextManager[Opened]]
"""Opens a span for a call of the function with this name and these arguments."""


def decorated(function: F, opener: Opener) -> F:
    """Return a twin of `function` that works inside the span that `opener` opens."""
    if inspect.isasyncgenfunction(function):
        make = _async_generator
    elif inspect.isgeneratorfunction(function):
        make = _generator
    elif inspect.iscoroutinefunction(function):
        make = _coroutine
    else:
        make = _plain
    bind, name = binder(function), name_of(function)

    def open_span(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return opener(name, bind(args, kwargs))

    return cast(F, functools.wraps(function)(make(function, open_span)))


def _plain(function: Any, open_span: Callable[..., Any]) -> Callable[..., Any]:
    def twin(*args: Any, **kwargs: Any) -> Any:
        with open_span(args, kwargs) as opened:
            output = function(*args, **kwargs)
            opened.set_output(output)
            return output

    return twin


def _coroutine(function: Any, open_span: Callable[..., Any]) -> Callable[..., Any]:
    async def twin(*args: Any, **kwargs: Any) -> Any:
        with open_span(args, kwargs) as opened:
            output = await function(*args, **kwargs)
            opened.set_output(output)
            return output

    return twin


def _generator(function: Any, open_span: Callable[..., Any]) -> Callable[..., Any]:
    """Be inside the span while the generator works, and outside while its consumer does."""

    def twin(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yielded: list[Any] = []
        outside = current()
        with open_span(args, kwargs) as opened:
            inside = current()
            generator = function(*args, **kwargs)
            with entered(outside):
                while True:
                    with entered(inside):
                        try:
                            item = next(generator)
                        except StopIteration:
                            break
                    yielded.append(item)
                    yield item
            opened.set_output(yielded)

    return twin


def _async_generator(function: Any, open_span: Callable[..., Any]) -> Callable[..., Any]:
    async def twin(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        yielded: list[Any] = []
        outside = current()
        with open_span(args, kwargs) as opened:
            inside = current()
            generator = function(*args, **kwargs)
            with entered(outside):
                while True:
                    with entered(inside):
                        try:
                            item = await anext(generator)
                        except StopAsyncIteration:
                            break
                    yielded.append(item)
                    yield item
            opened.set_output(yielded)

    return twin


def binder(function: Callable[..., Any]) -> Binder:
    """Return what names the arguments of a call; it never raises, the function itself will."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda args, kwargs: {**({"args": list(args)} if args else {}), **kwargs}
    parameters = list(signature.parameters.values())
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        named = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
        if len(args) > len(names):
            named[rest] = list(args[len(names) :])
        if "self" in named or "cls" in named:
            named = {key: value for key, value in named.items() if key not in ("self", "cls")}
        return named

    return bind


def name_of(function: Callable[..., Any]) -> str:
    """Return what a person calls the function."""
    return getattr(function, "__name__", type(function).__name__)
