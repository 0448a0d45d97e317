"""Parts of messages, in everybody's words, as OpenAI's chat form has them.

Read are the parts of OpenTelemetry GenAI, Gemini, the Vercel AI SDK and OpenAI itself. A part that
is none of these stays as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from secondtake.backend.dialects.shapes import Message
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import compact, mapping, tool_call

PieceKind = Literal["part", "call", "result", "reasoning"]

Piece = tuple[PieceKind, Any]
"""A content part, a tool call, a whole tool message, or the text of reasoning."""


def as_text(value: Any) -> str:
    """Return what a tool message says: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else compact(value)


def call_of(call_id: Any, name: Any, arguments: Any) -> dict[str, Any]:
    """Return a tool call; arguments that were sent as text stay that text."""
    return tool_call(call_id, name, as_text({} if arguments is None else arguments))


def result_of(call_id: Any, name: Any, content: Any) -> Message:
    """Return the message that brings a tool's result."""
    message: Message = {"role": "tool", "content": as_text("" if content is None else content)}
    if call_id:
        message["tool_call_id"] = str(call_id)
    if name:
        message["name"] = str(name)
    return message


def messages_of_parts(role: str, parts: Sequence[Any]) -> list[Message]:
    """Return the messages that the parts of one message are: each tool result is its own."""
    found: list[Message] = []
    content: list[Any] = []
    calls: list[Any] = []
    reasoning: list[str] = []
    for part in parts:
        kind, value = piece_of(part)
        if kind == "call":
            calls.append(value)
        elif kind == "reasoning":
            reasoning.append(value)
        elif kind == "part":
            content.append(value)
        else:
            if content:
                found.append({"role": role, "content": content_of(content)})
                content = []
            found.append(value)
    if content or calls or reasoning or not found:
        message: Message = {"role": role, "content": content_of(content) if content else None}
        if calls:
            message["tool_calls"] = calls
        if reasoning:
            message["reasoning_content"] = "".join(reasoning)
        found.append(message)
    return found


def content_of(parts: Sequence[Any]) -> Any:
    """Return a text where that is all there is, so that both ways to send it are the same."""
    if len(parts) == 1 and is_object(parts[0]) and set(parts[0]) == {"type", "text"}:
        return parts[0]["text"]
    return list(parts)


def piece_of(part: Any) -> Piece:
    """Say what a part is."""
    if isinstance(part, str):
        return "part", {"type": "text", "text": part}
    if not is_object(part):
        return "part", part
    kind = part.get("type")
    if kind is None:
        return _gemini(part)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    return reader(part) if reader is not None else ("part", part)


def _text(part: Mapping[str, Any]) -> Piece:
    said = part.get("text", part.get("content"))
    return "part", {"type": "text", "text": said if isinstance(said, str) else as_text(said)}


def _reasoning(part: Mapping[str, Any]) -> Piece:
    said = part.get("content", part.get("text"))
    return ("reasoning", said) if isinstance(said, str) else ("part", dict(part))


def _genai_call(part: Mapping[str, Any]) -> Piece:
    return "call", call_of(part.get("id"), part.get("name"), part.get("arguments"))


def _genai_result(part: Mapping[str, Any]) -> Piece:
    # The schema says `response`, the registry's own example `result`: both are written.
    said = part.get("response", part.get("result"))
    return "result", result_of(part.get("id"), part.get("name"), said)


def _vercel_call(part: Mapping[str, Any]) -> Piece:
    arguments = part.get("input", part.get("args"))
    return "call", call_of(part.get("toolCallId"), part.get("toolName"), arguments)


def _vercel_result(part: Mapping[str, Any]) -> Piece:
    said = part.get("output", part.get("result"))
    if is_object(said) and "value" in said and isinstance(said.get("type"), str):
        said = said["value"]
    return "result", result_of(part.get("toolCallId"), part.get("toolName"), said)


def _blob(part: Mapping[str, Any]) -> Piece:
    data, mime = part.get("content"), part.get("mime_type")
    if part.get("modality") != "image" or not isinstance(data, str):
        return "part", dict(part)
    return _image(data, mime)


def _uri(part: Mapping[str, Any]) -> Piece:
    if part.get("modality") != "image" or not isinstance(part.get("uri"), str):
        return "part", dict(part)
    return "part", {"type": "image_url", "image_url": {"url": part["uri"]}}


def _vercel_media(part: Mapping[str, Any]) -> Piece:
    data = part.get("image", part.get("data"))
    mime = part.get("mediaType", part.get("mimeType"))
    is_image = part["type"] == "image" or (isinstance(mime, str) and mime.startswith("image/"))
    return _image(data, mime) if is_image and isinstance(data, str) else ("part", dict(part))


def _image(data: str, mime: Any) -> Piece:
    is_url = data.startswith(("data:", "http:", "https:"))
    url = data if is_url else f"data:{mime or 'image/png'};base64,{data}"
    return "part", {"type": "image_url", "image_url": {"url": url}}


def _gemini(part: Mapping[str, Any]) -> Piece:
    """Say what a part of Gemini's is: which of its fields is there says so."""
    call = part.get("function_call", part.get("functionCall"))
    if is_object(call):
        return "call", call_of(call.get("id"), call.get("name"), call.get("args"))
    result = part.get("function_response", part.get("functionResponse"))
    if is_object(result):
        return "result", result_of(result.get("id"), result.get("name"), result.get("response"))
    if isinstance(part.get("text"), str):
        return ("reasoning", part["text"]) if part.get("thought") else _text(part)
    data = mapping(part.get("inline_data", part.get("inlineData")))
    mime = data.get("mime_type", data.get("mimeType"))
    if isinstance(data.get("data"), str) and str(mime).startswith("image/"):
        return _image(data["data"], mime)
    return "part", dict(part)


_READERS: Final = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "reasoning": _reasoning,
    "tool_call": _genai_call,
    "tool_call_response": _genai_result,
    "blob": _blob,
    "uri": _uri,
    "tool-call": _vercel_call,
    "tool-result": _vercel_result,
    "image": _vercel_media,
    "file": _vercel_media,
}
"""By the part's type. An `image_url` and others of OpenAI's own are what they are."""


def has_types(content: Any, types: frozenset[str]) -> bool:
    """Tell whether a content list has a part of one of these types."""
    return is_list(content) and any(
        is_object(part) and part.get("type") in types for part in content
    )
