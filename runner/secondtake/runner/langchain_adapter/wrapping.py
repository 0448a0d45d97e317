"""`record.wrap` of a LangGraph graph or of any LangChain Runnable: a twin whose calls are runs.

The twin is a shallow copy, so it is still a graph: it can be drawn, asked for its state, bound,
composed, and be a node of another graph. Inside a run its calls are nodes.
"""

import contextlib
import copy
import functools
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from typing import Any, Final, Protocol
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable
from langchain_core.runnables.config import merge_configs
from langchain_core.tools import BaseTool

from secondtake.runner.context import current, entered
from secondtake.runner.decorating import Opened
from secondtake.runner.langchain_adapter.patches import install
from secondtake.runner.langchain_adapter.said import plain
from secondtake.runner.narrow import is_mapping

ONE_CALL: Final = (BaseLanguageModel, BaseRetriever, BaseTool)
"""Runnables that are one call by themselves: inside a run they need no node around it."""
THREAD: Final = "thread_id"


class OpenSpan(Protocol):
    """Opens a run, or inside a run a node."""

    def __call__(
        self, name: str, *, inputs: Any, session_id: str | None, config: Any
    ) -> contextlib.AbstractContextManager[Opened]:
        """Return the span to be entered."""
        ...


def wrap_runnable(runnable: Any, *, name: str | None, open_span: OpenSpan) -> Any:
    """Return the recording twin of a Runnable."""
    install()
    twin = copy.copy(runnable)
    calls = _Calls(runnable, name or runnable.get_name(), open_span)
    methods: dict[str, Any] = {
        "invoke": calls.invoke,
        "ainvoke": calls.ainvoke,
        "stream": calls.stream,
        "astream": calls.astream,
    }
    # A sequence does a batch step by step; here each of its inputs is a run.
    for batch in ("batch", "abatch", "batch_as_completed", "abatch_as_completed"):
        methods[batch] = functools.partial(getattr(Runnable, batch), twin)
    if hasattr(runnable, "get_state"):

        def copied(update: Mapping[str, Any] | None = None) -> Any:
            return wrap_runnable(runnable.copy(update), name=name, open_span=open_span)

        methods["copy"] = copied
    twin.__dict__.update(methods)
    return twin


class _Calls:
    """The calls of one wrapped Runnable."""

    def __init__(self, runnable: Any, name: str, open_span: OpenSpan) -> None:
        self._runnable = runnable
        self._name = name
        self._open_span = open_span

    def invoke(self, input: Any, config: Any = None, **options: Any) -> Any:
        with self._open(input, config) as (opened, own):
            output = self._runnable.invoke(input, own, **options)
            opened.set_output(plain(output))
            return output

    async def ainvoke(self, input: Any, config: Any = None, **options: Any) -> Any:
        with self._open(input, config) as (opened, own):
            output = await self._runnable.ainvoke(input, own, **options)
            opened.set_output(plain(output))
            return output

    def stream(self, input: Any, config: Any = None, **options: Any) -> Iterator[Any]:
        """Be inside the run while the graph works, and outside while its consumer does."""
        outside, given = current(), _Given()
        with self._open(input, config) as (opened, own):
            inside = current()
            pieces = self._runnable.stream(input, merge_configs(own, given.config), **options)
            with entered(outside):
                while True:
                    with entered(inside):
                        try:
                            piece = next(pieces)
                        except StopIteration:
                            break
                    given.add(piece)
                    yield piece
            opened.set_output(given.output())

    async def astream(self, input: Any, config: Any = None, **options: Any) -> AsyncIterator[Any]:
        """As `stream`."""
        outside, given = current(), _Given()
        with self._open(input, config) as (opened, own):
            inside = current()
            pieces = self._runnable.astream(input, merge_configs(own, given.config), **options)
            with entered(outside):
                while True:
                    with entered(inside):
                        try:
                            piece = await anext(pieces)
                        except StopAsyncIteration:
                            break
                    given.add(piece)
                    yield piece
            opened.set_output(given.output())

    @contextlib.contextmanager
    def _open(self, input: Any, config: Any) -> Generator[tuple[Opened, Any]]:
        if current() is not None and isinstance(self._runnable, ONE_CALL):
            yield _Unkept(), config
            return
        with self._open_span(
            self._name,
            inputs=_inputs(input),
            session_id=_thread_of(config),
            config=self._described,
        ) as opened:
            yield opened, _apart(config)

    @functools.cached_property
    def _described(self) -> dict[str, Any] | None:
        """The graph as it is drawn: its nodes and edges."""
        if not hasattr(self._runnable, "get_state"):
            return None
        try:
            drawn = self._runnable.get_graph()
            edges = [
                {"from": edge.source, "to": edge.target, "conditional": edge.conditional}
                for edge in drawn.edges
            ]
            return {"langgraph": {"nodes": list(drawn.nodes), "edges": edges}}
        except Exception:  # noqa: BLE001 - a graph that cannot be drawn can still be executed
            return None


class _Unkept:
    def set_output(self, output: Any) -> None:
        """Take the result of what is no run of its own."""


class _Given:
    """What a streamed call came to: its output, whatever pieces its consumer asked for."""

    def __init__(self) -> None:
        self._handler = _Outcome()
        self.config: Any = {"callbacks": [self._handler]}
        self._pieces: list[Any] = []

    def add(self, piece: Any) -> None:
        if not self._handler.has_begun:  # no chain: what it gives is all that there is
            self._pieces.append(piece)

    def output(self) -> Any:
        if self._handler.has_ended:
            return plain(self._handler.output)
        try:
            return plain(functools.reduce(lambda one, two: one + two, self._pieces))
        except TypeError:
            return plain(self._pieces)


class _Outcome(BaseCallbackHandler):
    """Takes the output of the outermost chain that it sees."""

    run_inline = True

    def __init__(self) -> None:
        self._outermost: UUID | None = None
        self.output: Any = None
        self.has_ended = False

    @property
    def has_begun(self) -> bool:
        return self._outermost is not None

    def on_chain_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        self._outermost = self._outermost or run_id

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **_: Any) -> None:
        if run_id == self._outermost:
            self.output, self.has_ended = outputs, True


def _inputs(given: Any) -> Any:
    said = plain(given)
    return said if is_mapping(said) else {"input": said}


def _thread_of(config: Any) -> str | None:
    given: dict[str, dict[str, Any]] = config or {}
    thread: Any = (given.get("configurable") or {}).get(THREAD)
    return None if thread is None else str(thread)


def _apart(config: Any) -> Any:
    """Return a config for a replay: it must not continue the conversation that it replays."""
    here, thread = current(), _thread_of(config)
    if here is None or here.run.replay is None or thread is None or here.node_path is not None:
        return config
    own = {THREAD: f"{thread} replay {here.run.run_id}"}
    return {**config, "configurable": {**config["configurable"], **own}}
