import threading
import time
from contextvars import ContextVar
from functools import partial

import pytest

from secondtake.runner.workflows.failures import NodeTimeout
from secondtake.runner.workflows.waiting import pause, run_parallel, wait_for

colour: ContextVar[str] = ContextVar("colour", default="none")


def nothing() -> None:
    return None


def test_what_a_function_returns_or_raises_comes_back() -> None:
    assert wait_for(lambda: 5, check=nothing) == 5
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 / 0, check=nothing)


def test_the_function_sees_the_context_of_its_caller() -> None:
    token = colour.set("blue")
    try:
        assert wait_for(colour.get, check=nothing) == "blue"
        assert run_parallel([colour.get] * 3, at_once=3) == ["blue"] * 3
    finally:
        colour.reset(token)


def test_a_function_that_blocks_is_left_behind_when_its_time_is_up() -> None:
    release = threading.Event()
    started_s = time.monotonic()
    with pytest.raises(NodeTimeout, match=r"the tool took longer than 0.1 s; raise `timeout_s`."):
        wait_for(release.wait, check=nothing, timeout_s=0.1, what="the tool")
    assert time.monotonic() - started_s < 1
    release.set()


def test_a_check_that_raises_ends_the_wait() -> None:
    release = threading.Event()

    def stop() -> None:
        raise KeyError("stopped")

    with pytest.raises(KeyError):
        wait_for(release.wait, check=stop)
    with pytest.raises(KeyError):
        pause(60, check=stop)
    release.set()


def test_parallel_functions_run_at_the_same_time_and_keep_their_order() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def meet(value: int) -> int:
        barrier.wait()
        return value

    functions = [partial(meet, value) for value in (3, 1, 2)]
    assert run_parallel(functions, at_once=3) == [3, 1, 2]


def test_the_first_error_in_order_is_raised_when_all_have_ended() -> None:
    ended: list[int] = []

    def fail(value: int) -> None:
        time.sleep(0.05 if value == 1 else 0)
        ended.append(value)
        raise ValueError(str(value))

    with pytest.raises(ValueError, match="1"):
        run_parallel([partial(fail, value) for value in (1, 2)], at_once=2)
    assert sorted(ended) == [1, 2]
