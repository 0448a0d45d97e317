"""Who answers the calls of a stepwise replay, and how it is judged."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.events import LlmCall, RunStatus
from secondtake.runner.hashing import value_hash
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.limits import Meter
from secondtake.runner.pricing import price
from secondtake.runner.replay.failures import is_recorded
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Hashed
from secondtake.runner.replay.said import said_hash
from secondtake.runner.replay.session import Answer, Asked, Divergence, ReplaySession, node_of
from secondtake.runner.replay.tool_messages import argument_forms, arguments_in, calls_in, tool_of
from secondtake.runner.replay.verdict import Judged
from secondtake.runner.run import RunRecorder

NODE: Final = "call"
STEPS_MAX: Final = 500
"""How many steps the event of the replay tells one by one; the others are counted."""
REASON_CHARACTERS_MAX: Final = 300

Outcome = Literal["same", "other_answer", "other_tool_calls", "failed", "not_recorded"]
IN_WORDS: Final[dict[Outcome, str]] = {
    "same": "it answered the same",
    "other_answer": "it answered something else",
    "other_tool_calls": "it called other tools",
    "failed": "it failed",
    "not_recorded": "what it was sent is not recorded",
}


@dataclass(kw_only=True, eq=False)
class Step:
    """A recorded LLM call that is asked again."""

    number: int
    call: LlmCall
    request: LlmRequest | None = None
    """None where what it was sent is not recorded."""
    response: LlmResponse | None = None
    error: Exception | None = None
    duration_ms: float | None = None
    span_id: str | None = None
    is_changed: bool = False
    """Whether the request is another one than the recorded."""
    is_live: bool = False
    outcome: Outcome | None = None
    """None when it was not made any more."""

    @property
    def node_path(self) -> str:
        """Where it is made again."""
        return f"{NODE}[{self.number}]"


class StepSession(ReplaySession):
    """A stepwise replay. Safe for use by many threads."""

    def __init__(self, source: Hashed, options: ReplayOptions) -> None:
        super().__init__(source.recording, options, kind="stepwise")
        self._source = source
        self.steps: dict[str, Step] = {}
        """By their node path."""
        self.may_ask = False
        """Whether it is known beforehand that models are asked."""
        self._ended: list[Step] = []

    def answer(self, asked: Asked, *, meter: Meter | None = None) -> Answer | None:
        """Return what answers a step; None when a model is to be asked.

        Raises:
            ReplayDiverged: the recording has no answer and nobody else can be asked.
        """
        step = self.steps[asked.node_path or ""]
        call = self.recording.llm_calls[step.number - 1]
        step.span_id = asked.span_id
        step.is_changed = call.request_hash != asked.request_hash
        is_live = self.options.samples and asked.is_sampled
        policy = "live" if is_live else self.options.llm
        if policy != "live" and not step.is_changed:
            return self._recorded(call)
        if policy == "recorded":
            raise ReplayDiverged(self._stuck(asked))
        if step.request is None or not step.request.model:
            raise ReplayDiverged(
                f"The source does not say which model LLM call {step.number} asked; name one with "
                "--set model=NAME."
            )
        step.is_live = True
        with self._lock:
            self.live_by_node[node_of(asked.node_path)] += 1
        return self.instead_of_executing(asked, call)

    def note_answer(self, span_id: str, response: Any, error: BaseException | None) -> None:
        """Do nothing: steps are compared when all have ended."""

    def conclude(self, run: RunRecorder) -> None:
        """Compare all steps with their source."""
        self._ended = list(self.steps.values())
        for step in self._ended:
            if step.response is not None or step.error is not None:
                step.outcome = _outcome(step, self.recording, run)
        told = [_told(step, run) for step in self._ended[:STEPS_MAX]]
        counts = Counter(step.outcome or "not_made" for step in self._ended)
        self.extra |= {"steps": told, "step_counts": dict(counts)}
        if self._source.altered:
            self.extra["altered"] = list(self._source.altered[:STEPS_MAX])

    def judge(self, status: RunStatus, error_type: str | None, output: Any) -> Judged:
        """Return the verdict on the answers; see `stepwise`."""
        count = len(self._ended)
        other = [step for step in self._ended if step.outcome != "same"]
        if not other:
            if any(step.is_changed for step in self._ended):
                reason = f"All {count} calls were answered as recorded, although they were changed."
                return Judged(verdict="same_output", reason=reason)
            return Judged(verdict="exact", reason=f"All {count} calls were answered as recorded.")
        first = other[0]
        why = IN_WORDS[first.outcome] if first.outcome else "it was not made any more"
        return Judged(
            verdict="diverged",
            reason=(
                f"{len(other)} of {count} calls were not answered as recorded; the first is "
                f"LLM call {first.number}: {why}."
            ),
            divergence=Divergence(
                field="answer" if first.outcome else "missing",
                span_id=first.span_id,
                node_path=first.node_path,
                source=first.call,
            ),
            call=first.number,
        )


def _outcome(step: Step, recording: Recording, run: RunRecorder) -> Outcome:
    if step.error is not None:
        same_error = type(step.error).__name__ == step.call.error_type
        return "same" if same_error and is_recorded(step.error) else "failed"
    assert step.response is not None
    if step.call.error_type is not None:
        return "other_answer"
    said = [run.sink.clean_message(message) for message in step.response.messages]
    recorded = recording.response_of(step.call).messages
    if _calls_hash(said) != _calls_hash(recorded):
        return "other_tool_calls"
    return "same" if _texts_hash(said) == _texts_hash(recorded) else "other_answer"


def _calls_hash(messages: Sequence[Mapping[str, Any]]) -> str:
    """Return the hash of the tool calls; how their arguments are laid out does not count."""
    calls = [call for message in messages for call in calls_in(message)]
    made = [[tool_of(call), argument_forms(arguments_in(call))[0]] for call in calls]
    return value_hash(to_json_value(made))


def _texts_hash(messages: Sequence[Mapping[str, Any]]) -> str:
    return said_hash(
        [{name: item for name, item in each.items() if name != "tool_calls"} for each in messages]
    )


def _told(step: Step, run: RunRecorder) -> dict[str, Any]:
    """Return what the event of the replay says of a step; what is unknown is left out."""
    told: dict[str, Any] = {"call": step.number, "outcome": step.outcome or "not_made"}
    if step.response is not None:
        tokens = step.response.tokens
        told |= {
            "served_from": "live" if step.is_live else "recorded",
            "input_tokens": tokens.input_tokens,
            "output_tokens": tokens.output_tokens,
            "cost_usd": _cost(step, step.response, run),
            "duration_ms": None if step.duration_ms is None else round(step.duration_ms, 3),
        }
    if step.error is not None:
        text = f"{type(step.error).__name__}: {step.error}"
        told["why"] = run.label(text)[:REASON_CHARACTERS_MAX]
    return {name: value for name, value in told.items() if value is not None}


def _cost(step: Step, response: LlmResponse, run: RunRecorder) -> str | None:
    if not step.is_live or step.request is None:
        return "0"
    priced = price(
        response.tokens,
        model=step.request.model,
        served_model=response.served_model,
        provider=response.provider,
        service_tier=response.service_tier,
        snapshot=run.prices,
        at=run.now(),
    )
    return None if priced.cost_usd is None else str(priced.cost_usd)
