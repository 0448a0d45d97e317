"""Asking a model: attempts, back-off and fallback models, each attempt a row of its own."""

import asyncio
from dataclasses import replace

from secondtake.runner import boundary
from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse
from secondtake.runner.context import current
from secondtake.runner.errors import UsageError
from secondtake.runner.providers.retry import SLICE_S, CallPolicy, RetryPlan, Step, wait
from secondtake.runner.replay.failures import is_recorded

DEFAULT_POLICY = CallPolicy()


def complete(request: LlmRequest, *, policy: CallPolicy = DEFAULT_POLICY) -> LlmResponse:
    """Ask a model until it answers or nothing is left to try.

    Failures that may pass (429, 5xx, time-outs, connections) are tried again with exponential
    back-off and jitter, honouring Retry-After; after that, and after failures that do not pass,
    the fallback models are asked in order. Each attempt goes through the boundary.

    Raises:
        UsageError: a parameter is not one that may be given.
        Exception: that of the last attempt, with `llm_failure` saying what went wrong.
        RunStopped: the run was stopped or has used up a limit.
    """
    from secondtake.runner.providers.attempt import execute
    from secondtake.runner.providers.library import load_litellm

    _check_parameters(request)
    plan = RetryPlan(request.model, policy)
    while True:
        asked, its_policy = _prepare(request, policy, plan.step)
        try:
            return boundary.call(
                asked,
                lambda: execute(asked, its_policy),  # noqa: B023 - called at once
                before=load_litellm,
            )
        except Exception as error:
            step = plan.after(_failure(error))
            if step is None or (is_recorded(error) and not policy.repeats_recorded):
                raise
            if is_recorded(error):
                continue
        wait(step.delay_s, sleep=policy.sleep, check=_check_stop)


async def acomplete(request: LlmRequest, *, policy: CallPolicy = DEFAULT_POLICY) -> LlmResponse:
    """Ask a model asynchronously; see `complete`. Waits with `asyncio.sleep`."""
    from secondtake.runner.providers.attempt import aexecute
    from secondtake.runner.providers.library import load_litellm

    _check_parameters(request)
    plan = RetryPlan(request.model, policy)
    while True:
        asked, its_policy = _prepare(request, policy, plan.step)
        try:
            return await boundary.acall(
                asked,
                lambda: aexecute(asked, its_policy),  # noqa: B023 - called at once
                before=load_litellm,
            )
        except Exception as error:
            step = plan.after(_failure(error))
            if step is None or (is_recorded(error) and not policy.repeats_recorded):
                raise
            if is_recorded(error):
                continue
        left_s = step.delay_s
        while left_s > 0:
            _check_stop()
            await asyncio.sleep(min(left_s, SLICE_S))
            left_s -= SLICE_S
        _check_stop()


def _prepare(request: LlmRequest, policy: CallPolicy, step: Step) -> tuple[LlmRequest, CallPolicy]:
    """Return the request and the policy of one attempt."""
    asked = replace(request, model=step.model, attempt=step.attempt)
    if _provider(step.model) != _provider(request.model):
        # Keys go to the provider that they were given for, and to nobody else.
        policy = replace(policy, api_base=None, api_key=None)
    return asked, policy


def _provider(model: str) -> str:
    return model.partition("/")[0] if "/" in model else ""


def _check_parameters(request: LlmRequest) -> None:
    from secondtake.runner.providers.attempt import OWN_ARGUMENTS

    wrong = sorted(OWN_ARGUMENTS & set(request.parameters))
    if wrong:
        raise UsageError(
            f"{', '.join(wrong)} cannot be given as a model parameter; "
            "give it to the node or in the call's policy."
        )


def _failure(error: Exception) -> LlmFailure | None:
    return getattr(error, "llm_failure", None)


def _check_stop() -> None:
    here = current()
    if here is not None:
        here.run.check_stop()
