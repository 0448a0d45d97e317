"""When the next attempt is made, and by whom."""

from datetime import UTC, datetime

import pytest

from secondtake.runner.calls import LlmFailure
from secondtake.runner.errors import RunCancelled
from secondtake.runner.providers.failures import retry_after_s
from secondtake.runner.providers.retry import CallPolicy, RetryPlan, wait

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
RATE_LIMIT = LlmFailure(error_class="rate_limit", http_status=429)


def steps(policy: CallPolicy, failure: LlmFailure) -> list[tuple[str, int, float]]:
    """Return (model, attempt, delay) of every step until nothing is left."""
    plan = RetryPlan("openai/a", policy)
    taken = []
    while (step := plan.after(failure)) is not None:
        taken.append((step.model, step.attempt, step.delay_s))
    return taken


def test_waits_double_up_to_the_bound() -> None:
    policy = CallPolicy(retries=5, backoff_s=1, max_backoff_s=5, random=lambda: 1.0)
    assert [delay for _, _, delay in steps(policy, RATE_LIMIT)] == [1, 2, 4, 5, 5]


def test_jitter_is_full() -> None:
    policy = CallPolicy(retries=2, backoff_s=4, random=lambda: 0.25)
    assert [delay for _, _, delay in steps(policy, RATE_LIMIT)] == [1, 2]


def test_retry_after_is_a_lower_bound() -> None:
    failure = LlmFailure(error_class="rate_limit", retry_after_s=7)
    policy = CallPolicy(retries=1, backoff_s=1, random=lambda: 0.5)
    assert steps(policy, failure) == [("openai/a", 2, 7.5)]


def test_retry_after_is_capped() -> None:
    failure = LlmFailure(error_class="server", retry_after_s=1e9)
    policy = CallPolicy(retries=1, max_retry_after_s=60, random=lambda: 0.0)
    assert steps(policy, failure) == [("openai/a", 2, 60)]


def test_each_fallback_model_has_its_own_retries_and_begins_at_once() -> None:
    policy = CallPolicy(
        retries=1, backoff_s=1, random=lambda: 1.0, fallback_models=("openai/b", "openai/c")
    )
    assert steps(policy, RATE_LIMIT) == [
        ("openai/a", 2, 1),
        ("openai/b", 3, 0),
        ("openai/b", 4, 1),
        ("openai/c", 5, 0),
        ("openai/c", 6, 1),
    ]


@pytest.mark.parametrize("error_class", ["auth", "bad_request", "not_found", "quota", "protocol"])
def test_what_does_not_pass_goes_to_the_fallback_at_once(error_class: str) -> None:
    policy = CallPolicy(retries=3, fallback_models=("openai/b",))
    assert steps(policy, LlmFailure(error_class=error_class)) == [("openai/b", 2, 0)]


def test_a_fault_of_the_program_is_not_tried_again() -> None:
    assert RetryPlan("openai/a", CallPolicy(fallback_models=("openai/b",))).after(None) is None


def test_very_many_retries_do_not_overflow() -> None:
    policy = CallPolicy(retries=2000, backoff_s=1, max_backoff_s=30, random=lambda: 1.0)
    assert steps(policy, RATE_LIMIT)[-1] == ("openai/a", 2001, 30)


def test_a_wait_looks_for_a_stop_several_times_a_second() -> None:
    slept: list[float] = []

    def check() -> None:
        if sum(slept) >= 0.25:
            raise RunCancelled("stop")

    with pytest.raises(RunCancelled):
        wait(60, sleep=slept.append, check=check)
    assert sum(slept) < 0.5


def test_a_wait_of_nothing_still_looks_for_a_stop() -> None:
    checks: list[int] = []
    wait(0, sleep=lambda _: pytest.fail("slept"), check=lambda: checks.append(1))
    assert checks == [1]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3),
        ({"Retry-After": "1.5"}, 1.5),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "Fri, 20 Nov 2026 09:30:12 GMT"}, 12),
        ({"retry-after": "Fri, 20 Nov 2026 09:29:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(
    headers: dict[str, str], expected: float | None
) -> None:
    assert retry_after_s(headers, now=NOW) == expected


def test_a_key_is_not_in_the_text_of_a_policy() -> None:
    assert "secret" not in repr(CallPolicy(api_key="secret"))
