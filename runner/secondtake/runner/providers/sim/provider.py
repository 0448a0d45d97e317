"""`sim/strong`, `sim/fast` and `sim/weak` behind LiteLLM, as a custom provider.

    register()
    litellm.completion(model="sim/strong", messages=[...])

This module loads LiteLLM when `register` is called, not when it is imported.
"""

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from secondtake.runner.providers.sim.brain import Answer, UnknownModelError, answer
from secondtake.runner.providers.sim.latency import NONE, Latency, latency_of, wait, wait_async
from secondtake.runner.providers.sim.wire import Chunk, chunks_of, fill_response
from secondtake.runner.settings import load_settings

if TYPE_CHECKING:
    from litellm.llms.custom_llm import CustomLLM
    from litellm.types.utils import ModelResponse  # pyright: ignore[reportMissingTypeStubs]

PROVIDER: Final = "sim"
_lock = threading.Lock()


def register(*, latency: bool | None = None) -> None:
    """Make the simulated models known to LiteLLM; calling it again only sets the latency.

    Args:
        latency: Whether answers take time; None for the setting `sim_latency`.
    """
    with_latency = load_settings().sim_latency if latency is None else latency
    install(PROVIDER, _handler_class()(with_latency=with_latency))


def install(provider: str, handler: "CustomLLM") -> None:
    """Give LiteLLM a handler for models named `<provider>/...`, in place of an earlier one."""
    import litellm
    from litellm.utils import custom_llm_setup

    with _lock:
        others = [i for i in litellm.custom_provider_map if i["provider"] != provider]
        # A new list, not a change of the old one: LiteLLM may be iterating over it.
        litellm.custom_provider_map = [
            *others, {"provider": provider, "custom_handler": handler},
        ]  # fmt: skip
        custom_llm_setup()  # type: ignore[no-untyped-call]


def split_parameters(
    optional_params: Mapping[str, Any],
) -> tuple[Sequence[Mapping[str, Any]], dict[str, Any]]:
    """Return the tool definitions and the other parameters of a request to a provider."""
    parameters = {k: v for k, v in optional_params.items() if k not in {"tools", "stream"}}
    return optional_params.get("tools") or (), parameters


def timeout_seconds(timeout: Any) -> float | None:
    """Return a time-out in seconds, given as a number or as an `httpx.Timeout`."""
    if isinstance(timeout, int | float):
        return float(timeout)
    read: Any = getattr(timeout, "read", None)
    return float(read) if isinstance(read, int | float) else None


@cache
def _handler_class() -> "Callable[..., CustomLLM]":
    """Build the class at first use: its base is LiteLLM's."""
    from litellm.llms.custom_llm import CustomLLM

    class SimulatedModels(CustomLLM):
        """LiteLLM's four entry points, over `brain.answer`."""

        def __init__(self, *, with_latency: bool) -> None:
            super().__init__()
            self.with_latency = with_latency

        def completion(  # type: ignore[override]
            self, *, model_response: "ModelResponse", **request: Any
        ) -> "ModelResponse":
            given, latency = _ask(request, with_latency=self.with_latency)
            wait(_within_timeout(latency.total_s(given.completion_tokens), request))
            return fill_response(model_response, given, model=request["model"])

        async def acompletion(  # type: ignore[override]
            self, *, model_response: "ModelResponse", **request: Any
        ) -> "ModelResponse":
            given, latency = _ask(request, with_latency=self.with_latency)
            await wait_async(_within_timeout(latency.total_s(given.completion_tokens), request))
            return fill_response(model_response, given, model=request["model"])

        def streaming(  # type: ignore[override]
            self, **request: Any
        ) -> Iterator[Chunk]:
            given, latency = _ask(request, with_latency=self.with_latency, streamed=True)
            wait(_within_timeout(latency.first_token_s, request))
            for chunk, tokens in chunks_of(given):
                wait(tokens * latency.token_s)
                yield chunk

        async def astreaming(  # type: ignore[override]
            self, **request: Any
        ) -> AsyncIterator[Chunk]:
            given, latency = _ask(request, with_latency=self.with_latency, streamed=True)
            await wait_async(_within_timeout(latency.first_token_s, request))
            for chunk, tokens in chunks_of(given):
                await wait_async(tokens * latency.token_s)
                yield chunk

    return SimulatedModels


def _ask(
    request: Mapping[str, Any], *, with_latency: bool, streamed: bool = False
) -> tuple[Answer, Latency]:
    """Answer a request as LiteLLM passes it on, and say how long that takes.

    Raises:
        litellm.NotFoundError: there is no such model.
        litellm.BadRequestError: several choices are to be streamed.
    """
    from litellm.exceptions import BadRequestError, NotFoundError

    model = str(request["model"])
    tools, parameters = split_parameters(request["optional_params"])
    if streamed and int(parameters.get("n") or 1) > 1:
        raise BadRequestError(
            message="A simulated model streams one choice; leave out n.",
            model=model,
            llm_provider=PROVIDER,
        )
    try:
        given = answer(
            model=model, messages=request["messages"], tools=tools, parameters=parameters
        )
    except UnknownModelError as error:
        raise NotFoundError(message=str(error), model=model, llm_provider=PROVIDER) from None
    return given, latency_of(model, given) if with_latency else NONE


def _within_timeout(seconds: float, request: Mapping[str, Any]) -> float:
    """Return how long to wait; when that is too long, wait for the time-out and raise it."""
    limit_s = timeout_seconds(request.get("timeout"))
    if limit_s is None or seconds <= limit_s:
        return seconds
    from litellm.exceptions import Timeout

    wait(limit_s)
    raise Timeout(
        message=f"The simulated model needs {seconds:.2f} s; the time-out is {limit_s:g} s.",
        model=str(request["model"]),
        llm_provider=PROVIDER,
    )
