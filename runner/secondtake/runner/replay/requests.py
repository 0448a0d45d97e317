"""Requests of a replay that has no program: what of them can be changed, and what they hash to.

model=sim/weak, temperature=0.2, parameters.seed=7     of every call
system=TEXT                                            the system message of every conversation
tools.NAME=off, tools.NAME.description=TEXT            what models are offered
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from secondtake.runner import boundary
from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.conversation import EMPTY_CHAIN
from secondtake.runner.errors import UsageError
from secondtake.runner.events import LlmCall
from secondtake.runner.hashing import content_digest, next_in_chain, request_hashes
from secondtake.runner.llm_call import NO_TOOLS_HASH
from secondtake.runner.providers.completion import complete
from secondtake.runner.providers.retry import CallPolicy
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording, as_message
from secondtake.runner.replay.tool_messages import tool_of
from secondtake.runner.workflows.source import parse_value

SYSTEM_ROLES: Final = ("system", "developer")
ALTERED: Final = "altered"
"""In the place of the hash of messages that are not those which were hashed: equals none."""


@dataclass(frozen=True, kw_only=True)
class Plain:
    """What is to be different in requests."""

    model: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """None takes a parameter away."""
    system: str | None = None
    tools_off: frozenset[str] = frozenset()
    descriptions: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, changes: Changes, recording: Recording) -> "Plain":
        """Read the changes of a run without a program.

        Raises:
            UsageError: one of them needs a program or a workflow.
        """
        if changes.options.from_node is not None:
            raise UsageError(
                f"--from {changes.options.from_node}: the run has no program that could be "
                "entered at a node; leave --from out."
            )
        found = cls(tools_off=changes.tools_off, descriptions=changes.descriptions)
        if (found.tools_off or found.descriptions) and not recording.tool_definitions:
            raise UsageError(
                "--set tools...: the run does not say which tools its models were offered, so "
                "none of them can be changed."
            )
        for text in changes.definition:
            path, _, value = text.partition("=")
            found = _with(found, path, value)
        return found

    def check_models(
        self, recording: Recording, options: ReplayOptions, *, is_changed: bool = False
    ) -> None:
        """See to it that it is known which models are to be asked.

        Args:
            recording: of the source.
            options: of the replay.
            is_changed: whether all requests are other ones than the recorded.

        Raises:
            UsageError: the source does not say which model it asked.
        """
        if self.model or not (is_changed or options.samples or options.llm == "live"):
            return
        for number, call in enumerate(recording.llm_calls, start=1):
            if not call.model:
                raise UsageError(
                    f"The source does not say which model LLM call {number} asked; name one with "
                    "--set model=NAME."
                )

    def request(
        self, call: LlmCall, messages: Sequence[Mapping[str, Any]], recording: Recording
    ) -> LlmRequest:
        """Return a request like a recorded one, with these messages, changed."""
        given: Any = call.parameters or {}
        parameters = {**given, **self.parameters}
        return LlmRequest(
            model=self.model or call.model or "",
            messages=messages,
            tools=[
                self._told(tool)
                for tool in recording.tools_of(call)
                if tool_of(tool) not in self.tools_off
            ],
            parameters={name: value for name, value in parameters.items() if value is not None},
            stream=bool(call.stream),
        )

    def opened(self, messages: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], int]:
        """Return the beginning of a conversation, and how many messages were put before it."""
        if self.system is None:
            return list(messages), 0
        for place, message in enumerate(messages):
            if message.get("role") in SYSTEM_ROLES:
                changed = {**message, "content": self.system}
                return [*messages[:place], changed, *messages[place + 1 :]], 0
        return [{"role": "system", "content": self.system}, *messages], 1

    def _told(self, tool: Mapping[str, Any]) -> Mapping[str, Any]:
        text = self.descriptions.get(tool_of(tool))
        if text is None:
            return tool
        return {**tool, "function": {**tool["function"], "description": text}}


def _with(plain: Plain, path: str, value: str) -> Plain:
    section, _, rest = path.partition(".")
    if path == "model" and value:
        return replace(plain, model=value)
    if path == "system":
        return replace(plain, system=value)
    if section == "parameters" and rest and "." not in rest:
        parsed = parse_value(value, flag=f"--set {path}")
        return replace(plain, parameters={**plain.parameters, rest: parsed})
    raise UsageError(
        f"--set {path}: the run is none of a workflow; what can be set are model, system, "
        "parameters.NAME, tools.NAME, tool_calls.N.result, llm_calls.N.answer and "
        "llm_calls.N.messages.I."
    )


def ask(request: LlmRequest, *, policy: CallPolicy) -> LlmResponse:
    """Have a request answered, by the recording or by a model; see `providers.completion`.

    A recorded request may hold arguments of the library that it was asked with, as its time-out.
    They stay in the request, which is compared, and are left out when it is asked again.
    """
    from secondtake.runner.providers.attempt import OWN_ARGUMENTS, execute
    from secondtake.runner.providers.library import load_litellm

    own = OWN_ARGUMENTS & set(request.parameters)
    if not own:
        return complete(request, policy=policy)
    kept = {name: value for name, value in request.parameters.items() if name not in own}
    asked = replace(request, parameters=kept)
    return boundary.call(request, lambda: execute(asked, policy), before=load_litellm)


@dataclass(frozen=True, kw_only=True)
class Hashed:
    """A recording all of whose LLM calls have a hash, as far as their messages are known."""

    recording: Recording
    unhashed: int
    """Calls whose messages had no hash: it was computed of the messages as they are recorded."""
    altered: tuple[int, ...]
    """Numbers of the calls whose recorded messages are not those that were hashed then."""
    unknown: tuple[str, ...]
    """Field groups that the source says nothing of in some call; they are compared as empty."""


def hashed(recording: Recording) -> Hashed:
    """Complete the hashes of requests where a source could not say all of a request.

    What is recorded stays. A request of which the tools or the parameters are unknown is hashed as
    one without. Where the recorded messages contradict their recorded hash, the call gets a hash
    that no request has, so that it can only be a divergence.
    """
    chains = _Chains(recording)
    altered: list[int] = []
    unhashed = 0
    unknown: set[str] = set()
    completed: dict[str, LlmCall] = {}
    for number, call in enumerate(recording.llm_calls, start=1):
        chain = chains.of(call.input_message_id)
        if call.messages_hash is None:
            unhashed += 1
        elif chain is not None and call.messages_hash != chain.hex():
            altered.append(number)
            completed[call.span_id] = call.model_copy(
                update={"messages_hash": ALTERED, "request_hash": ALTERED}
            )
            continue
        groups = {"model": call.model_hash, "tools": call.tools_hash,
                  "parameters": call.parameters_hash}  # fmt: skip
        unknown |= {name for name, value in groups.items() if value is None}
        if call.request_hash is None and (call.messages_hash is not None or chain is not None):
            completed[call.span_id] = _completed(call, chain)
    events = [completed.get(getattr(event, "span_id", None) or "", event)
              if isinstance(event, LlmCall) else event
              for event in recording.events]  # fmt: skip
    return Hashed(
        recording=Recording(tuple(events)),
        unhashed=unhashed,
        altered=tuple(altered),
        unknown=tuple(name for name in ("model", "tools", "parameters") if name in unknown),
    )


def _completed(call: LlmCall, chain: bytes | None) -> LlmCall:
    messages_hash = call.messages_hash
    if messages_hash is None:
        messages_hash = chain.hex() if chain else ""
    parameters: Any = call.parameters or {}
    hashes = request_hashes(
        model=call.model or "",
        messages_hash=messages_hash,
        tools_hash=call.tools_hash or NO_TOOLS_HASH,
        parameters=parameters,
    )
    return call.model_copy(
        update={
            "request_hash": hashes.request,
            "model_hash": hashes.model,
            "messages_hash": hashes.messages,
            "tools_hash": hashes.tools,
            "parameters_hash": hashes.parameters,
        }
    )


class _Chains:
    """The hashes of conversations, computed of the messages as they are recorded."""

    def __init__(self, recording: Recording) -> None:
        self._messages = recording.messages
        self._known: dict[UUID, tuple[bytes, dict[str, str]] | None] = {}

    def of(self, message_id: UUID | None) -> bytes | None:
        """Return the hash of the conversation up to a message; None where one is missing."""
        if message_id is None:
            return EMPTY_CHAIN
        path: list[UUID] = []
        place: UUID | None = message_id
        while place is not None and place not in self._known:
            path.append(place)
            message = self._messages.get(place)
            place = message.parent_id if message else None
        for each in reversed(path):
            self._known[each] = self._next(each)
        found = self._known[message_id]
        return found[0] if found else None

    def _next(self, message_id: UUID) -> tuple[bytes, dict[str, str]] | None:
        message = self._messages.get(message_id)
        if message is None:
            return None
        before = (EMPTY_CHAIN, dict[str, str]())
        if message.parent_id is not None:
            parent = self._known.get(message.parent_id)
            if parent is None:
                return None
            before = parent
        plain = {name: value for name, value in as_message(message).items() if value is not None}
        order = dict(before[1])
        return next_in_chain(before[0], plain, content_digest(plain), order), order
