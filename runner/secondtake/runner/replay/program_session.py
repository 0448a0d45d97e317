"""The replay of a program that is executed again, with something different in what it asks."""

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from secondtake.runner.calls import LlmRequest
from secondtake.runner.context import RunContext, current
from secondtake.runner.conversation import EMPTY_CHAIN
from secondtake.runner.events import LlmCall, RunStatus
from secondtake.runner.hashing import content_digest, next_in_chain, request_hashes, value_hash
from secondtake.runner.limits import Meter
from secondtake.runner.llm_call import NO_TOOLS_HASH
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.matching import without_visits
from secondtake.runner.replay.options import MessageEdit
from secondtake.runner.replay.program_changes import (
    AT_THE_WIRE,
    check_program_changes,
    parameter_of,
    providers_of,
)
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Plain
from secondtake.runner.replay.session import Answer, Asked, ReplaySession
from secondtake.runner.replay.tool_messages import tool_of

if TYPE_CHECKING:
    from secondtake.runner.replay.verdict import Judged
    from secondtake.runner.run import RunRecorder

PERMISSION: Final = ".on_miss"
"""End of the paths that only allow something."""
CLOSED: Final = "GeneratorExit"
"""Error type of a stream that the program closed before its end."""


@dataclass(frozen=True, kw_only=True)
class RequestChange:
    """What is to be different in one request of a program."""

    model: str | None = None
    """None for its own."""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """As OpenAI's Chat Completions names them; None takes one away."""
    system: str | None = None
    tools_off: frozenset[str] = frozenset()
    descriptions: Mapping[str, str] = field(default_factory=dict[str, str])
    texts: Mapping[int, str] = field(default_factory=dict[int, str])
    """Other texts of messages, by their place in the request, from 0."""


@dataclass(frozen=True, kw_only=True)
class ClosedEarly(Answer):
    """The beginning of a streamed answer: the program closed the stream there."""


class ProgramSession(ReplaySession):
    """One replay of a program. Safe for use by many threads."""

    def __init__(self, recording: Recording, changes: Changes, plain: Plain) -> None:
        is_wire = recording.start.source == AT_THE_WIRE
        super().__init__(
            recording, changes.options, visits_may_race=not is_wire, has_tools=not is_wire
        )
        self.forks_when_entered = not is_wire
        self._plain = plain
        self._providers = providers_of(recording)
        self._lock_of_changes = threading.Lock()
        self._applied: set[str] = set()
        self._places = _Places(self)

    def change_of(
        self, request: LlmRequest, here: RunContext, *, provider: str | None
    ) -> RequestChange | None:
        """Return what is to be different in a request that the program makes; None for nothing.

        Args:
            request: as the program made it.
            here: where.
            provider: the only one that can be asked; its models come without its name. None where
                any can.

        Raises:
            ReplayDiverged: a message is to be another one before the fork.
        """
        texts = self._texts(request, here)
        if self.is_before_fork:
            return None
        plain = self._plain
        offered = {tool_of(tool) for tool in request.tools}
        found = RequestChange(
            model=self._model_at(provider),
            parameters=plain.parameters,
            system=plain.system,
            tools_off=plain.tools_off & offered,
            descriptions={n: text for n, text in plain.descriptions.items() if n in offered},
            texts=texts,
        )
        self._note(found)
        return None if found == RequestChange() else found

    def answer(self, asked: Asked, *, meter: Meter | None = None) -> Answer | None:
        """Return what answers a call; see `ReplaySession.answer`."""
        found = self._closed_early(asked) or super().answer(asked, meter=meter)
        if found is not None and found.edited and found.call is not None:
            is_llm = isinstance(found.call, LlmCall)
            number = self.calls.numbers[found.call.span_id]
            self._apply(f"llm_calls.{number}.answer" if is_llm else f"tool_calls.{number}.result")
        elif found is not None and found.call is None:
            self._apply(f"tools.{asked.tool}.result")
        return found

    def judge(self, status: RunStatus, error_type: str | None, output: Any) -> "Judged":
        """Return the verdict, which also says what was to be different and never was."""
        judged = super().judge(status, error_type, output)
        unapplied = self.unapplied()
        if not unapplied:
            return judged
        self.extra["unapplied"] = unapplied
        told = ", ".join(f"--set {path}" for path in unapplied)
        return replace(
            judged,
            reason=f"{judged.reason} Never applied, since the program made no such call: {told}.",
        )

    def unapplied(self) -> list[str]:
        """Return the paths of the changes that nothing of the program came to."""
        return [
            path
            for path in self.options.overrides
            if not path.endswith(PERMISSION) and path.removesuffix(".content") not in self._applied
        ]

    def _model_at(self, provider: str | None) -> str | None:
        """Return the wanted model as a provider has it; None where it is another provider's."""
        wanted = self._plain.model
        if wanted is None or provider is None:
            return wanted
        named = wanted.partition("/")[0]
        if "/" in wanted and named != provider and named in self._providers:
            return None
        return wanted.removeprefix(f"{provider}/")

    def _note(self, change: RequestChange) -> None:
        for path in self.options.overrides:
            section, *rest = path.split(".")
            name = parameter_of(path)
            if (
                (name is not None and name in change.parameters)
                or (section == "model" and change.model is not None)
                or (section == "system" and change.system is not None)
                or (section == "tools" and len(rest) == 1 and rest[0] in change.tools_off)
                or (rest[1:] == ["description"] and rest[0] in change.descriptions)
            ):
                self._apply(path)

    def _apply(self, path: str) -> None:
        with self._lock_of_changes:
            self._applied.add(path)

    def _texts(self, request: LlmRequest, here: RunContext) -> dict[int, str]:
        if not self.options.messages:
            return {}
        found: dict[int, str] = {}
        for edit in self._places.edits_of(request, here):
            path = f"llm_calls.{edit.call}.messages.{edit.index}"
            self.check_edit(path, self.recording.llm_calls[edit.call - 1])
            self._apply(path)
            found[edit.index] = edit.content
        return found

    def _closed_early(self, asked: Asked) -> Answer | None:
        """Return the beginning of a stream that the program closed, where its turn has come."""
        if asked.kind != "llm_call" or asked.request_hash is None or self._policy(asked) == "live":
            return None
        call = self.calls.find("llm_call", [asked.request_hash])
        if (
            not isinstance(call, LlmCall)
            or call.error_type != CLOSED
            or "pieces" not in (call.extra or {})
            or without_visits(call.node_path or "") != without_visits(asked.node_path or "")
            or self.calls.use(call) is None
        ):
            return None
        found = self._recorded(call)
        if found is None or found.edited:
            return found
        return ClosedEarly(call=call, response=self.recording.response_of(call))


class _Places:
    """Which requests of a program are those whose messages are to be other ones.

    An edit of call N holds in call N and in what goes on from it. A request is call N when the
    recorded call N was asked the very same, of several the one whose turn it is; a request that was
    not recorded at all when it is the N-th of the program and has the recorded message there.
    """

    def __init__(self, session: ReplaySession) -> None:
        self._session = session
        self._recording = session.recording
        self._lock = threading.Lock()
        self._made = 0
        self._numbers: dict[tuple[str, str], list[int]] | None = None
        self._beginnings: dict[MessageEdit, set[tuple[int, str]]] = defaultdict(set)

    def edits_of(self, request: LlmRequest, here: RunContext) -> list[MessageEdit]:
        """Return the edits that hold in a request."""
        digests, chains = _chains(request.messages, here.run)
        with self._lock:
            self._made += 1
            number = self._number(request, here, chains)
            return [
                edit
                for edit in self._session.options.messages
                if self._holds(edit, number, digests, chains, here)
            ]

    def _holds(
        self,
        edit: MessageEdit,
        number: int | None,
        digests: Sequence[bytes],
        chains: Sequence[str],
        here: RunContext,
    ) -> bool:
        call = self._recording.llm_calls[edit.call - 1]
        prompt = self._recording.prompt_of(call)
        beginnings = self._beginnings[edit]
        beginnings.add((len(prompt), call.messages_hash or ""))
        if edit.index >= len(digests) or not _is_same_place(call, here):
            return False
        if number == edit.call:
            return True
        if any(len(chains) > size and chains[size - 1] == told for size, told in beginnings):
            return number is None or number > edit.call
        if number is not None or self._made != edit.call:
            return False
        if digests[edit.index] != content_digest(prompt[edit.index]):
            return False
        beginnings.add((len(chains), chains[-1]))
        return True

    def _number(self, request: LlmRequest, here: RunContext, chains: Sequence[str]) -> int | None:
        """Return which recorded call was asked the same and was not made yet."""
        if self._numbers is None:
            self._numbers = defaultdict(list)
            for call in self._session.calls.calls:
                if isinstance(call, LlmCall) and call.request_hash is not None:
                    key = (without_visits(call.node_path or ""), call.request_hash)
                    self._numbers[key].append(self._session.calls.numbers[call.span_id])
        asked = _hash_of(request, here.run, chains[-1] if chains else "")
        left = self._numbers.get((without_visits(here.node_path or ""), asked))
        return left.pop(0) if left else None


def program_session(recording: Recording, changes: Changes) -> ProgramSession:
    """Return the replay that a program is to be.

    Raises:
        UsageError: a change is none that can be made of what a program does from outside.
    """
    return ProgramSession(recording, changes, check_program_changes(changes, recording))


def change_of(request: LlmRequest, *, provider: str | None = None) -> RequestChange | None:
    """Return what a replay wants to be different in a request; see `ProgramSession.change_of`."""
    here = current()
    session = here.run.replay if here is not None else None
    if here is None or not isinstance(session, ProgramSession):
        return None
    return session.change_of(request, here, provider=provider)


def _is_same_place(call: LlmCall, here: RunContext) -> bool:
    return without_visits(call.node_path or "") == without_visits(here.node_path or "")


def _chains(
    messages: Sequence[Mapping[str, Any]], run: "RunRecorder"
) -> tuple[list[bytes], list[str]]:
    """Return the digest of each message, and the hash of the conversation up to it."""
    digests: list[bytes] = []
    chains: list[str] = []
    chain, order = EMPTY_CHAIN, dict[str, str]()
    for message in messages:
        cleaned = run.sink.clean_message(message)
        plain = {name: item for name, item in cleaned.items() if item is not None}
        digests.append(content_digest(plain))
        chain = next_in_chain(chain, plain, digests[-1], order)
        chains.append(chain.hex())
    return digests, chains


def _hash_of(request: LlmRequest, run: "RunRecorder", messages_hash: str) -> str:
    tools = run.clean(list(request.tools)) if request.tools else None
    return request_hashes(
        model=run.label(request.model),
        messages_hash=messages_hash,
        tools_hash=value_hash(tools) if tools else NO_TOOLS_HASH,
        parameters=run.structure(dict(request.parameters)) if request.parameters else {},
    ).request
