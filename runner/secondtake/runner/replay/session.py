"""One replay while it goes on: who answers each call, and where it leaves its source."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from secondtake.runner.calls import LlmResponse
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.events import (
    LlmCall,
    Policy,
    ReplayFinished,
    ReplayKind,
    RunStatus,
    ToolCall,
)
from secondtake.runner.limits import Meter
from secondtake.runner.replay.failures import failure_of
from secondtake.runner.replay.matching import Recorded, RecordedCalls, without_visits
from secondtake.runner.replay.options import ReplayOptions, ToolRule
from secondtake.runner.replay.pacing import Pace
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.said import is_same_answer
from secondtake.runner.replay.stuck import no_answer, too_early
from secondtake.runner.replay.world import RecordedWorld

if TYPE_CHECKING:
    from secondtake.runner.replay.verdict import Judged
    from secondtake.runner.run import RunRecorder

FIELDS: Final = ("model", "messages", "tools", "parameters")
"""The field groups of an LLM request, the most telling first."""
STATE_CHANGES: Final = ("set", "append", "add", "merge")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A call that a replay is about to make."""

    kind: Literal["llm_call", "tool_call"]
    span_id: str
    node_path: str | None
    request_hash: str | None
    model: str | None = None
    """Of an LLM request."""
    hashes: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    """Of an LLM request, by field group."""
    tool: str | None = None
    tool_call_id: str | None = None
    is_sampled: bool = False
    """An LLM call whose temperature is not 0."""
    may_execute: bool = False
    """A tool that declares that it changes nothing."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a call is answered with instead of being executed."""

    call: Recorded | None
    """What was recorded; None for a result that a rule gives."""
    response: LlmResponse | None = None
    result: Any = None
    failure: Exception | None = None
    edited: bool = False

    @property
    def avoided_cost_usd(self) -> Decimal | None:
        """What the call cost when it was made."""
        if self.call is None:
            return None
        if isinstance(self.call, LlmCall) and self.call.served_from != "live":
            return self.call.avoided_cost_usd
        return self.call.cost_usd


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """A call that was not as recorded."""

    field: str
    """As `events.ReplayFinished.diverged_field`."""
    span_id: str | None
    node_path: str | None
    source: Recorded | None
    """Its counterpart in the source."""
    tool: str | None = None
    after: Recorded | None = None
    """Of a call without counterpart: the last call before it in its node that has one."""


class ReplaySession:
    """One replay of a recording. Safe for use by many threads."""

    def __init__(
        self,
        recording: Recording,
        options: ReplayOptions,
        *,
        kind: ReplayKind = "full",
        visits_may_race: bool = False,
        has_tools: bool = True,
    ) -> None:
        self.recording = recording
        self.options = options
        self.kind: ReplayKind = kind
        self.calls = RecordedCalls(recording, visits_may_race=visits_may_race, has_tools=has_tools)
        self.world = RecordedWorld(recording, visits_may_race=visits_may_race)
        self.pace = Pace(recording)
        self.divergences: list[Divergence] = []
        self.live_by_node: Counter[str] = Counter()
        self.recorded_count = 0
        self.avoided_cost_usd: Decimal | None = None
        self.is_before_fork = options.from_node is not None
        """True until the fork: everything is answered by the recording."""
        self.executes_code = True
        """False where only calls are to be found out: functions of nodes are not executed."""
        self.forks_when_entered = False
        """True for a program of its own: the fork is where the node is entered first."""
        self.judged: Judged | None = None
        """The verdict, when it has ended."""
        self.extra: dict[str, Any] = {}
        """What else its event is to say."""
        self.keeps_limits = not any(path.startswith("limits.") for path in options.overrides)
        """The recording answers whatever the limits of the run: its calls were within them."""
        self._samples = False
        self._lock = threading.Lock()
        self._matched: dict[str, Recorded] = {}

    @property
    def live_count(self) -> int:
        """How many calls were executed."""
        return sum(self.live_by_node.values())

    def answer(self, asked: Asked, *, meter: Meter | None = None) -> Answer | None:
        """Return what answers a call; None when it is to be executed.

        Args:
            asked: the call.
            meter: of the run, whose limits hold for what is executed.

        Raises:
            ReplayDiverged: the recording has no answer and nobody else may be asked.
            RunStopped: the run was asked to end or has used up a limit.
        """
        policy = self._policy(asked)
        call = self.calls.take(
            asked.kind, asked.node_path, asked.request_hash, tool_call_id=asked.tool_call_id
        )
        if call is not None and policy != "live" and (found := self._recorded(call)):
            return found
        if call is None and self.pace.was_cut_off(asked.node_path):
            self.pace.hold()
            _check_limits(asked, meter)
        source = call
        if call is not None:
            with self._lock:
                self._matched[asked.span_id] = call
        else:
            source = self._note_divergence(asked)
            if policy == "recorded":
                raise ReplayDiverged(self._stuck(asked))
            may_be_ruled = asked.kind == "tool_call" and policy == "auto"
            if may_be_ruled and (ruled := self._ruled(asked)):
                return ruled
        self.pace.leave()
        if meter is not None:
            meter.is_lenient = False
        _check_limits(asked, meter)
        with self._lock:
            self.live_by_node[node_of(asked.node_path)] += 1
        return self.instead_of_executing(asked, source)

    def instead_of_executing(self, asked: Asked, source: Recorded | None) -> Answer | None:
        """Return what answers a call that is to be executed; None to execute it.

        A plan of a replay has an answer, that of the counterpart `source`.
        """
        return None

    def note_answer(self, span_id: str, response: Any, error: BaseException | None) -> None:
        """Compare what an executed call came to with what it came to in the source."""
        with self._lock:
            source = self._matched.pop(span_id, None)
        if source is None or is_same_answer(self.recording, source, response, error):
            return
        tool = source.tool if isinstance(source, ToolCall) else None
        self._add(
            Divergence(
                field="answer",
                span_id=span_id,
                node_path=source.node_path,
                source=source,
                tool=tool,
            )
        )

    def finish(self, run: "RunRecorder", ending: Mapping[str, Any]) -> None:
        """Judge the replay and write its event; a fault is counted, never raised.

        Args:
            run: what records it.
            ending: fields of the `run_finished` event that follows.
        """
        from secondtake.runner.replay.verdict import replay_fields

        status = ending["status"]
        try:
            if status != "cancelled":
                error_type, output = ending.get("error_type"), ending["output"]
                self.judged = self.judge(status, error_type, output)
            fields = replay_fields(
                self,
                self.judged,
                cost_usd=run.meter.totals.cost_usd,
                label=run.label,
                structure=run.structure,
            )
        except Exception as fault:  # noqa: BLE001 - recording must not break the run
            run.fault("the verdict of a replay", fault)
            return
        run.emit(ReplayFinished, fields)

    def judge(self, status: RunStatus, error_type: str | None, output: Any) -> "Judged":
        """Return the verdict on a replay that ended like this."""
        from secondtake.runner.replay.verdict import judge

        return judge(self, status=status, error_type=error_type, output=output)

    def recorded_changes(self, node_path: str | None) -> dict[str, Any] | None:
        """Return what a node changed in the state of the source; None when it never ended there."""
        if not any(node.node_path == node_path for node in self.recording.nodes):
            return None
        return {
            change.key.rpartition("/")[2]: change.value
            for change in self.recording.memory
            if change.node_path == node_path and change.operation in STATE_CHANGES
        }

    def ambient(self, ambient_kind: str, node_path: str | None) -> Any:
        """Return what the clock, chance or a uuid gave here; None to read it anew."""
        return self.world.ambient(ambient_kind, node_path)

    def enter(self, node: str) -> None:
        """Take notice that a node begins."""
        if self.is_before_fork and self.forks_when_entered and node == self.options.from_node:
            self.pass_fork()

    def pass_fork(self) -> None:
        """From now on calls are answered as the policies say."""
        self.is_before_fork = False

    def _policy(self, asked: Asked) -> Policy:
        if self.is_before_fork:
            return "recorded"
        if asked.kind == "tool_call":
            return self.options.tools
        if self.options.samples:
            with self._lock:
                self._samples = self._samples or asked.is_sampled
            return "live" if self._samples else self.options.llm
        return self.options.llm

    def _recorded(self, call: Recorded) -> Answer | None:
        """Return a recorded call as an answer; None for one whose branch was given up."""
        number = self.calls.numbers[call.span_id]
        self.calls.cover(call)
        with self._lock:
            self.recorded_count += 1
        if isinstance(call, ToolCall):
            if number in self.options.tool_results:
                self.check_edit(f"tool_calls.{number}.result", call)
                answer = Answer(call=call, result=self.options.tool_results[number], edited=True)
            elif call.error_type is not None:
                answer = Answer(call=call, failure=failure_of(self.recording, call))
            else:
                answer = Answer(call=call, result=call.result)
        elif number in self.options.answers:
            self.check_edit(f"llm_calls.{number}.answer", call)
            answer = Answer(
                call=call, response=self._edited_answer(call, self.options.answers[number]),
                edited=True,
            )  # fmt: skip
        elif call.error_type is not None:
            answer = Answer(call=call, failure=failure_of(self.recording, call))
        else:
            answer = Answer(call=call, response=self.recording.response_of(call))
        avoided = answer.avoided_cost_usd
        if avoided is not None:
            with self._lock:
                self.avoided_cost_usd = (self.avoided_cost_usd or Decimal(0)) + avoided
        return answer

    def _edited_answer(self, call: LlmCall, text: str) -> LlmResponse:
        from dataclasses import replace

        response = self.recording.response_of(call)
        message = {"role": "assistant", "content": text}
        return replace(response, messages=[message], finish_reason="stop")

    def _ruled(self, asked: Asked) -> Answer | None:
        """Return what the rule of a tool gives; None when the tool may be executed.

        Raises:
            ReplayDiverged: it may not.
        """
        rule: ToolRule | None = self.options.tool_rules.get(asked.tool or "")
        if rule is not None and rule.on_miss == "static":
            return Answer(call=None, result=rule.result)
        if asked.may_execute if rule is None else rule.on_miss == "live":
            return None
        raise ReplayDiverged(self._stuck(asked))

    def counterpart_of(self, asked: Asked) -> Recorded | None:
        """Return what a call without a recorded answer stands for, and use it up."""

        def fits(call: Recorded) -> bool:
            if isinstance(call, ToolCall):
                return call.tool == asked.tool
            return call.messages_hash == asked.hashes.get("messages")

        return self.calls.counterpart(asked.kind, asked.node_path, fits)

    def _note_divergence(self, asked: Asked) -> Recorded | None:
        """Note a call that was not recorded so, and return what it was in the source."""
        source = self.counterpart_of(asked)
        self._add(
            Divergence(
                field=_changed_field(asked, source),
                span_id=asked.span_id,
                node_path=asked.node_path,
                source=source,
                tool=asked.tool,
                after=None if source else self.calls.last_used(asked.kind, asked.node_path),
            )
        )
        return source

    def _add(self, divergence: Divergence) -> None:
        with self._lock:
            self.divergences.append(divergence)

    def _stuck(self, asked: Asked) -> str:
        """Return why the replay ends at this call, with the cure."""
        return no_answer(
            self.options,
            tool=asked.tool if asked.kind == "tool_call" else None,
            node=node_of(asked.node_path),
            is_before_fork=self.is_before_fork,
        )

    def check_edit(self, path: str, call: Recorded) -> None:
        """Raise when what is to be another one comes before the fork."""
        if self.is_before_fork:
            raise ReplayDiverged(too_early(self.options, path, node=node_of(call.node_path)))


def _check_limits(asked: Asked, meter: Meter | None) -> None:
    if meter is not None:
        meter.check_amounts(but_calls=1 if asked.kind == "llm_call" else 0)


def _changed_field(asked: Asked, source: Recorded | None) -> str:
    """Return what of a request is another than in its counterpart."""
    if source is None:
        return "new"
    if isinstance(source, ToolCall):
        return "arguments" if source.tool == asked.tool else "new"
    for name in FIELDS:
        recorded = cast(str | None, getattr(source, f"{name}_hash"))
        if recorded is not None and recorded != asked.hashes.get(name):
            return name
    return "new"


def node_of(node_path: str | None) -> str:
    """Return the names of a node path without visits and branches: `triage/search`."""
    steps = without_visits(node_path or "").split("/")
    return "/".join(step.split("[", 1)[0] for step in steps)
