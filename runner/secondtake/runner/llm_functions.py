"""Reads requests and answers of a user's own LLM functions, whatever client made them.

An answer may be text, an `LlmResponse`, or an object in the form of OpenAI's chat completions
(LiteLLM's too) or of Anthropic's messages.
"""

import importlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

import orjson

from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens
from secondtake.runner.errors import UsageError
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.providers.usage import anthropic_tokens, openai_chat_tokens

REQUEST_KEYS: Final = ("model", "messages", "prompt", "tools", "stream")
OPENAI_FORMS: Final = {"dict": "dict", "openai": "openai", "litellm": "litellm"}
ANTHROPIC_FORMS: Final = {"dict": "anthropic_dict", "anthropic": "anthropic"}
CHUNKS: Final = {"litellm": "litellm_chunks", "openai": "openai_chunks"}
"""Forms of streams, by the library whose chunks they are of."""
PIECES: Final = "pieces"
"""Under which name `extra` has the lengths of the texts of a stream that was closed early."""
USAGE_ALONE: Final = "usage_alone"
"""Whether a stream brought its usage in a chunk without choices."""
OTHER: Final = "other"
"""A form that cannot be given again."""
NOT_SENT: Final = ("api_key", "api_base", "base_url", "client", "timeout", "extra_headers")
"""Arguments that say how to reach the model and do not change its answer."""


def llm_request_of(arguments: Mapping[str, Any], *, model: str | None) -> LlmRequest:
    """Return the request that a function's arguments make; `model` where they name none."""
    messages = arguments.get("messages")
    if messages is None:
        messages = [{"role": "user", "content": str(arguments.get("prompt", ""))}]
    parameters = {
        key: value
        for key, value in arguments.items()
        if key not in REQUEST_KEYS and key not in NOT_SENT and value is not None
    }
    return LlmRequest(
        model=str(arguments.get("model") or model or "unknown"),
        messages=[_as_mapping(message) for message in messages],
        tools=list(arguments.get("tools") or ()),
        parameters=parameters,
        stream=bool(arguments.get("stream")),
    )


def describe_answer(answer: Any) -> LlmResponse:
    """Return what an LLM function gave back as an `LlmResponse`.

    Its `extra` says the form, so that a replay can give it alike; see `rebuilt_answer`.
    """
    if isinstance(answer, LlmResponse):
        return answer
    if isinstance(answer, str) or answer is None:
        return _formed(LlmResponse(messages=[{"role": "assistant", "content": answer}]), "text")
    body = _as_mapping(answer)
    library = "dict" if isinstance(answer, Mapping) else _library_of(answer)
    if isinstance(body.get("choices"), Sequence):
        return _formed(_openai_answer(body, answer), OPENAI_FORMS.get(library, OTHER))
    if isinstance(body.get("content"), list):
        return _formed(_anthropic_answer(body), ANTHROPIC_FORMS.get(library, OTHER))
    text = _text(to_json_value(answer))
    return _formed(LlmResponse(messages=[{"role": "assistant", "content": text}]), OTHER)


def form_of(response: LlmResponse) -> str | None:
    """Return the form in which a user's function gave an answer; None for an `LlmResponse`."""
    form = (response.extra or {}).get("form")
    return None if form is None else str(form)


def rebuilt_answer(response: LlmResponse) -> Any:
    """Return a recorded answer in the form in which a user's function gave it.

    Raises:
        UsageError: the form is none that can be made.
    """
    form = form_of(response)
    if form is None:
        return response
    if form == "text":
        return response.message.get("content")
    if form == OTHER:
        raise UsageError("An answer of this form cannot be given again; use --stepwise.")
    body = _anthropic_body(response) if form.startswith("anthropic") else _openai_body(response)
    if form == "openai":
        from openai.types.chat import ChatCompletion

        return ChatCompletion.model_validate(body)
    if form == "litellm":
        litellm: Any = importlib.import_module("litellm")
        return litellm.ModelResponse(**body)
    if form == "anthropic":
        types: Any = importlib.import_module("anthropic.types")
        return types.Message.model_validate(body)
    return body


def _formed(response: LlmResponse, form: str) -> LlmResponse:
    return replace(response, extra={"form": form})


def _library_of(answer: Any) -> str:
    return type(answer).__module__.split(".", 1)[0]


def _openai_body(response: LlmResponse) -> dict[str, Any]:
    choices = [
        {
            "index": index,
            "finish_reason": response.finish_reason or "stop",
            "message": {"content": None, **message},
        }
        for index, message in enumerate(response.messages)
    ]
    body: dict[str, Any] = {
        "id": response.response_id or "recorded",
        "object": "chat.completion",
        "created": 0,
        "model": response.served_model or "",
        "choices": choices,
    }
    if response.usage is not None:
        body["usage"] = dict(response.usage)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    return body


def _anthropic_body(response: LlmResponse) -> dict[str, Any]:
    message = response.message
    content: list[dict[str, Any]] = []
    if message.get("content"):
        content.append({"type": "text", "text": message["content"]})
    for call in _objects(message.get("tool_calls") or []):
        function = _as_mapping(call.get("function"))
        content.append(
            {
                "type": "tool_use",
                "id": call.get("id"),
                "name": function.get("name"),
                "input": orjson.loads(str(function.get("arguments") or "{}")),
            }
        )
    return {
        "id": response.response_id or "recorded",
        "type": "message",
        "role": "assistant",
        "model": response.served_model or "",
        "content": content,
        "stop_reason": response.finish_reason,
        "stop_sequence": None,
        "usage": dict(response.usage or {"input_tokens": 0, "output_tokens": 0}),
    }


def _openai_answer(body: Mapping[str, Any], answer: Any) -> LlmResponse:
    choices = _objects(body["choices"])
    hidden = _objects([getattr(answer, "_hidden_params", None)])
    provider = hidden[0].get("custom_llm_provider") if hidden else None
    usage = body.get("usage")
    return LlmResponse(
        messages=[_without_nulls(choice.get("message") or {}) for choice in choices],
        finish_reason=choices[0].get("finish_reason") if choices else None,
        provider=provider or "openai",
        served_model=body.get("model"),
        response_id=body.get("id"),
        service_tier=body.get("service_tier"),
        usage=usage,
        tokens=openai_chat_tokens(usage) if usage else Tokens(),
    )


def _anthropic_answer(body: Mapping[str, Any]) -> LlmResponse:
    blocks = _objects(body["content"])
    text = "".join(str(block.get("text", "")) for block in blocks if block.get("type") == "text")
    calls = [
        {
            "id": block.get("id"),
            "type": "function",
            "function": {
                "name": block.get("name"),
                "arguments": _text(to_json_value(block.get("input", {}))),
            },
        }
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    usage = body.get("usage")
    return LlmResponse(
        messages=[message],
        finish_reason=body.get("stop_reason"),
        provider="anthropic",
        served_model=body.get("model"),
        response_id=body.get("id"),
        usage=usage,
        tokens=anthropic_tokens(usage) if usage else Tokens(),
    )


class StreamCollector:
    """Puts together what a streaming LLM function gives out: texts, or OpenAI's chunks."""

    def __init__(self) -> None:
        from secondtake.runner.providers.assistant import StreamedAnswer

        self._started_s = time.perf_counter()
        self._first_token_s: float | None = None
        self._texts: list[str] = []
        self._chunks = StreamedAnswer()
        self._usage: Mapping[str, Any] | None = None
        self._form: str | None = None
        self._is_usage_alone = False
        self._sizes: list[int] = []

    def add(self, chunk: Any) -> None:
        """Take the next piece."""
        if isinstance(chunk, str):
            self._first_token_s = self._first_token_s or time.perf_counter()
            self._texts.append(chunk)
            self._sizes.append(len(chunk))
            return
        self._chunks.add(chunk)
        self._form = self._form or CHUNKS.get(_library_of(chunk), OTHER)
        choices: Sequence[Any] = getattr(chunk, "choices", None) or ()
        text = getattr(choices[0].delta, "content", None) if choices else None
        if text:
            self._sizes.append(len(text))
        self._first_token_s = self._first_token_s or self._chunks.first_token_s
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self._usage = _as_mapping(usage)  # the last one counts, also beside choices
            self._is_usage_alone = not choices

    def response(self) -> LlmResponse:
        """Return what has arrived."""
        messages = self._chunks.messages()
        if self._texts or not messages:
            messages = [{"role": "assistant", "content": "".join(self._texts)}]
        form = "text" if self._texts else self._form or "text"
        first_s = self._first_token_s
        return LlmResponse(
            messages=messages,
            finish_reason=self._chunks.finish_reason,
            served_model=self._chunks.model,
            response_id=self._chunks.response_id,
            usage=self._usage,
            tokens=openai_chat_tokens(self._usage) if self._usage else Tokens(),
            time_to_first_token_ms=(first_s - self._started_s) * 1000 if first_s else None,
            extra={"form": form} | ({USAGE_ALONE: True} if self._is_usage_alone else {}),
        )

    def closed(self) -> LlmResponse:
        """Return what has arrived of a stream that is closed here, and in which pieces."""
        response = self.response()
        return replace(response, extra={**(response.extra or {}), PIECES: self._sizes})


def _objects(values: Any) -> list[Mapping[str, Any]]:
    return [cast(Mapping[str, Any], value) for value in values if isinstance(value, Mapping)]


def _as_mapping(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return cast(Mapping[str, Any], value)
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        dumped = dump(mode="json", exclude_none=True)
        if isinstance(dumped, Mapping):
            return cast(Mapping[str, Any], dumped)
    plain = to_json_value(value)
    if isinstance(plain, dict):
        return cast(dict[str, Any], plain)
    return {"role": "user", "content": _text(plain)}


def _without_nulls(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "assistant"} | {k: v for k, v in message.items() if v is not None}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
