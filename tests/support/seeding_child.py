"""A program whose run goes on until it is told to end: a line on standard input is a step.

`step` adds a node with a model call and a tool call, `fail` ends the run with an exception, `end`
or the end of input ends it well. After each line, and first of all, a line is written: the run's
id, then `ok`.
"""

import os
import sys

from secondtake.runner import boundary, record
from secondtake.runner.calls import LlmRequest, LlmResponse, Tokens
from secondtake.runner.context import current


@record.tool
def look_up(number: int) -> dict[str, int]:
    """Give back what was asked for."""
    return {"found": number}


def ask(number: int) -> None:
    """Ask a model that answers at once."""
    request = LlmRequest(
        model="sim/strong",
        messages=[
            {"role": "system", "content": "You count steps."},
            {"role": "user", "content": f"This is live step {number}."},
        ],
    )
    answer = LlmResponse(
        messages=[{"role": "assistant", "content": f"Noted: live step {number}."}],
        finish_reason="stop",
        simulated=True,
        tokens=Tokens(
            input_tokens=40 + number,
            output_tokens=8,
            uncached_input_tokens=40 + number,
            text_output_tokens=8,
        ),
    )
    boundary.call(request, lambda: answer)


def say(line: str) -> None:
    """Write a line for whoever started this."""
    os.write(1, f"{line}\n".encode())


@record.run("live", tags={"kind": "live"}, session_id="live-session", user_id="ada")
def live(topic: str) -> str:
    """Take a step for each line."""
    here = current()
    assert here is not None
    say(str(here.run.run_id))
    steps = 0
    for line in sys.stdin:
        if line.strip() == "end":
            break
        if line.strip() == "fail":
            raise RuntimeError("told to fail")
        steps += 1
        with record.node(f"step_{steps}"):
            ask(steps)
            look_up(steps)
        say("ok")
    return f"{steps} steps about {topic}"


if __name__ == "__main__":
    live("counting")
