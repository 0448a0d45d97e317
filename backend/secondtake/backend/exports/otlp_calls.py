"""The attributes of an LLM call, by OpenTelemetry's semantic conventions for GenAI."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from secondtake.backend.exports.otlp_values import as_text
from secondtake.backend.exports.rows import Row, RunRows, content_of
from secondtake.runner.narrow import is_list, is_object

INPUT_CHARS: Final = 64 << 10
"""Of what a call was sent. Every call of a long conversation is sent all of it: written out each
time, a run of thousands of calls would be gigabytes."""

_PROVIDERS: Final = {
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistral": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
}
"""Names that differ from LiteLLM's."""
_PARAMETERS: Final = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "n": "choice.count",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "seed": "seed",
}
_TOKENS: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read.input_tokens",
    "reasoning_output_tokens": "reasoning.output_tokens",
    "audio_input_tokens": "audio.input_tokens",
    "image_input_tokens": "image.input_tokens",
    "audio_output_tokens": "audio.output_tokens",
}
_CACHE_WRITES: Final = ("cache_write_5m_tokens", "cache_write_1h_tokens")
_TOLD: Final = (
    "served_from", "attempt", "cost_usd", "cost_basis", "avoided_cost_usd", "reported_cost_usd",
    "error_class", "http_status", "simulated", "usage_note",
)  # fmt: skip


def llm_attributes(rows: RunRows, row: Row) -> dict[str, Any]:
    """Return what is known of a call; None is left out by whoever writes them."""
    first_ms = row["time_to_first_token_ms"]
    provider = row["provider"]
    writes = [row[name] for name in _CACHE_WRITES if row[name] is not None]
    reason = row["finish_reason"]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(provider, provider),
        "gen_ai.request.model": row["model"],
        "gen_ai.request.stream": row["stream"],
        **_parameters(row["parameters"]),
        "gen_ai.response.model": row["served_model"],
        "gen_ai.response.id": row["response_id"],
        "gen_ai.response.finish_reasons": [reason] if reason is not None else None,
        "gen_ai.response.time_to_first_chunk": None if first_ms is None else first_ms / 1000,
        **{f"gen_ai.usage.{said}": row[name] for name, said in _TOKENS.items()},
        "gen_ai.usage.cache_write.input_tokens": sum(writes) if writes else None,
        **_content(rows, row),
        **{f"secondtake.{name}": row[name] for name in _TOLD},
    }


def _parameters(parameters: Any) -> dict[str, Any]:
    if not is_object(parameters):
        return {}
    found: dict[str, Any] = {
        f"gen_ai.request.{said}": parameters[name]
        for name, said in _PARAMETERS.items()
        if isinstance(parameters.get(name), int | float)
    }
    stop = parameters.get("stop")
    if stop is not None:
        found["gen_ai.request.stop_sequences"] = stop if is_list(stop) else [stop]
    return {**found, "secondtake.parameters": as_text(parameters)}


def _content(rows: RunRows, row: Row) -> dict[str, Any]:
    """Return the messages; of long conversations the latest ones, and how many are left out."""
    texts: list[str] = []
    chars = left_out = 0
    for turn in rows.turns_back(row["input_message_id"]):
        text = json.dumps(_message(turn), ensure_ascii=False)
        chars += len(text)
        if texts and chars > INPUT_CHARS:
            left_out = turn["depth"] + 1
            break
        texts.append(text)
    said = [rows.messages[i] for i in row["output_message_ids"] or () if i in rows.messages]
    tools = rows.tools.get(row["tools_hash"] or "")
    return {
        "gen_ai.input.messages": f"[{','.join(reversed(texts))}]" if texts else None,
        "secondtake.input_messages_left_out": left_out or None,
        "gen_ai.output.messages": as_text([_message(turn) for turn in said]) if said else None,
        "gen_ai.tool.definitions": as_text(tools),
    }


def _message(turn: Row) -> dict[str, Any]:
    """Return a turn as `{role, parts}`."""
    name = {"name": turn["name"]} if turn["name"] is not None else {}
    if turn["tool_call_id"] is not None:
        answer = {"type": "tool_call_response", "id": turn["tool_call_id"]}
        return {"role": turn["role"], **name, "parts": [{**answer, "response": content_of(turn)}]}
    parts = [*_parts(content_of(turn)), *_tool_calls(turn["tool_calls"])]
    return {"role": turn["role"], **name, "parts": parts}


def _parts(content: Any) -> list[Mapping[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    parts: Sequence[Any] = content if is_list(content) else []
    return [_part(part) for part in parts]


def _part(part: Any) -> Mapping[str, Any]:
    """Return a part by the conventions' name; one that they do not know stays as it is."""
    if isinstance(part, str):
        return {"type": "text", "content": part}
    if not is_object(part):
        return {"type": "unknown", "content": part}
    if part.get("type") == "text":
        return {"type": "text", "content": part.get("text")}
    return part


def _tool_calls(calls: Any) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    for call in calls if is_list(calls) else []:
        function: Any = call.get("function") if is_object(call) else None
        if is_object(function):
            asked = {"name": function.get("name"), "arguments": function.get("arguments")}
            found.append({"type": "tool_call", "id": call.get("id"), **asked})
    return found
