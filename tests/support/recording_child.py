"""A program that records until it is killed, and says what was acknowledged.

Run as a script: `recording_child.py` writes the number of each tool call to standard output as
soon as the call has returned. `recording_child.py RUNS` records that many whole runs and ends.
"""

import itertools
import os
import sys

from secondtake.runner import boundary, record
from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens


@record.tool
def number(value: int) -> int:
    """Give the number back."""
    return value


@record.node
def step(value: int) -> int:
    """Call a tool inside a node."""
    return number(value)


@record.run
def endless() -> None:
    """Record calls for ever."""
    for value in itertools.count():
        step(value)
        os.write(1, b"%d\n" % value)


@record.run
def small(value: int) -> int:
    """Record a run with a node, a tool call and an LLM call."""
    ask = LlmRequest(model="openai/gpt-4o", messages=[{"role": "user", "content": str(value)}])
    answer = LlmResponse(
        messages=[{"role": "assistant", "content": "ok"}],
        tokens=Tokens(
            input_tokens=10,
            output_tokens=2,
            uncached_input_tokens=10,
            text_output_tokens=2,
        ),
    )
    boundary.call(ask, lambda: answer)
    return step(value)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for run_number in range(int(sys.argv[1])):
            small(run_number)
    else:
        endless()
