"""What runs are exported, and one of them on its way."""

from typing import Final, Literal, NamedTuple, get_args

from pydantic import Field

from secondtake.backend.models.runs import RunFilter

ExportTable = Literal[
    "runs",
    "messages",
    "tool_definitions",
    "llm_calls",
    "tool_calls",
    "node_timings",
    "memory_snapshots",
    "ambient_reads",
    "replays",
    "evaluations",
]
"""A table with rows of runs."""
EXPORT_TABLES: Final[tuple[ExportTable, ...]] = get_args(ExportTable)


class ExportQuery(RunFilter):
    """Which runs to export, and what of them."""

    min_scores: dict[str, float] = Field(default_factory=dict)
    """Only runs whose newest score of each of these names is at least this; a run that was not
    scored so is none of them."""
    tables: tuple[ExportTable, ...] = ()
    """Only the rows of these tables besides the run's own; empty for all."""


class ExportedRun(NamedTuple):
    """One run on its way out."""

    text: str
    """JSON in one line, see `exports.rows`."""
    total: int
    """How many runs the export has, this one and the others."""
