"""What is known about a run when it begins."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """Where a run stands in a comparison or an experiment."""

    experiment_id: str
    variant: str
    """What is compared, e.g. the model."""
    case_id: str
    """Of the inputs."""
    repeat: int
    """From 1."""
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else is kept of the whole, e.g. how many runs it is to have."""

    def fields(self) -> dict[str, Any]:
        """Return it as fields of `RunDescription`."""
        return {
            "experiment_id": self.experiment_id,
            "variant": self.variant,
            "case_id": self.case_id,
            "repeat": self.repeat,
            "extra": self.extra,
        }


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
    extra: Mapping[str, Any] | None = None
    """What no field is for; no content, so it is recorded in content-off mode too."""

    def fields(
        self,
        *,
        label: Callable[[str], str],
        clean: Callable[[Any], Any],
        structure: Callable[[Any], Any],
    ) -> dict[str, Any]:
        """Return these fields of the `run_started` event.

        Args:
            label: takes secrets out of a text.
            clean: makes a value JSON without secrets; None in content-off mode.
            structure: makes a value JSON without secrets, always.
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
            "extra": structure(self.extra) if self.extra else None,
        }
