"""Steps and runs for tests of the diff, with as little said as a test needs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from secondtake.evals.diffs.model import DiffInput, DiffSide, Step


def llm(number: int = 1, **said: Any) -> Step:
    """An LLM call in `plan` that answers `Hello.` for a tenth of a cent."""
    facts: dict[str, Any] = {
        "span_id": f"llm{number}", "node": "plan", "name": "sim/strong", "answer": "Hello.",
        "model_hash": None, "messages_hash": "m", "tools_hash": "t", "parameters_hash": "p",
        "input_tokens": 100, "output_tokens": 10, "cost_usd": Decimal("0.001"),
        "duration_ms": 400.0,
    }  # fmt: skip
    return Step(kind="llm", number=number, **{**facts, **said})


def tool(number: int = 1, arguments: Any = None, **said: Any) -> Step:
    """A call of `search` in `plan` that finds three items."""
    facts: dict[str, Any] = {
        "span_id": f"tool{number}", "node": "plan", "name": "search", "answer": [1, 2, 3],
        "arguments": {"query": "heat"} if arguments is None else arguments, "duration_ms": 20.0,
    }  # fmt: skip
    return Step(kind="tool", number=number, **{**facts, **said})


def run(
    steps: Sequence[Step] = (), *, side: dict[str, Any] | None = None, **said: Any
) -> DiffInput:
    """A run that ended well after 5 s for a tenth of a cent."""
    facts: dict[str, Any] = {
        "run_id": UUID(int=1), "short_id": "0000", "status": "ok", "duration_ms": 5000.0,
        "cost_usd": Decimal("0.001"), "llm_calls": 1, "tool_calls": 1,
    }  # fmt: skip
    return DiffInput(
        side=DiffSide(**{**facts, **(side or {})}),
        steps=list(steps),
        **{"output": "The answer.", **said},
    )
