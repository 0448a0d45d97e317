"""Puts the gates into LangChain and LangGraph, once, and takes them out again."""

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from secondtake.runner import faults

Gate = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class _Gated:
    """A function that has been replaced."""

    owner: Any
    name: str
    original: Any


_lock: Final = threading.Lock()
_gated: Final[list[_Gated]] = []
_users = 0
_reported: Final[set[str]] = set()


def install() -> None:
    """Put the gates in; does nothing for those that are there."""
    global _users
    with _lock:
        _users += 1
        known = {(id(each.owner), each.name) for each in _gated}
        for owner, name, gate in (*_langchain(), *_langgraph()):
            if (id(owner), name) in known:
                continue
            original = getattr(owner, name, None)
            if original is None:
                _report(owner, name)
                continue
            setattr(owner, name, gate(original))
            _gated.append(_Gated(owner, name, original))


def users() -> int:
    """Return how many have put the gates in and not taken them out."""
    return _users


def remove() -> None:
    """Take the gates out when as many have asked for it as had put them in."""
    global _users
    with _lock:
        _users = max(_users - 1, 0)
        while _gated and not _users:
            gated = _gated.pop()
            setattr(gated.owner, gated.name, gated.original)


class Installed:
    """The gates are in; as a `with` block they are taken out at its end."""

    def __init__(self) -> None:
        install()
        self._is_in = True

    def remove(self) -> None:
        """Take the gates out, unless somebody else has put them in too."""
        if self._is_in:
            self._is_in = False
            remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()


def _langchain() -> list[tuple[Any, str, Gate]]:
    from langchain_core.language_models import BaseChatModel, BaseLLM
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.tools import BaseTool

    from secondtake.runner.langchain_adapter import models, tools

    return [
        *[(BaseChatModel, name, models.gate_of(name)) for name in models.GATES],
        *[(BaseLLM, name, models.watch_gate) for name in models.WATCHED],
        (BaseTool, "run", tools.run_gate),
        (BaseTool, "arun", tools.arun_gate),
        (BaseRetriever, "invoke", tools.retriever_gate),
        (BaseRetriever, "ainvoke", tools.retriever_gate),
    ]


def _langgraph() -> list[tuple[Any, str, Gate]]:
    """Return the gates of LangGraph; none where it is not installed."""
    try:
        runner: Any = importlib.import_module("langgraph.pregel._runner")
        loop: Any = importlib.import_module("langgraph.pregel._loop")
    except ImportError:
        return []
    from secondtake.runner.langchain_adapter import graphs, state

    ticker: Any = getattr(runner, "PregelRunner", runner)
    return [
        (runner, "run_with_retry", graphs.task_gate),
        (runner, "arun_with_retry", graphs.task_gate),
        (ticker, "tick", graphs.tick_gate),
        (ticker, "atick", graphs.tick_gate),
        (getattr(loop, "PregelLoop", loop), "after_tick", state.step_gate),
    ]


def _report(owner: Any, name: str) -> None:
    """Say once that this version of the library is another one than we know."""
    place = f"{getattr(owner, '__name__', owner)}.{name}"
    if place not in _reported:
        _reported.add(place)
        error = AttributeError(f"{place} is not there in the installed version")
        faults.report("LangChain or LangGraph", error, home=None)
