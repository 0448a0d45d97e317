"""What keeps a run from being executed again as a whole."""

from secondtake.runner.context import RunContext


def observe_only(here: RunContext, reason: str) -> None:
    """Say why a run can only be replayed stepwise; the first reason stays."""
    here.run.observed_only = here.run.observed_only or reason
