"""Reads OpenInference's spans.

`llm.token_count.prompt` contains the cached tokens, also for Anthropic, and `completion` the
reasoning (openinference-semantic-conventions, `trace/__init__.py`). `llm.model_name` is the model
that was asked for until an answer names another; it is taken as the served one where the request
is said apart. `input.value` and `output.value` repeat the messages of a call, and are then not
kept a second time.
"""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.dialects.attributes import Attributes, json_of, text_of
from secondtake.backend.dialects.conversations import answers_of, conversation_of
from secondtake.backend.dialects.counts import cached_included
from secondtake.backend.dialects.failures import failure_of
from secondtake.backend.dialects.genai import call_id_of
from secondtake.backend.dialects.parameters import chat_parameters
from secondtake.backend.dialects.parts import call_of, messages_of_parts
from secondtake.backend.dialects.shapes import Kind, Message, RawSpan, ReadSpan
from secondtake.backend.dialects.tools import chat_tools
from secondtake.runner.calls import Tokens
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.wrap.fields import Json, mapping, objects

_KINDS: Final[Mapping[str, Kind]] = {
    "LLM": "llm",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "chain",
    "RETRIEVER": "retriever",
    "EMBEDDING": "embedding",
}
_NOT_PARAMETERS: Final = frozenset({"model", "stream", "messages", "tools", "input"})


def speaks(attributes: Attributes) -> bool:
    """Tell whether a span is in this dialect."""
    own = ("openinference.", "llm.model_name", "llm.input_messages.", "llm.token_count.")
    return attributes.has(*own)


def read(raw: RawSpan, attributes: Attributes) -> ReadSpan:
    """Return what a span says; the attributes that it is said by are taken."""
    said = attributes.text("openinference.span.kind")
    kind: Kind = _KINDS.get(said.upper(), "other") if said else "llm"
    invocation = mapping(json_of(attributes.raw("llm.invocation_parameters")))
    asked = attributes.text("llm.request.model_name") or text_of(invocation.get("model"))
    named = attributes.text("llm.model_name")
    served = attributes.text("llm.response.model_name") or (named if asked else None)
    tool = attributes.text("tool.name", "gen_ai.tool.name") if kind == "tool" else None
    agent = attributes.text("agent.name")
    fields: dict[str, Any] = {}
    if kind == "llm":
        fields = _call_fields(attributes)
    elif kind == "retriever":
        documents = [mapping(item.get("document")) for item in _documents(attributes)]
        fields = {"input": attributes.json("input.value"), "output": documents or None}
    if kind != "llm" and fields.get("output") is None:
        fields["output"] = attributes.json("output.value")
    stream = invocation.get("stream")
    return ReadSpan(
        raw=raw,
        dialect="openinference",
        kind=kind,
        name=tool or (agent if kind == "agent" else None) or raw.name,
        provider=attributes.text("llm.provider", "llm.system"),
        model=asked or named or attributes.text("embedding.model_name"),
        served_model=served,
        tools=_tools(attributes),
        parameters=chat_parameters(invocation),
        finish_reasons=[
            reason for reason in (attributes.text("llm.finish_reason"),) if reason is not None
        ],
        stream=stream if isinstance(stream, bool) else None,
        tool=tool,
        tool_call_id=call_id_of(attributes, "tool_call.id", "tool.id"),
        agent=agent,
        session_id=attributes.text("session.id"),
        user_id=attributes.text("user.id"),
        cost_usd=attributes.usd("llm.cost.total"),
        usage=attributes.peek("llm.token_count.") or None,
        tokens=_tokens(attributes),
        **({"input": attributes.json("input.value")} if kind != "llm" else {}) | fields,
        **failure_of(raw, attributes),
    )


def messages_of_items(items: list[Any]) -> list[Message]:
    """Return the messages that a flattened list held."""
    found: list[Message] = []
    for item in items:
        said = mapping(mapping(item).get("message"))
        found += _messages_of(said) if said else []
    return found


def _call_fields(attributes: Attributes) -> dict[str, Any]:
    """Return what a model was sent and what it answered."""
    sent = messages_of_items(attributes.items("llm.input_messages")) or None
    answers = messages_of_items(attributes.items("llm.output_messages"))
    given = json_of(attributes.peek("input.value").get(""))
    gave = json_of(attributes.peek("output.value").get(""))
    if sent is None:
        sent = conversation_of(given)
    if sent is None:
        sent = _prompts(attributes)
    answers = answers or answers_of(gave) or []
    if sent is not None:
        attributes.drop("input.value", "input.mime_type")
    if answers:
        attributes.drop("output.value", "output.mime_type")
    response_id = gave.get("id") if is_object(gave) else None
    return {
        "sent": sent,
        "answers": answers,
        "response_id": text_of(response_id),
        "input": None if sent is not None else given,
        "output": None if answers else gave,
    }


def _prompts(attributes: Attributes) -> list[Message] | None:
    prompts = attributes.json("llm.prompts")
    if is_list(prompts) and len(prompts) == 1 and isinstance(prompts[0], str):
        return [{"role": "user", "content": prompts[0]}]
    return None


def _messages_of(said: Json) -> list[Message]:
    role = {"model": "assistant"}.get(str(said.get("role")), str(said.get("role", "user")))
    contents = said.get("contents")
    blocks = [mapping(item.get("message_content")) for item in objects(contents)]
    # Anthropic's instrumentation leaves an empty mark where a tool call, said apart, stood.
    parts = [_part(block) for block in blocks if dict(block) != {"type": "tool_use"}]
    text = said.get("content")
    if isinstance(text, str):
        parts.insert(0, {"type": "text", "text": text})
    message: Message = {"role": role, "content": None}
    if parts:
        [message] = messages_of_parts(role, parts)
    calls = [_call(mapping(item.get("tool_call"))) for item in objects(said.get("tool_calls"))]
    more: Message = {"tool_calls": calls} if calls else {}
    for name in ("tool_call_id", "name"):
        if isinstance(said.get(name), str) and said[name]:
            more[name] = said[name]
    return [{**message, **more}]


def _part(content: Json) -> dict[str, Any]:
    kind = content.get("type")
    url = mapping(mapping(content.get("image")).get("image")).get("url")
    if isinstance(url, str):
        return {"type": "image_url", "image_url": {"url": url}}
    if kind in ("text", "reasoning"):
        return {"type": kind, "text": content.get("text", "")}
    return {"type": "other", **content}


def _call(said: Json) -> dict[str, Any]:
    function = mapping(said.get("function"))
    return call_of(said.get("id"), function.get("name"), function.get("arguments"))


def _tools(attributes: Attributes) -> list[dict[str, Any]] | None:
    listed = [mapping(item.get("tool")) for item in objects(attributes.items("llm.tools"))]
    if not listed:
        return None
    return chat_tools([tool.get("json_schema", dict(tool)) for tool in listed])


def _documents(attributes: Attributes) -> list[Json]:
    return objects(attributes.items("retrieval.documents"))


def _tokens(attributes: Attributes) -> Tokens:
    count, prefix = attributes.count, "llm.token_count."
    prompt, completion = f"{prefix}prompt_details.", f"{prefix}completion_details."
    return cached_included(
        input_tokens=count(f"{prefix}prompt"),
        output_tokens=count(f"{prefix}completion"),
        cache_read=count(f"{prompt}cache_read", f"{prompt}cache_input"),
        cache_write=count(f"{prompt}cache_write"),
        audio_input=count(f"{prompt}audio"),
        reasoning=count(f"{completion}reasoning"),
        audio_output=count(f"{completion}audio"),
        total=count(f"{prefix}total"),
    )
