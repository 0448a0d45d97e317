"""Who answers the calls of a tool loop, and how its replay is judged."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final, Literal

from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.events import LlmCall, RunStatus
from secondtake.runner.hashing import value_hash
from secondtake.runner.limits import Meter
from secondtake.runner.replay.decisions import Decision, Decisions
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.requests import Hashed, Plain
from secondtake.runner.replay.session import Answer, Asked, ReplaySession, node_of
from secondtake.runner.replay.verdict import Judged

NAMED_MAX: Final = 100
"""How many requests that were not rebuilt are named one by one; the others are counted."""

CONVERSATION: Final = "conversation"
"""Where calls are made that have no node."""

How = Literal["rebuilt", "opened", "given", "new"]
"""Where a request comes from: the conversation, the recording as it begins a conversation, the
recording as it cannot be rebuilt, the conversation beyond what the source has."""

Output = Literal["last", "said", "none", "program"]
"""What the output of the source is: the last answer, the last answer with a text, nothing, or
something that its program made."""


class LoopSession(ReplaySession):
    """The replay of a run by a tool loop; calls are made by one thread."""

    def __init__(
        self, source: Hashed, options: ReplayOptions, decisions: Decisions, plain: Plain
    ) -> None:
        super().__init__(source.recording, options, kind="loop")
        self._source = source
        self.plain = plain
        self.decisions = decisions
        self._expected: Recorded | None = None
        self._how: How | None = None
        self._made: Counter[str] = Counter()
        self._user_turns: Counter[bool] = Counter()
        self.output_of: Output = _output_of(source, decisions)

    def expect(self, call: Recorded | None, how: How | None = None) -> None:
        """Say what the next call stands for, and where its request comes from."""
        self._expected, self._how = call, how

    def note_user_turn(self, *, is_changed: bool) -> None:
        """Count a user's message; `is_changed` when what was said before it is another thing."""
        self._user_turns[is_changed] += 1

    def answer(self, asked: Asked, *, meter: Meter | None = None) -> Answer | None:
        """Return what answers a call; None when a model is to be asked.

        Raises:
            ReplayDiverged: the recording has no answer and nobody else can be asked.
        """
        if self._how is not None:
            expected = self._expected
            is_same = isinstance(expected, LlmCall) and expected.request_hash == asked.request_hash
            is_other = self._how == "rebuilt" and not is_same
            self._made["changed" if is_other else self._how] += 1
            self._how = None  # a further attempt is no further request
        return super().answer(asked, meter=meter)

    def instead_of_executing(self, asked: Asked, source: Recorded | None) -> Answer | None:
        """Refuse what nobody here can execute.

        Raises:
            ReplayDiverged: it is a tool call, or nobody knows which model to ask.
        """
        node = node_of(asked.node_path)
        self.live_by_node[node] -= 1
        if asked.kind == "llm_call" and asked.model:
            self.live_by_node[node or CONVERSATION] += 1
            return None
        raise ReplayDiverged(self._stuck(asked))

    def counterpart_of(self, asked: Asked) -> Recorded | None:
        """Return what a call without a recorded answer stands for, and use it up.

        A call that the source has not stands for none: another conversation needs those.
        """
        expected = self._expected
        if expected is not None and expected.kind == asked.kind:
            return self.calls.use(expected)
        if asked.kind == "llm_call" or self.divergences:
            return None
        return super().counterpart_of(asked)

    def judge(self, status: RunStatus, error_type: str | None, output: Any) -> Judged:
        """Return the verdict; how a program ends, and what it makes of answers, is not judged."""
        end = self.recording.end
        if end is not None and status == "ok":
            status, error_type = end.status, end.error_type
        if end is not None and self.output_of == "program" and not self.divergences:
            output = end.output
        judged = super().judge(status, error_type, output)
        lost = [each for each in self.decisions.all if each.why is not None]
        if judged.verdict == "exact" and lost:
            first = lost[0]
            reason = (
                f"The output is the same, but {len(lost)} of {len(self.decisions.all)} requests "
                f"could not be rebuilt; the first is LLM call {first.number}: {first.why}."
            )
            return Judged(verdict="same_output", reason=reason)
        return replace(judged, reason=" ".join([judged.reason, *self._remarks(judged)]))

    def summary(self) -> dict[str, Any]:
        """Return how the requests came about."""
        lost = [each for each in self.decisions.all if each.why is not None]
        told: dict[str, Any] = {
            "rebuilt": self._made["rebuilt"],
            "changed": self._made["changed"],
            "openings": self._made["opened"],
            "beyond_the_source": self._made["new"],
            "not_rebuildable_count": len(lost),
            "not_rebuildable": [
                {"call": each.number, "why": each.why} for each in lost[:NAMED_MAX]
            ],
            "user_turns": self._user_turns.total(),
            "user_turns_after_a_change": self._user_turns[True],
        }
        if self._source.unknown:
            told["unknown"] = list(self._source.unknown)
        if self._source.altered:
            told["altered"] = list(self._source.altered[:NAMED_MAX])
        if self._source.unhashed:
            told["hashed_at_replay"] = self._source.unhashed
        return told

    def _remarks(self, judged: Judged) -> list[str]:
        remarks: list[str] = []
        if judged.verdict == "exact":
            rebuilt, opened = self._made["rebuilt"], self._made["opened"]
            remarks.append(
                f"{opened} of the requests began a conversation, {rebuilt} were rebuilt from what "
                "was said before."
            )
            if self.output_of == "program":
                remarks.append("What the program made of the answers is not judged.")
        if self._user_turns[True]:
            count = self._user_turns[True]
            remarks.append(
                f"{count} user {'message is' if count == 1 else 'messages are'} as recorded, "
                "although what was said before is not."
            )
        return remarks

    def _stuck(self, asked: Asked) -> str:
        if asked.kind == "tool_call":
            return (
                f"The recording has no answer to this call of `{asked.tool}`, and the run has no "
                "program here that could execute it; give a result with "
                f"--set tools.{asked.tool}.result=VALUE."
            )
        if self.options.llm == "recorded":
            return super()._stuck(asked)
        return (
            "The recording has no answer to this LLM call, and its source does not say which "
            "model to ask; name one with --set model=NAME."
        )


def _output_of(source: Hashed, decisions: Decisions) -> Output:
    """Return what the output is: as the recorder of a source makes it, else as it looks."""
    recording = source.recording
    if recording.start.source == "wrap":
        return "said"
    if recording.start.source.startswith("import:"):
        return "last"
    contents = [
        recording.response_of(each.call).message.get("content")
        for each in decisions.all
        if each.call.output_message_ids
    ]
    output = recording.end.output if recording.end else None
    if contents and value_hash(output) == value_hash(contents[-1]):
        return "last"
    said = [content for content in contents if content]
    if said and value_hash(output) == value_hash(said[-1]):
        return "said"
    return "none" if output is None else "program"


def main_conversation(decisions: Decisions) -> Decision | None:
    """Return the beginning of the conversation that the source ended with."""
    answered = [each for each in decisions.all if each.call.output_message_ids]
    if not answered:
        return None
    last = answered[-1]
    while last.previous is not None:
        last = last.previous
    return last
