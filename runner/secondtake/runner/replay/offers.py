"""The tools that a request of a program offers, with some switched off or described otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from secondtake.runner.narrow import is_list, is_mapping
from secondtake.runner.replay.program_session import RequestChange

OF_TOOLS: Final = ("parallel_tool_calls", "tool_choice")
"""What an API refuses to be told when no tool is offered."""


def with_offer(request: Mapping[str, Any], change: RequestChange) -> dict[str, Any]:
    """Return the fields of a request with the tools that are left of its field `tools`.

    Definitions may be in any provider's form that names a tool by `name`, or by its function's.
    """
    given = request.get("tools")
    if not (change.tools_off or change.descriptions) or not is_list(given):
        return dict(request)
    tools = [
        _told(tool, change.descriptions) for tool in given if _name_of(tool) not in change.tools_off
    ]
    left_out: Sequence[str] = ()
    if not tools:
        left_out = ("tools", *OF_TOOLS)
    elif _name_of(request.get("tool_choice")) in change.tools_off:
        left_out = ("tool_choice",)
    return {n: item for n, item in {**request, "tools": tools}.items() if n not in left_out}


def _name_of(tool: Any) -> str:
    if not is_mapping(tool):
        return ""
    function: Any = tool.get("function")
    return str((function.get("name") if is_mapping(function) else tool.get("name")) or "")


def _told(tool: Any, descriptions: Mapping[str, str]) -> Any:
    text = descriptions.get(_name_of(tool))
    if text is None:
        return tool
    known = cast(Mapping[str, Any], tool)
    if is_mapping(known.get("function")):
        return {**known, "function": {**known["function"], "description": text}}
    return {**known, "description": text}
