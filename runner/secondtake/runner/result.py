"""What a run came to."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from secondtake.runner.errors import BudgetExceeded, ReplayDiverged, RunStopped
from secondtake.runner.events import RunStatus
from secondtake.runner.limits import Totals


@dataclass(frozen=True, kw_only=True)
class NodeTiming:
    """How long one execution of a node took."""

    node: str
    node_path: str
    node_kind: str | None
    duration_ms: float
    self_ms: float
    failed: bool


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What a run came to."""

    run_id: UUID
    status: RunStatus
    output: Any = None
    error_type: str | None = None
    error_message: str | None = None
    duration_ms: float
    totals: Totals
    timings: tuple[NodeTiming, ...] = ()
    llm_ms: float = 0.0
    """Time in LLM calls, summed over parallel branches."""
    tool_ms: float = 0.0
    recording_faults: int = 0


def status_of(error: BaseException | None) -> RunStatus:
    """Return the status of a run that `error` ended."""
    if error is None:
        return "ok"
    if isinstance(error, BudgetExceeded):
        return "budget_exceeded"
    if isinstance(error, ReplayDiverged):
        return "error"
    if isinstance(error, RunStopped | KeyboardInterrupt | GeneratorExit):
        return "cancelled"
    if type(error).__name__ == "CancelledError":  # asyncio's: importing it takes 15 ms
        return "cancelled"
    if isinstance(error, SystemExit) and error.code in (None, 0):
        return "ok"
    return "error"
