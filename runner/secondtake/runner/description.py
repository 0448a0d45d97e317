"""What is known about a run when it begins."""

from collections.abc import Callable, Mapping
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

    def fields(self, *, label: Callable[[str], str], clean: Callable[[Any], Any]) -> dict[str, Any]:
        """Return these fields of the `run_started` event.

        Args:
            label: takes secrets out of a text.
            clean: makes a value JSON without secrets.
        """
        names = (
            "workflow",
            "session_id",
            "user_id",
            "agent",
            "experiment_id",
            "variant",
            "case_id",
        )
        texts: dict[str, str | None] = {name: getattr(self, name) for name in names}
        return {
            "name": label(self.name),
            "source": self.source,
            **{name: label(text) if text else None for name, text in texts.items()},
            "workflow_hash": self.workflow_hash,
            "config": clean(self.config),
            "inputs": clean(self.inputs),
            "tags": {label(key): label(text) for key, text in self.tags.items()} or None,
            "source_run_id": self.source_run_id,
            "repeat": self.repeat,
        }
