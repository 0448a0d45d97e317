"""Record anybody's Python: decorators for runs, nodes, tools and LLM calls, and `wrap`.

    from secondtake.runner import record

    @record.tool
    def search(query: str) -> list[str]: ...

    @record.run(tags={"team": "search"})
    def agent(question: str) -> str: ...

Functions and coroutine functions work alike; runs, nodes and LLM calls may also be generators.
What the function raises is recorded and raised on. Outside a run the functions simply work.
"""

import contextlib
import functools
import inspect
import os
import sys
from collections.abc import Callable, Generator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from secondtake.runner import boundary, faults
from secondtake.runner.calls import ToolRequest
from secondtake.runner.context import RunContext, current, entered
from secondtake.runner.context import node as open_node
from secondtake.runner.decorating import Opened, binder, decorated, name_of
from secondtake.runner.errors import SettingsError
from secondtake.runner.events import SpanKind
from secondtake.runner.jsonable import is_plain
from secondtake.runner.limits import Limits
from secondtake.runner.litellm_calls import is_litellm
from secondtake.runner.llm_twins import recorded_llm
from secondtake.runner.replay import REPLAY_VARIABLE
from secondtake.runner.run import start_run

if TYPE_CHECKING:
    from secondtake.runner.langchain_adapter.patches import Installed

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
R = TypeVar("R")
"""A callable, or a Runnable of LangChain."""


class Recorded:
    """A run or node to be: decorates a function, or is entered as a `with` block.

    A `with` block can only be watched, so a run that has one is replayed stepwise.
    """

    def __init__(
        self,
        opener: Callable[[str, Mapping[str, Any]], contextlib.AbstractContextManager[Opened]],
        name: str | None,
    ) -> None:
        self._opener = opener
        self._name = name or "run"
        self._stack = contextlib.ExitStack()

    def __call__(self, function: F) -> F:
        """Return the recorded twin of `function`."""
        return decorated(function, self._opener)

    def __enter__(self) -> Opened:
        opened = self._stack.enter_context(self._opener(self._name, {}))
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


@overload
def run(function: F, /) -> F: ...
@overload
def run(
    name: str | None = None,
    /,
    *,
    agent: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Recorded: ...
def run(
    given: Callable[..., Any] | str | None = None,
    /,
    *,
    agent: str | None = None,
    session_id: str | None = None,
    user_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Any:
    """Record each call of a function as a run: arguments are its inputs, the result its output.

    Use it as `@record.run`, `@record.run("name", tags=...)`, or `with record.run("name") as run:`.
    A run inside a run is a node of it.
    """
    name = given if isinstance(given, str) else None

    def opener(
        function_name: str, arguments: Mapping[str, Any]
    ) -> contextlib.AbstractContextManager[Opened]:
        label = name or function_name
        if current() is not None:
            return _open_node(label, span_kind="agent")
        return _open_run(
            label,
            limits=limits,
            agent=agent,
            session_id=session_id,
            user_id=user_id,
            tags=dict(tags or {}),
            inputs=arguments or None,
        )

    recorded = Recorded(opener, name)
    return recorded(given) if callable(given) else recorded


@overload
def node(function: F, /) -> F: ...
@overload
def node(name: str | None = None, /, *, span_kind: SpanKind = "node") -> Recorded: ...
def node(given: Callable[..., Any] | str | None = None, /, *, span_kind: SpanKind = "node") -> Any:
    """Record each call of a function as a node; also `with record.node("name"):`."""
    name = given if isinstance(given, str) else None

    def opener(
        function_name: str, _: Mapping[str, Any]
    ) -> contextlib.AbstractContextManager[Opened]:
        return _open_node(name or function_name, span_kind=span_kind)

    recorded = Recorded(opener, name)
    return recorded(given) if callable(given) else recorded


@overload
def tool(function: F, /) -> F: ...
@overload
def tool(name: str | None = None, /, *, retriever: bool = False) -> Callable[[F], F]: ...
def tool(given: Callable[..., Any] | str | None = None, /, *, retriever: bool = False) -> Any:
    """Record each call of a function as a tool call, or as a search of a retriever."""
    if not callable(given):
        return functools.partial(_tool, name=given, retriever=retriever)
    return _tool(given, name=None, retriever=retriever)


@overload
def llm(function: F, /) -> F: ...
@overload
def llm(*, model: str | None = None) -> Callable[[F], F]: ...
def llm(function: Callable[..., Any] | None = None, /, *, model: str | None = None) -> Any:
    """Record each call of a function that asks a model.

    Its arguments `model`, `messages` (or `prompt`) and `tools` are the request, the others are
    parameters. It returns text, or an answer in OpenAI's or Anthropic's form, whose tokens are
    then recorded and priced. A generator, or a call with `stream=True`, gives texts or OpenAI's
    chunks, and is recorded when it ends.
    """
    if function is None:
        return functools.partial(recorded_llm, model=model)
    return recorded_llm(function, model=model)


def wrap(function: R, *, name: str | None = None) -> R:
    """Return a recording twin of any callable, as a tool; of `litellm.completion`, as an LLM call.

    The twin of a LangGraph graph or of a LangChain Runnable is one too: each `invoke`, `stream` or
    `batch` of it is a run, with the graph's nodes, models and tools inside.

    The twin of a function remembers the run in which it was made, so it may be handed to a bare
    thread or a thread pool, whose threads do not know where they came from.
    """
    if _is_runnable(function):
        from secondtake.runner.langchain_adapter.wrapping import wrap_runnable

        return cast(R, wrap_runnable(function, name=name, open_span=_open_call))
    return cast(R, _wrap_function(cast(Any, function), name))


def langchain() -> "Installed":
    """Record LangChain's models, tools and retrievers, and LangGraph's nodes, in every run.

    For programs that open their runs themselves, with `@record.run`: call it once, or use it as
    `with record.langchain():`, after which nothing more is recorded. Outside a run it does nothing.

    Raises:
        ImportError: LangChain is not installed.
    """
    from secondtake.runner.langchain_adapter.patches import Installed

    return Installed()


def _wrap_function(function: Callable[..., Any], name: str | None) -> Callable[..., Any]:
    if is_litellm(function):
        recorded = recorded_llm(function, model=None)
    else:
        recorded = _tool(function, name=name, retriever=False)
    made_in = current()
    if made_in is None:
        return recorded

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        with entered(current() or made_in):
            return await recorded(*args, **kwargs)

    def call(*args: Any, **kwargs: Any) -> Any:
        with entered(current() or made_in):
            return recorded(*args, **kwargs)

    twin = call_async if inspect.iscoroutinefunction(function) else call
    return functools.wraps(function)(twin)


def _tool(function: F, *, name: str | None, retriever: bool) -> F:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{name_of(function)!r} is a generator and cannot be recorded as a tool; "
            "decorate the function that consumes it, or return the whole answer"
        )
    label = name or name_of(function)
    bind = binder(function)
    span_kind: SpanKind = "retriever" if retriever else "tool"

    def request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> ToolRequest:
        return ToolRequest(tool=label, arguments=bind(args, kwargs), span_kind=span_kind)

    async def call_async(*args: Any, **kwargs: Any) -> Any:
        made = request(args, kwargs)
        return _noted(await boundary.acall(made, lambda: function(*args, **kwargs)), label)

    def call(*args: Any, **kwargs: Any) -> Any:
        made = request(args, kwargs)
        return _noted(boundary.call(made, lambda: function(*args, **kwargs)), label)

    twin = call_async if inspect.iscoroutinefunction(function) else call
    return cast(F, functools.wraps(function)(twin))


def _noted(result: T, tool: str) -> T:
    """Return a tool's result; one that is no JSON makes the run one to be watched only."""
    here = current()
    if here is not None and not is_plain(result):
        kind = type(result).__name__
        here.run.observed_only = f"tool `{tool}` returns a {kind}, which cannot be made again"
    return result


class _Node:
    """A node whose output nobody keeps: its state changes and calls tell it."""

    def __init__(self, context: RunContext | None) -> None:
        self.context = context

    def set_output(self, output: Any) -> None:
        """Take the function's result."""


@contextlib.contextmanager
def _open_node(name: str, *, span_kind: SpanKind) -> Generator[Opened]:
    with open_node(name, span_kind=span_kind) as context:
        yield _Node(context)


def _replaying(name: str, description: dict[str, Any]) -> dict[str, Any]:
    """Return what describes a run, with the replay that it is to be where somebody asked for one."""
    if REPLAY_VARIABLE not in os.environ:
        return description
    from secondtake.runner.replay.programs import take_job

    job = take_job(name)
    if job is None:
        return description
    given: Mapping[str, str] = description.get("tags") or {}
    tags = {**given, **job.tags}
    source = job.session.recording.run_id
    own: dict[str, Any] = {
        "replay": job.session,
        "run_id": job.run_id,
        "source_run_id": source,
        "tags": tags,
    }
    return {**description, **own}


@contextlib.contextmanager
def _open_run(name: str, **description: Any) -> Generator[Opened]:
    """Open a run; with settings that cannot be read the function works unrecorded."""
    with contextlib.ExitStack() as stack:
        try:
            opened: Opened = stack.enter_context(start_run(name, **_replaying(name, description)))
        except SettingsError as error:
            faults.report("the settings", error, home=None)
            opened = _Node(None)
        yield opened


def _open_call(
    name: str, *, inputs: Any, session_id: str | None, config: Any
) -> contextlib.AbstractContextManager[Opened]:
    """Open a run for a call of a wrapped Runnable; inside a run a node."""
    if current() is not None:
        return _open_node(name, span_kind="agent")
    return _open_run(name, inputs=inputs, session_id=session_id, config=config)


def _is_runnable(value: Any) -> bool:
    """Tell whether a value is LangChain's; who has one has imported LangChain."""
    library: Any = sys.modules.get("langchain_core.runnables")
    return library is not None and isinstance(value, library.Runnable)
