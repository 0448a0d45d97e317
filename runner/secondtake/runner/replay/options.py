"""What a replay is to do, and what is to be different in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from secondtake.runner.events import Policy

OnMiss = Literal["error", "live", "static"]
"""What becomes of a tool call that the recording has no answer to."""


@dataclass(frozen=True, kw_only=True)
class ToolRule:
    """What becomes of the calls of one tool."""

    on_miss: OnMiss
    result: Any = None
    """Of `static`: what every call without a recorded answer gives."""


@dataclass(frozen=True, kw_only=True)
class MessageEdit:
    """A message of the recorded conversation that is to be another one."""

    call: int
    """Number of the LLM call that was sent it."""
    index: int
    """Its place in what the call was sent, from 0."""
    content: Any


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """What a replay is to do."""

    llm: Policy = "auto"
    tools: Policy = "auto"
    from_node: str | None = None
    """Everything before this node first runs is answered by the recording."""
    samples: bool = False
    """True for repeats: from the first LLM call whose temperature is not 0 all are executed."""
    tool_rules: Mapping[str, ToolRule] = field(default_factory=dict[str, ToolRule])
    tool_results: Mapping[int, Any] = field(default_factory=dict[int, Any])
    """Another result for the tool call of this number."""
    answers: Mapping[int, str] = field(default_factory=dict[int, str])
    """Another answer of the LLM call of this number."""
    messages: tuple[MessageEdit, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Another value of a state key at the fork."""
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All that was changed, by its path, as it is recorded."""
