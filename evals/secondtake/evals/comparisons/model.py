"""A comparison of models, as data: made by this room, shown by the command line and the studio."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from secondtake.evals.diffs.model import WordPiece

Json = Any
ComparisonStatus = Literal["running", "ended", "incomplete"]
"""`ended`: every planned run has ended. `incomplete`: some have not, and none is being executed."""


class ComparisonModel(BaseModel):
    """Immutable, and strict about its fields. Validators are built at first use."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )


class ComparedRun(ComparisonModel):
    """One run of a comparison: what is known of it without its texts."""

    run_id: UUID
    model: str
    case_id: str
    repeat: int | None = None
    status: str
    answer_key: str | None = None
    """Equal for equal answers, see `answers.answer_key`; None when there is no answer."""
    duration_ms: float | None = None
    cost_usd: Decimal | None = None
    """None when no call had a known price."""
    unpriced_calls: int = 0
    simulated: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    llm_calls: int = 0
    tool_calls: int = 0
    error_class: str | None = None
    """`auth`, `rate_limit`, ...: of the last call to a model that failed; else what the exception
    is called."""
    error: str | None = None
    """What went wrong, in one line."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status != "running"

    @property
    def has_failed(self) -> bool:
        """Whether it ended otherwise than well, and by itself: nobody cancelled it."""
        return self.status not in ("ok", "running", "cancelled")


class Share(ComparisonModel):
    """A part of a small number of things: `7 of 9`. A rate would promise too much."""

    count: int
    of: int
    """Never 0: what is a share of nothing is None instead."""


class Latency(ComparisonModel):
    """How long runs took from their beginning to their end."""

    runs: int
    """How many that is counted from: those that ended well. A failure may be quick."""
    p50_ms: float
    """The median; of an even number the mean of the two in the middle."""
    min_ms: float
    max_ms: float
    p95_ms: float | None = None
    """None below 20 runs: there it would be the largest of them under another name."""


class Spending(ComparisonModel):
    """What runs cost, in US dollars."""

    total_usd: Decimal | None = None
    """Of all runs, failed ones too, as far as it is known; None when nothing is."""
    per_run_usd: Decimal | None = None
    """Mean over the runs that ended well and whose every call has a price; None without any."""
    priced_runs: int = 0
    """How many that mean is of."""
    unpriced_runs: int = 0
    """Runs with a call whose price is unknown: `total_usd` is less than was spent then."""
    unpriced_calls: int = 0
    simulated: bool = False
    """True when simulated models answered: these prices are not money."""


class TokenUse(ComparisonModel):
    """Tokens of runs, as far as the providers said."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    unknown_runs: int = 0
    """Runs that ended well and of which a number is missing."""


class Failure(ComparisonModel):
    """What went wrong, and how often."""

    error_class: str
    count: int
    reason: str
    """Of one of them, in one line."""
    run_id: UUID
    """That one."""


class ComparedModel(ComparisonModel):
    """A model's row of the table."""

    model: str
    is_baseline: bool
    planned: int | None = None
    """None when the runs do not say."""
    ok: int
    failed: int
    cancelled: int
    """Ended by somebody, which is no failure of the model."""
    running: int
    same_as_majority: Share | None = None
    """Of its answers to inputs to which more than half of all answers are equal, those that are
    like that half."""
    same_as_baseline: Share | None = None
    """Of its answers to inputs that the baseline answered, those that are like the baseline's: its
    most frequent answer, the earliest of equally frequent ones. For the baseline itself: how stable
    it is; None then where no input was repeated."""
    same_as_itself: Share | None = None
    """Of its answers to inputs that it answered more than once, those that are like its most
    frequent one. None where no input was repeated."""
    spending: Spending
    latency: Latency | None = None
    """None when no run ended well."""
    tokens: TokenUse
    failures: list[Failure] = []
    """Why runs did not end well, the most frequent first; cancelled ones too."""


class ComparedAnswer(ComparisonModel):
    """An answer of a model to some inputs, given once or more often."""

    text: str
    """A text as it is, any other value as indented JSON; may be clipped."""
    total_chars: int
    """Of the whole; more than `text` has when it is clipped."""
    count: int
    run_ids: list[UUID]
    """The runs that gave it, in order of their repeats."""
    is_majority: bool | None = None
    """None when no answer has the majority."""
    is_baseline: bool | None = None
    """Whether it is like the baseline's answer; None when the baseline has none."""
    words: list[WordPiece] | None = None
    """Compared by word with the baseline's answer: `removed` is the baseline's. None when there is
    none, when it is the baseline's, or when a text is too long for that."""


class CellRun(ComparisonModel):
    """One run in the grid."""

    run_id: UUID
    repeat: int | None
    status: str
    duration_ms: float | None
    cost_usd: Decimal | None
    unpriced_calls: int
    input_tokens: int | None
    output_tokens: int | None
    error_class: str | None = None
    error: str | None = None


class ComparedCell(ComparisonModel):
    """What one model made of some inputs."""

    model: str
    answers: list[ComparedAnswer]
    """Different ones, the most frequent first. An answer that was not recorded is in none."""
    runs: list[CellRun]
    """In order of their repeats."""


class ComparedCase(ComparisonModel):
    """What all models made of some inputs."""

    case_id: str
    inputs: Json = None
    inputs_text: str
    """In one line, clipped."""
    majority: Share | None = None
    """How many of all answers are like the most frequent one, when these are more than half."""
    cells: list[ComparedCell]
    """One for each model, in the order of the table."""


class Comparison(ComparisonModel):
    """Several models on the same inputs."""

    experiment_id: str
    name: str | None
    """Of what was executed: the workflow, or `prompt`."""
    status: ComparisonStatus
    verdict: str
    """What came of it, in a few sentences."""
    models: list[ComparedModel]
    """The baseline first."""
    case_count: int
    repeats: int | None
    planned_runs: int | None
    """None when the runs do not say."""
    ended_runs: int
    running_runs: int
    without_majority: int
    """Inputs with two answers or more of which none has the majority."""
    cases: list[ComparedCase]
    """Those of the page that was asked for."""
    case_offset: int
    """Of the first of these among all."""
    started_at: datetime | None
    ended_at: datetime | None
    """Of the run that ended last."""
