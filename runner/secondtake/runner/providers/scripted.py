"""`ScriptedModel`: a model that answers what a test wrote down, through LiteLLM's real path.

    with ScriptedModel([tool_call("search", query="heat"), "Heat pumps move heat."]) as model:
        litellm.completion(model=model.name, messages=[...])     # the call of `search`
        litellm.completion(model=model.name, messages=[...])     # the text
    assert model.requests[1].messages[-1]["role"] == "tool"

Outputs are given one a request, in order, whatever thread asks. Retries are requests too.
"""

import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Self, cast

from secondtake.runner.errors import UsageError
from secondtake.runner.providers.library import load_litellm
from secondtake.runner.providers.sim.brain import Answer, Choice, WrittenCall
from secondtake.runner.providers.sim.fill import json_text
from secondtake.runner.providers.sim.provider import install, split_parameters
from secondtake.runner.providers.sim.tokens import count_prompt_tokens
from secondtake.runner.providers.sim.wire import Chunk, chunks_of, fill_response

if TYPE_CHECKING:
    from litellm.llms.custom_llm import CustomLLM
    from litellm.types.utils import ModelResponse  # pyright: ignore[reportMissingTypeStubs]

PROVIDER: Final = "scripted"


@dataclass(frozen=True, kw_only=True)
class ScriptedRequest:
    """A request as the model saw it."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    stream: bool = False


class ScriptedCall(NamedTuple):
    """A tool call to answer with; `tool_call` writes it shorter."""

    name: str
    arguments: Mapping[str, Any] | str
    """A text is sent as it is, so that a broken call can be scripted."""


@dataclass(frozen=True, kw_only=True)
class ScriptedAnswer:
    """An answer in full: text and calls together, a finish reason, a stream that breaks."""

    text: str | None = None
    calls: Sequence[ScriptedCall] = ()
    finish_reason: str | None = None
    reasoning_tokens: int = 0
    error: "Exception | ScriptedError | None" = None
    """Raised after `error_after_chunks` chunks of a stream; before a plain answer."""
    error_after_chunks: int = 0


@dataclass(frozen=True, kw_only=True)
class ScriptedError:
    """What a provider answers instead: an HTTP status, mapped to LiteLLM's exception for it."""

    status: int
    """400, 401, 404, 408 (a time-out), 429, 500, 503, ..."""
    message: str = "scripted"
    retry_after_s: float | None = None


Output = (
    str
    | ScriptedCall
    | Sequence[ScriptedCall]
    | Mapping[str, Any]
    | ScriptedAnswer
    | ScriptedError
    | BaseException
    | Callable[[ScriptedRequest], Any]
)
"""A text, one or several tool calls, an object (sent as JSON; pydantic models too), an answer
in full, an error or exception, or a function of the request that returns one of these."""


def tool_call(name: str, /, **arguments: Any) -> ScriptedCall:
    """Return a call of a tool with these arguments."""
    return ScriptedCall(name, arguments)


def rate_limit(*, retry_after_s: float | None = None) -> ScriptedError:
    """Return the error of a provider that asks to slow down (HTTP 429)."""
    return ScriptedError(status=429, message="rate limit", retry_after_s=retry_after_s)


class ScriptedModel:
    """A deterministic model for tests, as `scripted/<name>`.

    It answers between `register` and `unregister`, or inside a `with` block.
    """

    _models: ClassVar[dict[str, "ScriptedModel"]] = {}
    _registry_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, outputs: Sequence[Any], *, name: str = "model") -> None:
        """Take the outputs, one a request; each is an `Output`."""
        self.name = f"{PROVIDER}/{name}"
        self._short_name = name
        self._outputs = list(outputs)
        self._requests: list[ScriptedRequest] = []
        self._lock = threading.Lock()

    @property
    def requests(self) -> list[ScriptedRequest]:
        """The requests so far, in the order in which they came."""
        with self._lock:
            return list(self._requests)

    @property
    def remaining(self) -> int:
        """How many outputs were not asked for yet."""
        with self._lock:
            return max(0, len(self._outputs) - len(self._requests))

    def register(self) -> Self:
        """Make the model known to LiteLLM under `name`.

        Raises:
            UsageError: another scripted model has the name.
        """
        load_litellm()
        with ScriptedModel._registry_lock:
            if ScriptedModel._models.get(self._short_name, self) is not self:
                raise UsageError(f"There is a {self.name} already; give this one another name.")
            ScriptedModel._models[self._short_name] = self
            install(PROVIDER, _handler_class()())
        return self

    def unregister(self) -> None:
        """Forget the model; requests for it fail from now on."""
        with ScriptedModel._registry_lock:
            if ScriptedModel._models.get(self._short_name) is self:
                del ScriptedModel._models[self._short_name]

    def __enter__(self) -> Self:
        return self.register()

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unregister()

    @classmethod
    def named(cls, name: str) -> "ScriptedModel | None":
        """Return the registered model of that name."""
        with cls._registry_lock:
            return cls._models.get(name)

    def next_answer(self, request: ScriptedRequest) -> ScriptedAnswer:
        """Take the request and return what the script has for it.

        Raises:
            BaseException: the script says so, or it is used up (`litellm.BadRequestError`, which
                no retry repeats).
        """
        with self._lock:
            index = len(self._requests)
            self._requests.append(request)
        if index >= len(self._outputs):
            raise _http_error(
                ScriptedError(
                    status=400,
                    message=f"The script of {self.name} is used up: it has {len(self._outputs)} "
                    f"output(s) and this is request {index + 1}; add an output.",
                ),
                self._short_name,
            )
        output: Any = self._outputs[index]
        if callable(output) and not isinstance(output, type):
            output = output(request)
        return _as_answer(output)


def _as_answer(output: Any) -> ScriptedAnswer:
    if isinstance(output, ScriptedAnswer):
        return output
    if isinstance(output, ScriptedError | Exception):
        return ScriptedAnswer(error=output)
    if isinstance(output, BaseException):
        raise output
    if isinstance(output, type) and issubclass(output, BaseException):
        return _as_answer(output())
    if output is None or isinstance(output, str):
        return ScriptedAnswer(text=output)
    if isinstance(output, ScriptedCall):
        return ScriptedAnswer(calls=(output,))
    if isinstance(output, list | tuple) and output:
        items = cast(Sequence[Any], output)
        if all(isinstance(item, ScriptedCall) for item in items):
            return ScriptedAnswer(calls=tuple(items))
    return ScriptedAnswer(text=json_text(output))


def _written(answer: ScriptedAnswer, request: ScriptedRequest, index: int) -> Answer:
    digest = hashlib.sha256(f"{request.model}/{index}".encode()).hexdigest()
    calls = tuple(
        WrittenCall(
            id=f"call_{digest[:20]}{number:02d}",
            name=call.name,
            arguments=call.arguments if isinstance(call.arguments, str)
            else json_text(dict(call.arguments)),
        )
        for number, call in enumerate(answer.calls)
    )  # fmt: skip
    choice = Choice(
        text=answer.text,
        calls=calls,
        finish_reason=answer.finish_reason or ("tool_calls" if calls else "stop"),
        reasoning_tokens=answer.reasoning_tokens,
    )
    return Answer(
        response_id=f"chatcmpl-scripted-{digest[:24]}",
        choices=(choice,),
        prompt_tokens=count_prompt_tokens(request.messages, request.tools),
    )


def _http_error(error: ScriptedError, model: str) -> Exception:
    """Return LiteLLM's exception for an HTTP status, with the response that it came from."""
    import httpx
    from litellm import exceptions

    classes: dict[int, Any] = {
        400: exceptions.BadRequestError,
        401: exceptions.AuthenticationError,
        403: exceptions.PermissionDeniedError,
        404: exceptions.NotFoundError,
        422: exceptions.UnprocessableEntityError,
        429: exceptions.RateLimitError,
        500: exceptions.InternalServerError,
        502: exceptions.BadGatewayError,
        503: exceptions.ServiceUnavailableError,
    }
    headers = {} if error.retry_after_s is None else {"retry-after": f"{error.retry_after_s:g}"}
    place = httpx.Request("POST", "https://scripted.invalid/v1/chat/completions")
    response = httpx.Response(error.status, headers=headers, request=place)
    message = error.message
    if error.status == 408:
        return exceptions.Timeout(message, model, PROVIDER, headers=headers)
    kind = classes.get(error.status)
    if kind is None:
        return exceptions.APIError(error.status, message, PROVIDER, model, request=place)
    made: Exception = kind(message, llm_provider=PROVIDER, model=model, response=response)
    return made


@cache
def _handler_class() -> "Callable[[], CustomLLM]":
    """Build the class at first use: its base is LiteLLM's."""
    from litellm.llms.custom_llm import CustomLLM

    class ScriptedModels(CustomLLM):
        """LiteLLM's four entry points; finds the scripted model by its name."""

        def completion(  # type: ignore[override]
            self, *, model_response: "ModelResponse", **request: Any
        ) -> "ModelResponse":
            script, written = _play(request, stream=False)
            _raise_error(script, request)
            return fill_response(model_response, written, model=request["model"])

        async def acompletion(  # type: ignore[override]
            self, *, model_response: "ModelResponse", **request: Any
        ) -> "ModelResponse":
            return self.completion(model_response=model_response, **request)

        def streaming(self, **request: Any) -> Iterator[Chunk]:  # type: ignore[override]
            script, written = _play(request, stream=True)
            for number, (chunk, _) in enumerate(chunks_of(written)):
                if number >= script.error_after_chunks:
                    _raise_error(script, request)
                yield chunk
            _raise_error(script, request)

        async def astreaming(  # type: ignore[override]
            self, **request: Any
        ) -> AsyncIterator[Chunk]:
            for chunk in self.streaming(**request):
                yield chunk

    return ScriptedModels


def _play(request: Mapping[str, Any], *, stream: bool) -> tuple[ScriptedAnswer, Answer]:
    name = str(request["model"])
    model = ScriptedModel.named(name)
    if model is None:
        message = f"There is no scripted model {name!r} now; use it inside its `with` block."
        raise _http_error(ScriptedError(status=404, message=message), name)
    tools, parameters = split_parameters(request["optional_params"])
    seen = ScriptedRequest(
        model=model.name,
        messages=deepcopy(list(request["messages"])),
        tools=tuple(tools),
        parameters=parameters,
        stream=stream,
    )
    script = model.next_answer(seen)
    return script, _written(script, seen, len(model.requests))


def _raise_error(script: ScriptedAnswer, request: Mapping[str, Any]) -> None:
    if isinstance(script.error, ScriptedError):
        raise _http_error(script.error, str(request["model"]))
    if script.error is not None:
        raise script.error
