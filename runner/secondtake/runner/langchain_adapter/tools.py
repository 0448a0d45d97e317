"""Tools and retrievers: each call is a tool call of the run.

A replay that has the answer still runs LangChain's own `BaseTool.run`, with the tool's function
left out: callbacks, the checks of the arguments and the handling of errors are as always.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from langchain_core.messages import ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from secondtake.runner import boundary
from secondtake.runner.calls import ToolRequest
from secondtake.runner.context import RunContext, current
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.langchain_adapter.failures import as_raised
from secondtake.runner.langchain_adapter.observing import observe_only
from secondtake.runner.langchain_adapter.results import (
    NotJson,
    as_is,
    rebuild_result,
    record_result,
)
from secondtake.runner.replay.failures import RecordedFailure, is_recorded

MARK: Final = "_secondtake_answered"
READ_ONLY: Final = "read_only"
"""The key of a tool's `metadata` by which it declares that it changes nothing in the world."""
TEXT_INPUT: Final = "input"
"""The name under which the input of a tool is recorded that is called with a bare text."""


@dataclass(frozen=True)
class _Answered:
    """A recorded result on its way through the boundary."""

    result: Any


class _Call:
    """One call of a tool: what it asks, and how its result is recorded and given again."""

    def __init__(
        self, here: RunContext, tool: BaseTool, tool_input: Any, options: Mapping[str, Any]
    ) -> None:
        self._here, self._tool = here, tool
        self.request = _request(tool, tool_input, options)
        describe = functools.partial(_describe, here, tool, options.get("tool_call_id"))
        self.forms: dict[str, Any] = {"describe": describe, "rebuild": _Answered}

    def is_answered(self, error: Exception) -> bool:
        """Tell whether an error is the recorded one, and not this run's own."""
        if is_recorded(error):
            return True
        _note_interrupt(self._here, self._tool, error)
        return False


def run_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `BaseTool.run` whose calls are recorded and may be answered."""

    @functools.wraps(original)
    def gated(self: BaseTool, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or MARK in self.__dict__:
            return original(self, tool_input, *args, **kwargs)
        call = _Call(here, self, tool_input, kwargs)
        try:
            given = boundary.call(
                call.request, lambda: original(self, tool_input, *args, **kwargs), **call.forms
            )
        except Exception as error:
            if not call.is_answered(error):
                raise
            return original(_failing(self, error), tool_input, *args, **kwargs)
        if isinstance(given, _Answered):
            return original(_answering(self, given, kwargs), tool_input, *args, **kwargs)
        return given

    return gated


def arun_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `BaseTool.arun`; see `run_gate`."""

    @functools.wraps(original)
    async def gated(self: BaseTool, tool_input: Any, *args: Any, **kwargs: Any) -> Any:
        here = current()
        if here is None or MARK in self.__dict__:
            return await original(self, tool_input, *args, **kwargs)
        call = _Call(here, self, tool_input, kwargs)
        try:
            given = await boundary.acall(
                call.request, lambda: original(self, tool_input, *args, **kwargs), **call.forms
            )
        except Exception as error:
            if not call.is_answered(error):
                raise
            return await original(_failing(self, error), tool_input, *args, **kwargs)
        if isinstance(given, _Answered):
            return await original(_answering(self, given, kwargs), tool_input, *args, **kwargs)
        return given

    return gated


def retriever_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `BaseRetriever.invoke` or `ainvoke` whose searches are recorded."""

    @functools.wraps(original)
    def gated(self: BaseRetriever, *args: Any, **kwargs: Any) -> Any:
        if current() is None or MARK in self.__dict__:
            return original(self, *args, **kwargs)
        twin = BaseModel.__copy__(self)
        own_fields = cast(dict[str, Any], twin.__dict__)
        for name, function in (
            ("_get_relevant_documents", _search),
            ("_aget_relevant_documents", _asearch),
        ):
            own = getattr(self, name)
            own_fields[name] = functools.wraps(own)(functools.partial(function, self, own))
        own_fields[MARK] = True
        return original(twin, *args, **kwargs)

    return gated


def _request(tool: BaseTool, tool_input: Any, options: Mapping[str, Any]) -> ToolRequest:
    return ToolRequest(
        tool=tool.name,
        arguments=_arguments(tool, tool_input),
        tool_call_id=options.get("tool_call_id"),
        read_only=bool((tool.metadata or {}).get(READ_ONLY)),
    )


def _arguments(tool: BaseTool, tool_input: Any) -> dict[str, Any]:
    """Return what the model gave: state, store and the like are handed in by LangGraph."""
    if not isinstance(tool_input, Mapping):
        return {TEXT_INPUT: to_json_value(tool_input)}
    given = dict(cast(Mapping[str, Any], tool_input))
    try:
        given = tool._filter_injected_args(given)  # pyright: ignore[reportPrivateUsage]
    except Exception:  # noqa: BLE001 - then they are recorded as well
        return cast(dict[str, Any], to_json_value(given))
    return cast(dict[str, Any], to_json_value(given))


def _describe(here: RunContext, tool: BaseTool, tool_call_id: str | None, output: Any) -> Any:
    if _is_ordinary(tool, tool_call_id, output):
        output = output.content
    try:
        return record_result(output, tool_call_id=tool_call_id)
    except NotJson as error:
        observe_only(here, f"tool `{tool.name}` gave a {error}, which is no JSON")
        return as_is(output)


def _is_ordinary(tool: BaseTool, tool_call_id: str | None, output: Any) -> bool:
    """Tell whether LangChain makes this very message of its content and the call alone."""
    if type(output) is not ToolMessage or tool_call_id is None:
        return False
    made = ToolMessage(output.content, tool_call_id=tool_call_id, name=tool.name)
    return made == output and tool.response_format == "content"


def _answering(tool: BaseTool, answered: _Answered, options: Mapping[str, Any]) -> BaseTool:
    """Return a copy of a tool whose function gives what was recorded."""
    result = rebuild_result(answered.result, tool_call_id=options.get("tool_call_id"))

    def give() -> Any:
        # Of text and blocks LangChain makes the message again; of the two parts of a result with
        # an artifact it would take the first, so what is whole is given as the first.
        is_pair = tool.response_format == "content_and_artifact"
        return (result, None) if is_pair else result

    return _twin(tool, give)


def _failing(tool: BaseTool, error: Exception) -> BaseTool:
    """Return a copy of a tool whose function raises what was recorded."""
    raised = as_raised(error) if isinstance(error, RecordedFailure) else error

    def give() -> Any:
        raise raised

    return _twin(tool, give)


def _twin(tool: BaseTool, give: Callable[[], Any]) -> BaseTool:
    def _run(*args: Any, **kwargs: Any) -> Any:
        return give()

    async def _arun(*args: Any, **kwargs: Any) -> Any:
        return give()

    twin = cast(BaseTool, BaseModel.__copy__(tool))
    cast(dict[str, Any], twin.__dict__).update({"_run": _run, "_arun": _arun, MARK: True})
    return twin


def _note_interrupt(here: RunContext, tool: BaseTool, error: Exception) -> None:
    """A tool that asks a person is left in the middle, which a recording cannot do again."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if "GraphBubbleUp" in names:
        observe_only(here, f"tool `{tool.name}` was interrupted to ask a person")


def _search(
    retriever: BaseRetriever, own: Callable[..., Any], query: str, **options: Any
) -> list[Any]:
    here = current()
    return boundary.call(
        _search_request(retriever, query),
        lambda: own(query, **options),
        describe=functools.partial(_describe_found, here, retriever),
        rebuild=rebuild_result,
    )


async def _asearch(
    retriever: BaseRetriever, own: Callable[..., Any], query: str, **options: Any
) -> list[Any]:
    here = current()
    return await boundary.acall(
        _search_request(retriever, query),
        lambda: own(query, **options),
        describe=functools.partial(_describe_found, here, retriever),
        rebuild=rebuild_result,
    )


def _search_request(retriever: BaseRetriever, query: str) -> ToolRequest:
    return ToolRequest(
        tool=retriever.get_name(),
        arguments={"query": query},
        span_kind="retriever",
        read_only=True,
    )


def _describe_found(here: RunContext | None, retriever: BaseRetriever, found: Any) -> Any:
    try:
        return record_result(found)
    except NotJson as error:
        if here is not None:
            observe_only(here, f"{retriever.get_name()} found a {error}, which is no JSON")
        return as_is(found)
