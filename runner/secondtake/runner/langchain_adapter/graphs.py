"""LangGraph's tasks as nodes of the run, and its state as the run's state.

A task is one execution of a node. Its path in the run is our own: LangGraph's ids differ each
time. Nodes that are entered by `Send` are branches, named by the hash of what they were sent.
"""

import dataclasses
import functools
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from weakref import WeakKeyDictionary

from langgraph.errors import GraphBubbleUp

from secondtake.runner import context
from secondtake.runner.context import RunContext, branch_key_of, current
from secondtake.runner.langchain_adapter.observing import observe_only
from secondtake.runner.langchain_adapter.said import plain
from secondtake.runner.narrow import is_object
from secondtake.runner.run import RunRecorder

ENTRY: Final = "__start__"
PUSH: Final = "__pregel_push"
SENDS: Final = "__pregel_tasks"
JOIN: Final = "join:"
COMPILED: Final = "secondtake.runner.workflows.compile"
RESUMED: Final = "it continued from a checkpoint of thread {thread}, which is not recorded"


@dataclass(kw_only=True)
class Place:
    """Where a task is in its graph."""

    entered_from: tuple[str, ...] | None = None
    ordinal: int = 0
    """Tells apart branches of one step that were sent the same."""
    context: RunContext | None = None
    """The node's span, once it runs."""


@dataclass(kw_only=True)
class _Steps:
    """What a runner of LangGraph has executed so far."""

    last: list[Any] = field(default_factory=list[Any])


_places: Final[WeakKeyDictionary[RunRecorder, dict[str, Place]]] = WeakKeyDictionary()
_steps: Final[WeakKeyDictionary[Any, _Steps]] = WeakKeyDictionary()


def place_of(run: RunRecorder, task_id: str) -> Place | None:
    """Return where a task of this run was executed."""
    return _places.get(run, {}).get(task_id)


def tick_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `PregelRunner.tick` or `atick` that sees the tasks of a step together."""

    @functools.wraps(original)
    def gated(self: Any, tasks: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None:
            return original(self, tasks, *args, **kwargs)
        step = tuple(tasks)
        if not any(_is_own(task) for task in step):
            _note_step(here, self, step)
        return original(self, step, *args, **kwargs)

    return gated


def task_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `run_with_retry` or `arun_with_retry` that makes a task a node."""

    @functools.wraps(original)
    def gated(task: Any, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or task.name == ENTRY or _is_own(task):
            return original(task, *args, **kwargs)
        return original(dataclasses.replace(task, proc=_Node(here, task)), *args, **kwargs)

    return gated


def is_own_node(name: str) -> bool:
    """Tell whether a node is the one that leads a graph which a workflow of ours was compiled to.

    Workflows record their nodes and their state themselves.
    """
    compiled: Any = sys.modules.get(COMPILED)
    return compiled is not None and name == compiled.ROUTER


def _is_own(task: Any) -> bool:
    compiled: Any = sys.modules.get(COMPILED)
    if compiled is None:
        return False
    given: Any = task.input
    return task.name == compiled.ROUTER or (is_object(given) and compiled.VISIT in given)


class _Node:
    """Executes a task inside a node of the run."""

    def __init__(self, here: RunContext, task: Any) -> None:
        self._task = task
        self._proc = task.proc
        self._attempt = 0
        places = _places.setdefault(here.run, {})
        self._place = places.setdefault(task.id, Place())

    def _open(self) -> Any:
        self._attempt += 1
        task, place = self._task, self._place
        # A call of the functional interface is one too: several of them race.
        is_branch = bool(task.path) and task.path[0] == PUSH
        return context.node(
            task.name,
            branch_payload=plain(task.input) if is_branch else None,
            branch_ordinal=place.ordinal,
            attempt=self._attempt,
            entered_from=place.entered_from,
        )

    def invoke(self, value: Any, config: Any) -> Any:
        left: GraphBubbleUp | None = None
        result: Any = None
        with self._open() as here:
            self._place.context = here
            try:
                result = self._proc.invoke(value, config)
            except GraphBubbleUp as bubble:  # an interrupt or a command to a parent is no failure
                left = bubble
        if left is not None:
            raise left
        return result

    async def ainvoke(self, value: Any, config: Any) -> Any:
        left: GraphBubbleUp | None = None
        result: Any = None
        with self._open() as here:
            self._place.context = here
            try:
                result = await self._proc.ainvoke(value, config)
            except GraphBubbleUp as bubble:
                left = bubble
        if left is not None:
            raise left
        return result

    async def astream(self, value: Any, config: Any) -> AsyncIterator[Any]:
        left: GraphBubbleUp | None = None
        with self._open() as here:
            self._place.context = here
            try:
                async for piece in self._proc.astream(value, config):
                    yield piece
            except GraphBubbleUp as bubble:
                left = bubble
        if left is not None:
            raise left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proc, name)


def _note_step(here: RunContext, runner: Any, tasks: tuple[Any, ...]) -> None:
    steps = _steps.get(runner)
    if steps is None:
        steps = _steps[runner] = _Steps()
        _note_resumed(here, tasks)
    places = _places.setdefault(here.run, {})
    same: dict[tuple[str, str], int] = defaultdict(int)
    for task in tasks:
        place = places.setdefault(task.id, Place())
        place.entered_from = _entered_from(task, steps.last)
        if task.path and task.path[0] == PUSH:
            key = (task.name, branch_key_of(plain(task.input)))
            place.ordinal = same[key]
            same[key] += 1
    steps.last = list(tasks)


def _note_resumed(here: RunContext, tasks: tuple[Any, ...]) -> None:
    """Say so when the first step of a graph is not its first: what was before is not here."""
    for task in tasks[:1]:
        config: dict[str, dict[str, Any]] = task.config
        step: Any = (config.get("metadata") or {}).get("langgraph_step")
        if isinstance(step, int) and step > 0:
            thread: Any = (config.get("configurable") or {}).get("thread_id")
            observe_only(here, RESUMED.format(thread=thread))


def _entered_from(task: Any, last: list[Any]) -> tuple[str, ...] | None:
    """Return the nodes that led to a task: the writers of what triggered it."""
    names = [name for trigger in task.triggers for name in _joined(trigger)]
    for before in last:
        for channel, value in before.writes:
            if channel in task.triggers or (
                channel == SENDS
                and task.path[0] == PUSH
                and getattr(value, "node", None) == task.name
            ):
                names.append("START" if before.name == ENTRY else before.name)
    return tuple(dict.fromkeys(names)) or None


def _joined(trigger: str) -> list[str]:
    """Return the nodes that a joining edge waits for: `join:a+b:c`."""
    if not trigger.startswith(JOIN):
        return []
    return trigger.removeprefix(JOIN).rsplit(":", 1)[0].split("+")
