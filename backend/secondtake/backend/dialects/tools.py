"""Definitions of tools, in everybody's words, as OpenAI's chat form has them."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import json_of
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import objects

_SCHEMAS: Final = (
    "parameters", "input_schema", "inputSchema", "parameters_json_schema", "parametersJsonSchema",
)  # fmt: skip
_LISTS: Final = ("function_declarations", "functionDeclarations", "function_tools", "output_tools")


def chat_tools(value: Any) -> list[dict[str, Any]] | None:
    """Return tool definitions in OpenAI's form; None when `value` is no list of them.

    Read are OpenAI's (chat and Responses), Anthropic's, Gemini's, the Vercel AI SDK's, those of
    OpenTelemetry GenAI and pydantic-ai; each item may be text of JSON. A tool that the provider
    itself runs, such as a web search, stays as it is.
    """
    value = json_of(value)
    if is_object(value):
        value = [value]
    if not is_list(value):
        return None
    items = [json_of(item) for item in value]
    return [tool for item in objects(items) for tool in _tools_of(item)]


def _tools_of(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    inner = [tool for key in _LISTS for tool in objects(item.get(key))]
    if inner or any(key in item for key in _LISTS):
        return [tool for each in inner for tool in _tools_of(each)]
    function = item.get("function")
    if is_object(function):
        return [{"type": "function", **item}]
    has_schema = any(key in item for key in _SCHEMAS)
    if not isinstance(item.get("name"), str) or (
        item.get("type") not in (None, "function", "custom") and not has_schema
    ):
        return [dict(item)]
    return [{"type": "function", "function": _function(item)}]


def _function(item: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"name": str(item.get("name", ""))}
    if isinstance(item.get("description"), str) and item["description"]:
        found["description"] = item["description"]
    for key in _SCHEMAS:
        schema = json_of(item.get(key))
        if is_object(schema):
            found["parameters"] = schema
            break
    if isinstance(item.get("strict"), bool):
        found["strict"] = item["strict"]
    return found
