"""Record anybody's Python: decorators for runs, nodes, tools and LLM calls, and `wrap`.

    from secondtake.runner import record

    @record.tool
    def search(query: str) -> list[str]: ...

    @record.run(tags={"team": "search"})
    def agent(question: str) -> str: ...

Functions and coroutine functions work alike; runs and nodes may also be generators. What the
function raises is recorded and raised on. Outside a run the functions simply work.
"""

import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from secondtake.runner import boundary, faults
from secondtake.runner.calls import ToolRequest
from secondtake.runner.context import RunContext, current, entered
from secondtake.runner.context import node as open_node
from secondtake.runner.errors import SettingsError
from secondtake.runner.events import SpanKind
from secondtake.runner.limits import Limits
from secondtake.runner.llm_functions import describe_answer, llm_request_of
from secondtake.runner.run import RunRecorder, start_run

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

Opener = Callable[[Mapping[str, Any]], contextlib.AbstractContextManager[Any]]
"""Opens a span for a call with these arguments; `set_output` of what it yields takes the answer."""


class _Recorded:
    """A run or node to be: decorates a function, or is entered as a `with` block."""

    def __init__(self, opener: Opener, name: str | None) -> None:
        self._opener = opener
        self._name = name
        self._stack = contextlib.ExitStack()

    def __call__(self, function: F) -> F:
        return _decorate(function, self._opener)

    def __enter__(self) -> Any:
        opened = self._stack.enter_context(self._opener({}))
        here = current()
        if here is not None:
            here.run.observed_only = f"`with` block {self._name!r} can only be watched"
        return opened

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def run(
    function: Callable[P, R] | str | None = None,
    *,
    name: str | None = None,
    agent: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """Record each call of a function as a run: arguments are its inputs, the result its output.

    Use it as `@record.run`, `@record.run(name=...)`, or `with record.run("name") as run:`. A run
    inside a run is a node of it.
    """
    given = function if isinstance(function, str) else name

    def opener(arguments: Mapping[str, Any]) -> contextlib.AbstractContextManager[Any]:
        label = given or str(arguments.get(_FUNCTION, "run"))
        if current() is not None:
            return _open_node(label, span_kind="agent")
        return _open_run(
            label,
            limits=limits,
            agent=agent,
            session_id=session_id,
            user_id=user_id,
            tags=dict(tags or {}),
            inputs={key: value for key, value in arguments.items() if key != _FUNCTION} or None,
        )

    recorded = _Recorded(opener, given)
    return recorded(function) if callable(function) else recorded


def node(
    function: Callable[P, R] | str | None = None,
    *,
    name: str | None = None,
    span_kind: SpanKind = "node",
) -> Any:
    """Record each call of a function as a node; also `with record.node("name"):`."""
    given = function if isinstance(function, str) else name

    def opener(arguments: Mapping[str, Any]) -> contextlib.AbstractContextManager[Any]:
        return _open_node(given or str(arguments.get(_FUNCTION, "node")), span_kind=span_kind)

    recorded = _Recorded(opener, given)
    return recorded(function) if callable(function) else recorded


def tool(function: F | None = None, *, name: str | None = None, retriever: bool = False) -> Any:
    """Record each call of a function as a tool call."""
    if function is None:
        return functools.partial(tool, name=name, retriever=retriever)
    _refuse_generators(function, "tool")
    label = name or _name_of(function)
    bind = _binder(function)
    span_kind: SpanKind = "retriever" if retriever else "tool"

    def request(args: Any, kwargs: Any) -> ToolRequest:
        return ToolRequest(tool=label, arguments=bind(args, kwargs), span_kind=span_kind)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            made = request(args, kwargs)
            return await boundary.acall(made, lambda: function(*args, **kwargs))

        return call_async

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return boundary.call(request(args, kwargs), lambda: function(*args, **kwargs))

    return call


def llm(function: F | None = None, *, model: str | None = None) -> Any:
    """Record each call of a function that asks a model.

    Its arguments `model`, `messages` (or `prompt`) and `tools` are the request, the others are
    parameters. It returns text, or an answer in OpenAI's or Anthropic's form, whose tokens are
    then recorded and priced. A generator, or a call with `stream=True`, gives texts or OpenAI's
    chunks, and is recorded when it ends.
    """
    if function is None:
        return functools.partial(llm, model=model)
    bind = _binder(function)
    is_stream = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)

    async def produce(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        return await made if inspect.isawaitable(made) else made

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        request = llm_request_of(bind(args, kwargs), model=model)
        if request.stream:
            return boundary.astream(request, lambda: produce(*args, **kwargs))
        return await boundary.acall(
            request, lambda: function(*args, **kwargs), describe=describe_answer
        )

    def call(*args: Any, **kwargs: Any) -> Any:
        request = llm_request_of(bind(args, kwargs), model=model)
        if is_stream and is_async:
            return boundary.astream(request, lambda: produce(*args, **kwargs))
        if is_stream or request.stream:
            return boundary.stream(request, lambda: function(*args, **kwargs))
        return boundary.call(request, lambda: function(*args, **kwargs), describe=describe_answer)

    return functools.wraps(function)(call_async if is_async and not is_stream else call)


def wrap(function: F, *, name: str | None = None) -> F:
    """Return a recording twin of any callable, as a tool; of `litellm.completion`, as an LLM call.

    The twin remembers the run in which it was made, so it may be handed to a bare thread or a
    thread pool, whose threads do not know where they came from.
    """
    recorded = llm(function) if _is_litellm(function) else tool(function, name=name)
    made_in = current()
    if made_in is None:
        return cast(F, recorded)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with entered(current() or made_in):
                return await recorded(*args, **kwargs)

        return cast(F, call_async)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with entered(current() or made_in):
            return recorded(*args, **kwargs)

    return cast(F, call)


_FUNCTION = "\0function"
"""Under this key, which no parameter can have, an opener finds the function's name."""


class _Node:
    """A node whose output nobody keeps: its state changes and calls tell it."""

    def __init__(self, context: RunContext | None) -> None:
        self.context = context

    def set_output(self, output: Any) -> None:
        """Take the function's result."""


@contextlib.contextmanager
def _open_node(name: str, *, span_kind: SpanKind) -> Iterator[_Node]:
    with open_node(name, span_kind=span_kind) as context:
        yield _Node(context)


@contextlib.contextmanager
def _open_run(name: str, **description: Any) -> Iterator[RunRecorder | _Node]:
    """Open a run; with settings that cannot be read the function works unrecorded."""
    with contextlib.ExitStack() as stack:
        try:
            opened: RunRecorder | _Node = stack.enter_context(start_run(name, **description))
        except SettingsError as error:
            faults.report("the settings", error, home=None)
            opened = _Node(None)
        yield opened


def _decorate(function: F, opener: Opener) -> F:
    bind = _binder(function)

    def arguments(args: Any, kwargs: Any) -> dict[str, Any]:
        return {_FUNCTION: _name_of(function), **bind(args, kwargs)}

    twin: Any
    if inspect.isasyncgenfunction(function):
        twin = _async_generator(function, opener, arguments)
    elif inspect.isgeneratorfunction(function):
        twin = _generator(function, opener, arguments)
    elif inspect.iscoroutinefunction(function):

        async def twin(*args: Any, **kwargs: Any) -> Any:
            with opener(arguments(args, kwargs)) as opened:
                output = await function(*args, **kwargs)
                opened.set_output(output)
                return output

    else:

        def twin(*args: Any, **kwargs: Any) -> Any:
            with opener(arguments(args, kwargs)) as opened:
                output = function(*args, **kwargs)
                opened.set_output(output)
                return output

    return cast(F, functools.wraps(function)(twin))


def _generator(function: Any, opener: Opener, arguments: Callable[..., Any]) -> Any:
    """Be inside the span while the generator works, and outside while its consumer does."""

    def twin(*args: Any, **kwargs: Any) -> Iterator[Any]:
        yielded: list[Any] = []
        outside = current()
        with opener(arguments(args, kwargs)) as opened:
            here = current()
            generator = function(*args, **kwargs)
            with entered(outside):
                while True:
                    with entered(here):
                        try:
                            item = next(generator)
                        except StopIteration:
                            break
                    yielded.append(item)
                    yield item
            opened.set_output(yielded)

    return twin


def _async_generator(function: Any, opener: Opener, arguments: Callable[..., Any]) -> Any:
    async def twin(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        yielded: list[Any] = []
        outside = current()
        with opener(arguments(args, kwargs)) as opened:
            here = current()
            generator = function(*args, **kwargs)
            with entered(outside):
                while True:
                    with entered(here):
                        try:
                            item = await anext(generator)
                        except StopAsyncIteration:
                            break
                    yielded.append(item)
                    yield item
            opened.set_output(yielded)

    return twin


def _binder(function: Callable[..., Any]) -> Callable[[Any, Any], dict[str, Any]]:
    """Return what names the arguments of a call; it never raises, the function itself will."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return lambda args, kwargs: {**({"args": list(args)} if args else {}), **kwargs}
    parameters = list(signature.parameters.values())
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    rest = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), "args")

    def bind(args: Any, kwargs: Any) -> dict[str, Any]:
        named = {**defaults, **dict(zip(names, args, strict=False)), **kwargs}
        if len(args) > len(names):
            named[rest] = list(args[len(names) :])
        if "self" in named or "cls" in named:
            named = {key: value for key, value in named.items() if key not in ("self", "cls")}
        return named

    return bind


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _is_litellm(function: Callable[..., Any]) -> bool:
    module = getattr(function, "__module__", "") or ""
    return module.split(".")[0] == "litellm" and "completion" in _name_of(function)


def _refuse_generators(function: Callable[..., Any], what: str) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{_name_of(function)!r} is a generator and cannot be recorded as a {what}; "
            "decorate the function that consumes it, or return the whole answer"
        )
