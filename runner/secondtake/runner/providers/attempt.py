"""One request to a model through LiteLLM, with what the provider itself said about it.

LiteLLM's adapters make the request and read the answer; usage, finish reason, served model and
response id are taken from the wire where it could be listened to, because LiteLLM changes them
and invents what is missing.
"""

import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens
from secondtake.runner.context import current
from secondtake.runner.errors import RunStopped
from secondtake.runner.providers.answers import WireAnswer, read_events, read_json
from secondtake.runner.providers.assistant import StreamedAnswer, plain_message
from secondtake.runner.providers.failures import IncompleteAnswer, StreamError, describe_failure
from secondtake.runner.providers.library import load_litellm
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.providers.usage import READERS, read_usage, total_tokens
from secondtake.runner.providers.wire import (
    HANDLER_PROVIDERS,
    WIRELESS_PROVIDERS,
    WireTap,
    async_handler,
    listening,
    sync_handler,
)

OWN_ARGUMENTS: Final = frozenset(
    {
        "api_base", "api_key", "base_url", "caching", "client", "fallbacks", "max_retries",
        "messages", "model", "num_retries", "request_timeout", "stream", "stream_options",
        "timeout", "tools",
    }
)  # fmt: skip
"""Arguments of LiteLLM that a request's parameters may not hold."""
TIMEOUT_MIN_S: Final = 0.05


def execute(request: LlmRequest, policy: CallPolicy) -> LlmResponse:
    """Ask the model once.

    Raises:
        Exception: LiteLLM's, with `llm_failure` saying what went wrong.
        RunStopped: the run was stopped while the answer was streaming.
    """
    attempt = _Attempt(request, policy)
    try:
        with listening(attempt.tap):
            answer = attempt.litellm.completion(**attempt.arguments(asynchronous=False))
            if not request.stream:
                return attempt.plain(answer)
            for chunk in answer:
                attempt.add(chunk)
            return attempt.streamed(answer)
    except BaseException as error:  # noqa: BLE001 - raised on
        attempt.tap.close()
        answer = attempt.without_message() if isinstance(error, Exception) else None
        if answer is not None:
            return answer
        raise attempt.failed(error) from error.__cause__


async def aexecute(request: LlmRequest, policy: CallPolicy) -> LlmResponse:
    """Ask the model once, asynchronously; see `execute`."""
    attempt = _Attempt(request, policy)
    try:
        with listening(attempt.tap):
            answer = await attempt.litellm.acompletion(**attempt.arguments(asynchronous=True))
            if not request.stream:
                return attempt.plain(answer)
            async for chunk in answer:
                attempt.add(chunk)
            return attempt.streamed(answer)
    except BaseException as error:  # noqa: BLE001 - raised on
        await attempt.tap.aclose()
        answer = attempt.without_message() if isinstance(error, Exception) else None
        if answer is not None:
            return answer
        raise attempt.failed(error) from error.__cause__


class _Attempt:
    """What is known of one attempt while it is made."""

    def __init__(self, request: LlmRequest, policy: CallPolicy) -> None:
        self.litellm = load_litellm()
        self._request = request
        self._policy = policy
        self._timeout_s = _timeout_s(policy)
        self._started_s = time.perf_counter()
        self.tap = WireTap(deadline_s=time.monotonic() + self._timeout_s)
        self._stream = StreamedAnswer()
        self._provider: str | None = None

    def arguments(self, *, asynchronous: bool) -> dict[str, Any]:
        """Return the arguments of `litellm.completion`.

        LiteLLM's own retries are off: every attempt must be a row. Its cache is off: an answer
        out of it would look like one of the provider. `drop_params` stays off: a parameter that
        a model does not know is an error, not silently left out, so that the recorded request is
        the one that was made.
        """
        request, policy = self._request, self._policy
        _, self._provider, _, _ = self.litellm.get_llm_provider(
            model=request.model, api_base=policy.api_base
        )
        arguments: dict[str, Any] = {
            **deepcopy(dict(request.parameters)),  # adapters write into what they are given
            "model": request.model,
            "messages": deepcopy([dict(message) for message in request.messages]),
            "timeout": self._timeout_s,
            "num_retries": 0,
            "max_retries": 0,
            "caching": False,
        }
        if request.tools:
            arguments["tools"] = deepcopy([dict(tool) for tool in request.tools])
        if request.stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        if policy.api_base is not None:
            arguments["api_base"] = policy.api_base
        if policy.api_key is not None:
            arguments["api_key"] = policy.api_key
        if self._provider in HANDLER_PROVIDERS:
            arguments["client"] = async_handler() if asynchronous else sync_handler()
        return arguments

    def add(self, chunk: Any) -> None:
        """Take a chunk of the stream; stop when the run was stopped."""
        self._stream.add(chunk)
        here = current()
        if here is not None:
            here.run.check_stop()

    def plain(self, answer: Any) -> LlmResponse:
        """Return a plain answer of LiteLLM's."""
        choices = list(answer.choices)
        return self._response(
            [plain_message(choice.message) for choice in choices],
            finish_reason=choices[0].finish_reason if choices else None,
            response_id=answer.id,
            model=answer.model,
            usage=_dumped(getattr(answer, "usage", None)),
            wire=self._plain_wire(),
        )

    def without_message(self) -> LlmResponse | None:
        """Return an answer that has no message at all, which LiteLLM refuses to read.

        Azure sends such when a filter cut the answer; its tokens are billed.
        """
        wire = self._plain_wire()
        if wire is None or not wire.message_missing:
            return None
        message = {"role": "assistant", "content": None}
        return self._response([message], wire=wire)

    def streamed(self, answer: Any) -> LlmResponse:
        """Return what a stream came to.

        Raises:
            StreamError: it held an error event.
            IncompleteAnswer: it stopped before its end.
        """
        wire = self._streamed_wire()
        if wire is not None and wire.error is not None:
            raise StreamError(wire.error)
        if wire is not None and not wire.complete:
            raise IncompleteAnswer("the stream ended before the answer did")
        return self._streamed_response(wire, usage=_stream_usage(answer))

    def failed(self, error: BaseException) -> BaseException:
        """Return the exception to raise, with what is known attached as `llm_failure`."""
        if isinstance(error, RunStopped):
            # One such exception stops all calls of the run; what arrived belongs to this one.
            error = type(error)(error.message)
        else:
            error = getattr(error, "original_exception", None) or error
        wire = self._streamed_wire() or self._plain_wire()
        if wire is not None and wire.error is not None and not isinstance(error, StreamError):
            error = _caused(StreamError(wire.error), error)
        # Also an answer that came whole and that LiteLLM could not read has its usage billed.
        arrived = self._stream.messages() or (wire is not None and wire.usage is not None)
        failure = describe_failure(
            error,
            self.tap,
            provider=self._provider,
            partial=self._streamed_response(wire, usage=None) if arrived else None,
        )
        error.llm_failure = failure  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
        return error

    def _plain_wire(self) -> WireAnswer | None:
        if self.tap.status != 200 or self.tap.is_stream:
            return None
        return read_json(self.tap.body())

    def _streamed_wire(self) -> WireAnswer | None:
        return read_events(self.tap.body()) if self.tap.is_stream else None

    def _streamed_response(
        self, wire: WireAnswer | None, *, usage: Mapping[str, Any] | None
    ) -> LlmResponse:
        first_s = self._stream.first_token_s
        return self._response(
            self._stream.messages(wire.refusals if wire else None),
            finish_reason=self._stream.finish_reason,
            response_id=self._stream.response_id,
            model=self._stream.model,
            usage=usage,
            wire=wire,
            time_to_first_token_ms=(first_s - self._started_s) * 1000 if first_s else None,
        )

    def _response(
        self,
        messages: list[dict[str, Any]],
        *,
        finish_reason: str | None = None,
        response_id: str | None = None,
        model: str | None = None,
        usage: Mapping[str, Any] | None = None,
        wire: WireAnswer | None,
        time_to_first_token_ms: float | None = None,
    ) -> LlmResponse:
        """Put an answer together; `usage` is LiteLLM's, None where it would be invented."""
        simulated = self._provider in WIRELESS_PROVIDERS
        if wire is not None:
            return LlmResponse(
                messages=messages,
                finish_reason=wire.finish_reason,
                provider=self._provider,
                served_model=wire.served_model,
                response_id=wire.response_id,
                service_tier=wire.service_tier,
                usage=wire.usage,
                tokens=self._tokens(wire.usage, usage),
                time_to_first_token_ms=time_to_first_token_ms,
                reported_cost_usd=_reported_cost(wire.usage, self._provider),
                simulated=simulated,
            )
        tokens = read_usage(usage, provider=self._provider) if simulated else total_tokens(usage)
        if not simulated and usage is not None:
            tokens = replace(tokens, note="usage as LiteLLM words it, not as the provider did")
        return LlmResponse(
            messages=messages,
            finish_reason=finish_reason,
            provider=self._provider,
            served_model=_without_provider(model, self._provider),
            response_id=response_id,
            usage=usage,
            tokens=tokens,
            time_to_first_token_ms=time_to_first_token_ms,
            simulated=simulated,
        )

    def _tokens(
        self, wire_usage: Mapping[str, Any] | None, usage: Mapping[str, Any] | None
    ) -> Tokens:
        if wire_usage is None:
            return Tokens()  # LiteLLM would have counted them itself
        if self._provider in READERS:
            return read_usage(wire_usage, provider=self._provider)
        return total_tokens(usage)


def _timeout_s(policy: CallPolicy) -> float:
    here = current()
    left_s = here.run.remaining_s() if here is not None else None
    if left_s is None:
        return policy.timeout_s
    # Whole seconds, because OpenAI's SDK makes a client of its own for every time-out.
    return max(min(policy.timeout_s, float(-(-left_s // 1))), TIMEOUT_MIN_S)


def _stream_usage(answer: Any) -> Mapping[str, Any] | None:
    """Return the last usage that a provider sent in a stream, as LiteLLM words it.

    LiteLLM keeps those in its `chunks`; the usage of the chunk that it adds at the end it may
    have counted itself.
    """
    usages = [getattr(chunk, "usage", None) for chunk in getattr(answer, "chunks", None) or ()]
    return _dumped(next((usage for usage in reversed(usages) if usage is not None), None))


def _dumped(usage: Any) -> Mapping[str, Any] | None:
    return usage.model_dump(exclude_none=True) if usage is not None else None


def _without_provider(model: str | None, provider: str | None) -> str | None:
    return model.removeprefix(f"{provider}/") if model and provider else model


def _reported_cost(usage: Mapping[str, Any] | None, provider: str | None) -> Decimal | None:
    """Return the US dollars that OpenRouter says a call cost (its `usage.cost`)."""
    cost = (usage or {}).get("cost") if provider == "openrouter" else None
    if isinstance(cost, bool) or not isinstance(cost, int | float):
        return None
    try:
        return Decimal(str(cost)).quantize(Decimal("1e-9"))
    except InvalidOperation:
        return None


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error
