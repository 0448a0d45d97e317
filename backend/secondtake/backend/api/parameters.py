"""Query parameters of the routes. A parameter that does not exist is refused, not ignored."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from secondtake.backend.models.base import Model
from secondtake.backend.models.exports import ExportQuery, ExportTable
from secondtake.backend.models.runs import RunQuery, StateQuery, Status, TextQuery
from secondtake.backend.models.statistics import StatisticsQuery

_BARS: Final = StatisticsQuery.model_fields

TextTable = Literal[
    "runs",
    "messages",
    "llm_calls",
    "tool_calls",
    "node_timings",
    "memory",
    "evaluations",
    "tool_definitions",
]
MinScore = Annotated[str, Field(pattern=r"^.+=[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$")]
Tag = Annotated[str, Field(pattern=r"^[^=]+=")]


class Parameters(Model):
    """What all have in common: ready when the first request comes, see `bodies`."""

    model_config = ConfigDict(defer_build=False)


class FilterParameters(Parameters):
    """Which runs are meant; a parameter that takes several values is repeated."""

    status: tuple[Status, ...] = Field(default=(), description="Any of these; repeat it.")
    workflow: tuple[str, ...] = Field(
        default=(), description="Any of these workflows, or names of runs without; repeat it."
    )
    model: tuple[str, ...] = Field(
        default=(), description="Asked or served by any of these; `gpt-4o` finds `openai/gpt-4o`."
    )
    tag: tuple[Tag, ...] = Field(
        default=(), description="`name=value`, all of these; repeat it.", examples=["team=search"]
    )
    session_id: str | None = Field(default=None, description="Of this session.")
    user_id: str | None = Field(default=None, description="Of this user.")
    since: AwareDatetime | None = Field(
        default=None, description="Started at or after, with a time zone."
    )
    until: AwareDatetime | None = Field(
        default=None, description="Started before, with a time zone."
    )
    min_cost_usd: Decimal | None = Field(default=None, description="Cost at least this.")
    max_cost_usd: Decimal | None = Field(default=None, description="Cost at most this.")
    min_duration_ms: float | None = Field(default=None, description="Took at least this.")
    max_duration_ms: float | None = Field(default=None, description="Took at most this.")
    text: str | None = Field(
        default=None,
        max_length=1000,
        description="Is in name, inputs, output, error or tags, or begins the id.",
    )
    simulated: bool | None = Field(
        default=None, description="Answered by simulated models, or by none."
    )
    unpriced: bool = Field(default=False, description="Only with a call of unknown price.")
    waiting: bool = Field(default=False, description="Only those that wait for a person.")

    def fields(self) -> dict[str, Any]:
        """Return the fields of the query that these parameters mean."""
        given = {name: getattr(self, name) for name in type(self).model_fields if name != "tag"}
        return {**given, "tags": dict(text.split("=", 1) for text in self.tag)}


class RunParameters(FilterParameters):
    """Which runs to list."""

    limit: Annotated[int, Field(ge=1, le=1000)] = Field(default=50, description="Runs a page.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the page before.")

    def query(self) -> RunQuery:
        """Return what the service is asked."""
        return RunQuery(**self.fields())


class ExportParameters(FilterParameters):
    """Which runs to export."""

    min_score: tuple[MinScore, ...] = Field(
        default=(),
        description="`name=value`: the newest score of this name is at least this; all of these.",
        examples=["reward=0.9"],
    )
    table: tuple[ExportTable, ...] = Field(
        default=(), description="Only the rows of these tables; all without it. Repeat it."
    )

    def query(self) -> ExportQuery:
        """Return what the service is asked."""
        fields = self.fields()
        tables, least = fields.pop("table"), fields.pop("min_score")
        pairs = (text.rsplit("=", 1) for text in least)
        scores = {name: float(value) for name, value in pairs}
        return ExportQuery(**fields, tables=tables, min_scores=scores)


class StatisticsParameters(FilterParameters):
    """Which runs to add up."""

    bars: Annotated[int, Field(ge=1, le=200)] = Field(
        default=_BARS["bars"].default, description="Bars of the histogram over time."
    )
    trend_bars: Annotated[int, Field(ge=1, le=60)] = Field(
        default=_BARS["trend_bars"].default, description="Bars of the trend of each number."
    )

    def query(self) -> StatisticsQuery:
        """Return what the service is asked."""
        return StatisticsQuery(**self.fields())


class StateParameters(Parameters):
    """Which state of a run."""

    step: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="0 is the state before the first node; without it, the end."
    )
    max_chars: Annotated[int, Field(ge=100)] | None = Field(
        default=None, description="Clip longer values; `clipped` names them."
    )

    def query(self, run: str) -> StateQuery:
        """Return what the service is asked."""
        return StateQuery(run=run, step=self.step, max_chars=self.max_chars)


class TextParameters(Parameters):
    """Which piece of which text."""

    table: TextTable = Field(description="Where the row is.")
    row: str = Field(
        description="`message_id` of messages, `span_id` of calls and nodes, `seq` of memory, "
        "`evaluation_id`, `tools_hash` of tool definitions; anything for the run itself."
    )
    field: str = Field(description="A field that `clipped` can name.")
    offset: Annotated[int, Field(ge=0)] = Field(default=0, description="Characters to pass over.")
    limit: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=100_000, description="Characters to return."
    )

    def query(self, run: str) -> TextQuery:
        """Return what the service is asked."""
        return TextQuery(run=run, **self.model_dump())
