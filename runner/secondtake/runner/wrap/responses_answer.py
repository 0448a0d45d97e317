"""Answers of OpenAI's Responses: read as messages, and made again of what was recorded."""

import time
from collections.abc import Sequence
from typing import Any, Final

import orjson

from secondtake.runner.calls import LlmResponse
from secondtake.runner.hashing import value_hash
from secondtake.runner.narrow import is_list
from secondtake.runner.wrap.fields import Json, mapping, number, objects, text
from secondtake.runner.wrap.responses import message_of_items
from secondtake.runner.wrap.usage import responses_usage

CUT: Final = ("length", "max_tokens", "incomplete", "content_filter")
"""Finish reasons, of any dialect, of an answer that is not whole."""
ECHOED: Final = (
    "instructions", "max_output_tokens", "metadata", "previous_response_id", "temperature",
    "text", "tool_choice", "tools", "top_p", "truncation", "user",
)  # fmt: skip
"""Fields of a request that its response repeats."""
ENDS: Final = ("response.completed", "response.incomplete", "response.failed")


def messages_of_answer(document: Json) -> list[dict[str, Any]]:
    """Return the assistant message of a plain answer."""
    return [message_of_items(objects(document.get("output")))]


def messages_of_events(events: Sequence[Json]) -> list[dict[str, Any]]:
    """Return the assistant message of a stream as far as it came; nothing when none began."""
    items: dict[int, dict[str, Any]] = {}
    began = False
    for event in events:
        kind = str(event.get("type"))
        began = began or kind.startswith("response.")
        output = objects(mapping(event.get("response")).get("output"))
        if kind in ENDS and output:
            return [message_of_items(output)]
        index = number(event.get("output_index"))
        if kind in ("response.output_item.added", "response.output_item.done"):
            items[index] = dict(mapping(event.get("item")))
        elif index in items and isinstance(event.get("delta"), str):
            _extend(items[index], kind, event)
    return [message_of_items([items[index] for index in sorted(items)])] if began else []


def _extend(item: dict[str, Any], kind: str, event: Json) -> None:
    piece = str(event["delta"])
    if kind == "response.function_call_arguments.delta":
        item["arguments"] = str(item.get("arguments") or "") + piece
        return
    parts = {
        "response.output_text.delta": ("output_text", "text"),
        "response.refusal.delta": ("refusal", "refusal"),
    }
    if kind not in parts:
        return
    name, field = parts[kind]
    at = number(event.get("content_index"))
    content: list[Any] = item["content"] if is_list(item.get("content")) else []
    content += [{"type": name} for _ in range(at + 1 - len(content))]
    content[at] = {**content[at], field: str(content[at].get(field) or "") + piece}
    item["content"] = content


def is_content(event: Json) -> bool:
    """Tell whether an event of a stream brings something of the answer."""
    return str(event.get("type")).endswith(".delta")


# Answers made again of what was recorded.


def plain_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as the body of a plain HTTP answer; `body` is the request's."""
    return orjson.dumps(_document(response, body))


def stream_body(response: LlmResponse, body: Json) -> bytes:
    """Return an answer as a stream of events."""
    document = _document(response, body)
    begun: dict[str, Any] = {**document, "status": "in_progress", "output": [], "usage": None}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(document["output"]):
        empty = {**item, "status": "in_progress"} | _emptied(item)
        events.append({"type": "response.output_item.added", "item": empty})
        events += _pieces(item)
        events.append({"type": "response.output_item.done", "item": item})
        for event in events:
            if "response" not in event:
                event.setdefault("output_index", index)
    events.append({"type": f"response.{document['status']}", "response": document})
    return b"".join(
        b"event: "
        + str(event["type"]).encode()
        + b"\ndata: "
        + orjson.dumps({**event, "sequence_number": number_})
        + b"\n\n"
        for number_, event in enumerate(events)
    )


def _emptied(item: dict[str, Any]) -> dict[str, Any]:
    kind = item.get("type")
    if kind == "message":
        return {"content": []}
    if kind == "function_call":
        return {"arguments": ""}
    return {"summary": []} if kind == "reasoning" else {}


def _pieces(item: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the events between the beginning and the end of an item."""
    about = {"item_id": item.get("id")}
    if item.get("type") == "function_call":
        arguments, name = item["arguments"], "response.function_call_arguments"
        return [
            {"type": f"{name}.delta", **about, "delta": arguments},
            {"type": f"{name}.done", **about, "arguments": arguments, "name": item["name"]},
        ]
    if item.get("type") != "message":
        return []
    events: list[dict[str, Any]] = []
    for index, part in enumerate(item["content"]):
        at = {**about, "content_index": index}
        field = "refusal" if part["type"] == "refusal" else "text"
        name = f"response.{part['type']}"
        empty: dict[str, Any] = {**part, field: ""}
        if field == "text":
            empty["annotations"] = []
        more: dict[str, Any] = {"logprobs": []} if field == "text" else {}
        events.append({"type": "response.content_part.added", **at, "part": empty})
        events.append({"type": f"{name}.delta", **at, "delta": part[field], **more})
        events.append({"type": f"{name}.done", **at, field: part[field], **more})
        events.append({"type": "response.content_part.done", **at, "part": part})
    return events


def _document(response: LlmResponse, body: Json) -> dict[str, Any]:
    reason = response.finish_reason or "completed"
    cut = reason.split(",")[0] in CUT
    why = "content_filter" if reason == "content_filter" else "max_output_tokens"
    echoed = {name: body[name] for name in ECHOED if name in body}
    kept = mapping(mapping(response.extra).get("wire"))
    return {
        "id": response.response_id or "resp_recorded",
        "object": "response",
        "created_at": int(time.time()),
        "error": None,
        "incomplete_details": {"reason": why} if cut else None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        **echoed,
        **kept,
        "model": response.served_model or str(body.get("model")),
        "output": _items_of(response.message),
        "service_tier": response.service_tier,
        "status": "incomplete" if cut else "completed",
        "usage": responses_usage(response),
    }


def _items_of(message: Json) -> list[dict[str, Any]]:
    """Return the output items of a message, in the order in which they came."""
    order = [str(kind) for kind in message.get("item_order") or ()]
    mark = value_hash(dict(message))[:24]
    waiting: dict[str, list[dict[str, Any]]] = {
        "reasoning": [
            {"id": f"rs_{mark}", "type": "reasoning", **item}
            for item in objects(message.get("reasoning_items"))
        ],
        "other": [
            {"id": f"it_{mark}{number_}", "status": "completed", **item}
            for number_, item in enumerate(objects(message.get("output_items")))
        ],
        "message": _message_items(message, mark, parts_apart=order.count("message") > 1),
        "function_call": [
            {
                "id": f"fc_{mark}{number_}",
                "type": "function_call",
                "status": "completed",
                "call_id": call.get("id") or f"call_{mark}{number_}",
                "name": mapping(call.get("function")).get("name"),
                "arguments": mapping(call.get("function")).get("arguments") or "",
            }
            for number_, call in enumerate(objects(message.get("tool_calls")))
        ],
    }
    items: list[dict[str, Any]] = []
    for kind in order:
        left = waiting[kind if kind in waiting else "other"]
        if left:
            items.append(left.pop(0))
    return [*items, *(item for left in waiting.values() for item in left)]


def _message_items(message: Json, mark: str, *, parts_apart: bool) -> list[dict[str, Any]]:
    content = message.get("content")
    annotations = objects(message.get("annotations"))
    texts = [content] if isinstance(content, str) and content else []
    if is_list(content):
        texts = [text(part.get("text")) or "" for part in objects(content)]
    parts: list[dict[str, Any]] = [
        {"type": "output_text", "text": each, "annotations": [], "logprobs": []} for each in texts
    ]
    if parts:
        parts[-1]["annotations"] = annotations
    if message.get("refusal"):
        parts.append({"type": "refusal", "refusal": message["refusal"]})
    groups = [[part] for part in parts] if parts_apart else [parts] if parts else []
    return [
        {
            "id": f"msg_{mark}{number_ or ''}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": group,
        }
        for number_, group in enumerate(groups)
    ]
