"""What is known about a run when it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class RunDescription:
    """What is known about a run when it begins."""

    name: str
    source: str = "native"
    workflow: str | None = None
    workflow_hash: str | None = None
    config: Any = None
    inputs: Any = None
    session_id: str | None = None
    user_id: str | None = None
    agent: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    source_run_id: UUID | None = None
    """The run that this one replays."""
    experiment_id: str | None = None
    variant: str | None = None
    case_id: str | None = None
    repeat: int | None = None
