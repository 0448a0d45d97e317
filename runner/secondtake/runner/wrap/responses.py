"""OpenAI's Responses: requests translated to the form of Chat Completions.

A conversation that the server keeps (`previous_response_id`) is filled in from what the program
was answered before, so that a call shows all that its model saw.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secondtake.runner.calls import LlmRequest
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.chat import parameters_of
from secondtake.runner.wrap.fields import Json, compact, mapping, objects, said, text, tool_call

NOT_PARAMETERS: Final = frozenset(
    {
        "input", "instructions", "max_output_tokens", "model", "previous_response_id", "reasoning",
        "stream", "stream_options", "text", "tools",
    }
)  # fmt: skip
TEXT_PARTS: Final = ("input_text", "output_text", "text")
OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")
"""Items that are the results of tools."""
NOT_SAID: Final = ("id", "status")
"""Fields of output items that are new each time or say nothing; a program may leave them out."""


class KnownResponses:
    """What was said in the responses of one program, by their ids. Safe for many threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str | None, list[dict[str, Any]]]] = {}
        self._lock = threading.Lock()

    def add(self, response_id: str, body: Json, answer: Sequence[Mapping[str, Any]]) -> None:
        """Keep what a response was sent and what it said."""
        messages = [*messages_of_input(body.get("input")), *map(dict, answer)]
        with self._lock:
            self._known[response_id] = (text(body.get("previous_response_id")), messages)

    def before(self, response_id: str | None) -> list[dict[str, Any]] | None:
        """Return the conversation up to and with a response; None when it is not known whole."""
        turns: list[list[dict[str, Any]]] = []
        with self._lock:
            while response_id is not None:
                if response_id not in self._known:
                    return None
                response_id, messages = self._known[response_id]
                turns.append(messages)
        return [message for turn in reversed(turns) for message in turn]


def request_of(body: Json, model: str, known: KnownResponses) -> LlmRequest:
    """Return a request as it is recorded."""
    parameters = parameters_of(body, NOT_PARAMETERS) | _translated(body)
    messages: list[dict[str, Any]] = []
    instructions = body.get("instructions")
    if isinstance(instructions, str):
        messages.append({"role": "system", "content": instructions})
    elif is_list(instructions):
        messages += messages_of_input(instructions)
    previous = text(body.get("previous_response_id"))
    if previous is not None:
        before = known.before(previous)
        if before is None:
            parameters["previous_response_id"] = previous
        messages += before or []
    messages += messages_of_input(body.get("input"))
    return LlmRequest(
        model=model,
        messages=messages,
        tools=[_tool_of(tool) for tool in objects(body.get("tools"))],
        parameters=parameters,
        stream=bool(body.get("stream")),
    )


def _translated(body: Json) -> dict[str, Any]:
    """Return the parameters that Chat Completions has too, as it names them."""
    found: dict[str, Any] = {}
    if body.get("max_output_tokens") is not None:
        found["max_completion_tokens"] = body["max_output_tokens"]
    reasoning = said(mapping(body.get("reasoning")))
    if set(reasoning) == {"effort"}:
        found["reasoning_effort"] = reasoning["effort"]
    elif reasoning:
        found["reasoning"] = reasoning
    settings = dict(mapping(body.get("text")))
    form = mapping(settings.pop("format", None))
    if form.get("type") == "json_schema":
        schema = said({name: item for name, item in form.items() if name != "type"})
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form and form.get("type") != "text":
        found["response_format"] = dict(form)
    if settings.get("verbosity"):
        found["verbosity"] = settings["verbosity"]
    choice = body.get("tool_choice")
    if is_object(choice) and choice.get("type") == "function":
        function = {"name": choice.get("name")}
        found["tool_choice"] = {"type": "function", "function": function}
    return found


def _tool_of(tool: Json) -> Json:
    """Return a function's definition in OpenAI's form; built-in tools stay as they are."""
    if tool.get("type") != "function":
        return tool
    return {
        "type": "function",
        "function": {n: item for n, item in tool.items() if n != "type" and item is not None},
    }


def messages_of_input(given: Any) -> list[dict[str, Any]]:
    """Return the messages of an `input`: a text, or items."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    return [
        message_of_items(items) if _is_assistants(items[0]) else _others_message(items[0])
        for items in grouped(objects(given))
    ]


def grouped(items: Sequence[Json]) -> list[list[Json]]:
    """Return the items of each message: what the assistant said until somebody else speaks."""
    groups: list[list[Json]] = []
    for item in items:
        if groups and _is_assistants(item) and _is_assistants(groups[-1][0]):
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups


def _is_assistants(item: Json) -> bool:
    kind = item.get("type") or "message"
    return item.get("role") == "assistant" if kind == "message" else kind not in OUTPUTS


def _others_message(item: Json) -> dict[str, Any]:
    """Return what a user, a developer or a tool said."""
    if item.get("type") not in OUTPUTS:
        return {"role": str(item.get("role")), "content": _content_of(item.get("content"))}
    output = item.get("output")
    content = output if isinstance(output, str) else _content_of(output)
    return {"role": "tool", "tool_call_id": str(item.get("call_id")), "content": content}


def _content_of(content: Any) -> Any:
    if not is_list(content):
        return content if isinstance(content, str) or content is None else compact(content)
    parts = [_part_of(part) for part in objects(content)]
    if len(parts) == 1 and set(parts[0]) == {"type", "text"}:
        return parts[0]["text"]
    return parts


def _part_of(part: Json) -> dict[str, Any]:
    kind = part.get("type")
    if kind in TEXT_PARTS:
        return {"type": "text", "text": part.get("text")}
    if kind == "input_image" and part.get("image_url"):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": part["image_url"], **detail}}
    if kind == "input_file":
        file = {name: item for name, item in part.items() if name != "type" and item is not None}
        return {"type": "file", "file": file}
    return dict(part)


def message_of_items(items: Sequence[Json]) -> dict[str, Any]:
    """Return what the assistant said in these items as one message.

    Reasoning goes to `reasoning_items`, since the API wants it back as it was; what Chat
    Completions has no word for to `output_items`. `item_order` tells the order where it is not
    reasoning, text, tool calls.
    """
    texts: list[str] = []
    refusals: list[str] = []
    annotations: list[Any] = []
    calls: list[dict[str, Any]] = []
    reasoning: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    order: list[str] = []
    for item in items:
        kind = str(item.get("type") or "message")
        order.append(kind)
        if kind == "message":
            _read_message(item, texts, refusals, annotations)
        elif kind == "function_call":
            calls.append(tool_call(item.get("call_id"), item.get("name"), _raw_arguments(item)))
        elif kind == "reasoning":
            kept = said({name: value for name, value in item.items() if name != "status"})
            reasoning.append({"summary": [], **kept})
        else:
            others.append(said({n: value for n, value in item.items() if n not in NOT_SAID}))
    message: dict[str, Any] = {"role": "assistant", "content": _joined_text(texts)}
    more = {
        "tool_calls": calls,
        "refusal": "".join(refusals),
        "annotations": annotations,
        "reasoning_items": reasoning,
        "output_items": others,
        "reasoning_content": _summary(reasoning),
        "item_order": [] if order == _usual(order) else order,
    }
    return message | {name: value for name, value in more.items() if value}


def _usual(order: list[str]) -> list[str]:
    """Return kinds of items in the order in which they are made again without being told."""
    ranks = {"reasoning": 0, "message": 2, "function_call": 3}
    return sorted(order, key=lambda kind: ranks.get(kind, 1))


def _raw_arguments(item: Json) -> str:
    arguments = item.get("arguments")
    return arguments if isinstance(arguments, str) else compact(arguments or {})


def _read_message(
    item: Json, texts: list[str], refusals: list[str], annotations: list[Any]
) -> None:
    content = item.get("content")
    if isinstance(content, str):
        texts.append(content)
        return
    for part in objects(content):
        if part.get("type") == "refusal":
            refusals.append(str(part.get("refusal") or ""))
        elif part.get("type") in TEXT_PARTS:
            texts.append(str(part.get("text") or ""))
            annotations.extend(objects(part.get("annotations")))


def _joined_text(texts: list[str]) -> Any:
    if len(texts) > 1:
        return [{"type": "text", "text": each} for each in texts]
    return texts[0] if texts else None


def _summary(reasoning: list[dict[str, Any]]) -> str:
    parts = [part for item in reasoning for part in objects(item.get("summary"))]
    return "\n\n".join(str(part.get("text")) for part in parts if part.get("text"))
