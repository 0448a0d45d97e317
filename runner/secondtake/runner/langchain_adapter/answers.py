"""What a LangChain chat model answered, as an `LlmResponse`, and made again of one.

The answer is recorded in OpenAI's form like every other; what that form has no place for goes
beside it into `extra`, so that the very same LangChain object can be made of the two.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import BaseModel

from secondtake.runner.calls import LlmResponse
from secondtake.runner.context import current
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.langchain_adapter.observing import observe_only
from secondtake.runner.langchain_adapter.said import said
from secondtake.runner.langchain_adapter.usage import usage_of
from secondtake.runner.llm_functions import PIECES
from secondtake.runner.llm_streams import pieces_of
from secondtake.runner.narrow import is_list, is_object

EXTRA: Final = "langchain"
"""Under which name `extra` holds what is LangChain's own."""
REASONS: Final = ("finish_reason", "stop_reason", "done_reason", "status")
NAMES: Final = ("model_name", "model", "model_id")
PARSED: Final = "parsed"
"""Where LangChain keeps the object that an answer was parsed to."""
SAME_USAGE: Final = "$usage"
"""Stands for the usage, which the call has a field of its own for."""
OWN: Final = ("additional_kwargs", "response_metadata", "usage_metadata", "id", "name")


def describe_result(result: ChatResult) -> LlmResponse:
    """Return what a model answered; several generations are several choices."""
    messages = [generation.message for generation in result.generations]
    own = [
        _own(generation.message) | _info(generation.generation_info)
        for generation in result.generations
    ]
    about = _about(result)
    output: Mapping[str, Any] = result.llm_output or {}
    extra: dict[str, Any] = {"generations": own}
    first = messages[0] if messages else None
    usage, tokens = usage_of(first if isinstance(first, AIMessage) else AIMessage(""), output)
    if output:
        extra["llm_output"] = {
            name: SAME_USAGE if value == usage else to_json_value(value)
            for name, value in output.items()
        }
    return LlmResponse(
        messages=[said(message) for message in messages],
        finish_reason=_first(about, REASONS),
        provider=provider_of(about.get("model_provider")),
        served_model=_first(about, NAMES),
        response_id=_response_id(about, first),
        service_tier=_text(about.get("service_tier")),
        usage=to_json_value(usage),
        tokens=tokens,
        extra={EXTRA: extra},
    )


def rebuild_result(response: LlmResponse, *, schema: Any = None) -> ChatResult:
    """Return what the model gave of what was recorded; `schema` is what an answer was parsed as."""
    own = _recorded(response)
    each: list[dict[str, Any]] = own.get("generations") or []
    generations = [
        ChatGeneration(
            message=_message(message, each[index] if index < len(each) else None, response),
            generation_info=each[index].get("generation_info") if index < len(each) else None,
        )
        for index, message in enumerate(response.messages)
    ]
    for generation in generations:
        _parse(generation.message, schema)
    output: Any = own.get("llm_output")
    if is_object(output):
        usage: Any = dict(response.usage) if response.usage else None
        output = {k: usage if v == SAME_USAGE else v for k, v in output.items()}
    return ChatResult(generations=generations, llm_output=output)


def rebuild_chunks(response: LlmResponse, *, schema: Any = None) -> list[ChatGenerationChunk]:
    """Return the pieces of a streamed answer of what was recorded: one piece, all of it.

    Of a stream that was closed early each text is a piece as it was.
    """
    result = rebuild_result(response, schema=schema)
    whole = [
        ChatGenerationChunk(
            message=_chunk(cast(AIMessage, generation.message)),
            generation_info=generation.generation_info,
        )
        for generation in result.generations[:1]
    ]
    texts = [] if not whole else pieces_of(response, whole[0].text)
    if len(texts) < 2 or not isinstance(whole[0].message.content, str):
        return whole
    message = whole[0].message
    about: dict[str, Any] = {"id": message.id, "response_metadata": message.response_metadata}
    begun = [
        ChatGenerationChunk(message=AIMessageChunk(content=text, **about)) for text in texts[:-1]
    ]
    last = message.model_copy(update={"content": texts[-1], "chunk_position": None})
    info = whole[0].generation_info
    return [*begun, ChatGenerationChunk(message=last, generation_info=info)]


class ChunkCollector:
    """Puts the pieces of a streamed answer together."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()
        self._first_s: float | None = None
        self._chunks: list[ChatGenerationChunk] = []

    def add(self, chunk: ChatGenerationChunk, /) -> None:
        """Take the next piece."""
        message = chunk.message
        calls = isinstance(message, AIMessageChunk) and message.tool_call_chunks
        if self._first_s is None and (message.content or calls):
            self._first_s = time.perf_counter()
        self._chunks.append(chunk)

    def arrived(self) -> LlmResponse | None:
        """Return what has arrived; None when nothing has."""
        return self.response() if self._chunks else None

    def response(self) -> LlmResponse:
        """Return what has arrived."""
        from dataclasses import replace

        from langchain_core.messages import message_chunk_to_message

        if not self._chunks:
            return LlmResponse(messages=[{"role": "assistant", "content": ""}])
        whole = self._chunks[0]
        for chunk in self._chunks[1:]:
            whole = whole + chunk
        message = message_chunk_to_message(whole.message)
        generation = ChatGeneration(message=message, generation_info=whole.generation_info)
        found = describe_result(ChatResult(generations=[generation]))
        first_s = self._first_s
        first_ms = None if first_s is None else (first_s - self._started_s) * 1000
        return replace(found, time_to_first_token_ms=first_ms)

    def closed(self) -> LlmResponse:
        """Return what has arrived of a stream that is closed here, and in which pieces."""
        from dataclasses import replace

        response = self.response()
        sizes = [len(chunk.text) for chunk in self._chunks if chunk.text]
        return replace(response, extra={**(response.extra or {}), PIECES: sizes})


def provider_of(name: Any) -> str | None:
    """Return LiteLLM's name of a provider that LangChain names."""
    if not isinstance(name, str) or not name:
        return None
    return PROVIDERS.get(name, name)


PROVIDERS: Final = {
    "amazon_bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "fireworks": "fireworks_ai",
    "google_anthropic_vertex": "vertex_ai",
    "google_genai": "gemini",
    "google_vertexai": "vertex_ai",
    "ibm": "watsonx",
    "mistralai": "mistral",
    "nvidia": "nvidia_nim",
    "together": "together_ai",
}
"""LiteLLM's names of the providers that LangChain names otherwise."""


def _own(message: BaseMessage) -> dict[str, Any]:
    """Return what OpenAI's form does not say of a message."""
    found = {name: getattr(message, name, None) for name in OWN}
    own = {name: _kept(value) for name, value in found.items() if value}
    if not isinstance(message.content, str):
        own["content"] = _kept(message.content)
    # Arguments come back from their JSON text; the broken ones carry why they are.
    if isinstance(message, AIMessage) and message.invalid_tool_calls:
        own["tool_calls"] = to_json_value(message.tool_calls)
        own["invalid_tool_calls"] = to_json_value(message.invalid_tool_calls)
    return own


def _info(generation_info: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"generation_info": _kept(generation_info)} if generation_info else {}


def _kept(value: Any) -> Any:
    """Return a value as JSON; what JSON has not cannot be given again, and the run says so."""
    plain = to_json_value(value)
    compared: Any = value
    if is_object(value) and PARSED in value:  # made again of the schema that the call names
        compared = {**value, PARSED: plain[PARSED]}
    try:
        is_same = bool(plain == compared)
    except Exception:  # noqa: BLE001 - an array of numbers has no one truth
        is_same = False
    here = current()
    if here is not None and not is_same:
        observe_only(here, "a model's answer holds objects that are no JSON")
    return plain


def _parse(message: BaseMessage, schema: Any) -> None:
    """Make the object again that OpenAI's client made of a structured answer."""
    parsed = message.additional_kwargs.get(PARSED)
    if is_object(parsed) and isinstance(schema, type) and issubclass(schema, BaseModel):
        message.additional_kwargs[PARSED] = schema.model_validate(parsed)


def _about(result: ChatResult) -> dict[str, Any]:
    """Return all that is said about an answer, the most special last."""
    about: dict[str, Any] = dict(result.llm_output or {})
    if result.generations:
        first = result.generations[0]
        about |= first.generation_info or {}
        about |= first.message.response_metadata
    return about


def _response_id(about: Mapping[str, Any], message: BaseMessage | None) -> str | None:
    found = _text(about.get("id"))
    if found is None and message is not None and message.id:
        # `lc_run--...` is LangChain's own.
        found = None if message.id.startswith(("lc_", "run-")) else message.id
    return found


def _recorded(response: LlmResponse) -> dict[str, Any]:
    own: Any = (response.extra or {}).get(EXTRA)
    return own if is_object(own) else {}


def _message(
    recorded: Mapping[str, Any], own: Mapping[str, Any] | None, response: LlmResponse
) -> AIMessage:
    if own is None:  # recorded by another adapter, or edited by hand
        own = _metadata(response)
    calls, broken = own.get("tool_calls"), own.get("invalid_tool_calls")
    if calls is None:
        calls, broken = _calls(recorded.get("tool_calls"))
    content: Any = own.get("content")
    if content is None:
        content = recorded.get("content") or ""
    fields = {name: own[name] for name in OWN if name in own}
    return AIMessage(content=content, tool_calls=calls, invalid_tool_calls=broken or [], **fields)


def _metadata(response: LlmResponse) -> dict[str, Any]:
    about = {
        "finish_reason": response.finish_reason,
        "model_name": response.served_model,
        "model_provider": response.provider,
    }
    metadata = {name: value for name, value in about.items() if value is not None}
    found: dict[str, Any] = {"response_metadata": metadata}
    given, made = response.tokens.input_tokens, response.tokens.output_tokens
    if given is not None and made is not None:
        found["usage_metadata"] = {
            "input_tokens": given,
            "output_tokens": made,
            "total_tokens": given + made,
        }
    return found


def _calls(recorded: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the tool calls of a recorded message, and those whose arguments are no object."""
    calls: list[dict[str, Any]] = []
    broken: list[dict[str, Any]] = []
    for call in recorded if is_list(recorded) else []:
        function: dict[str, Any] = call.get("function") or {}
        text: str = function.get("arguments") or "{}"
        about: dict[str, Any] = {"name": function.get("name"), "id": call.get("id")}
        try:
            arguments = json.loads(text)
        except ValueError:
            arguments = None
        if is_object(arguments):
            calls.append({**about, "args": arguments, "type": "tool_call"})
        else:
            broken.append({**about, "args": text, "error": None, "type": "invalid_tool_call"})
    return calls, broken


def _chunk(message: AIMessage) -> AIMessageChunk:
    pieces = [
        tool_call_chunk(
            name=call.get("name"),
            args=_arguments(call.get("args")),
            id=call.get("id"),
            index=index,
        )
        for index, call in enumerate([*message.tool_calls, *message.invalid_tool_calls])
    ]
    return AIMessageChunk(
        content=message.content,
        additional_kwargs=message.additional_kwargs,
        response_metadata=message.response_metadata,
        usage_metadata=message.usage_metadata,
        id=message.id,
        name=message.name,
        tool_call_chunks=pieces,
        chunk_position="last",
    )


def _arguments(given: Any) -> str | None:
    return given if given is None or isinstance(given, str) else json.dumps(given)


def _first(about: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((text for name in names if (text := _text(about.get(name)))), None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
