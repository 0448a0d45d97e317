"""A program of its own that asks models and tools, recorded as it is seen at the wire."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.replaying import recording_of

from secondtake.runner import boundary
from secondtake.runner.calls import LlmFailure, LlmRequest, LlmResponse, ToolRequest
from secondtake.runner.errors import RunStopped
from secondtake.runner.events import BaseEvent
from secondtake.runner.replay.recording import Recording
from secondtake.runner.run import RunRecorder, start_run

Message = Mapping[str, Any]


class Program:
    """Says what a test wrote down; what it recorded is `recording`."""

    def __init__(self, home: Path, *, model: str = "scripted/one") -> None:
        self._home = home
        self._model = model
        self.run: RunRecorder | None = None

    @contextlib.contextmanager
    def running(self, *, source: str = "wrap") -> Iterator["Program"]:
        """Record what is done inside; what fails there is recorded."""
        with (
            contextlib.suppress(ValueError, RunStopped),
            start_run("bot", source=source) as self.run,
        ):
            yield self

    @property
    def recording(self) -> Recording:
        """What was recorded."""
        assert self.run is not None
        return recording_of(self._home, self.run.run_id)

    def ask(self, sent: Sequence[Message], answer: Message | str, **more: Any) -> dict[str, Any]:
        """Send these messages and get this answer; return it as a message."""
        said = {"role": "assistant", "content": answer} if isinstance(answer, str) else answer
        request = LlmRequest(model=self._model, messages=list(sent), **more)
        boundary.call(request, lambda: LlmResponse(messages=[said], provider="scripted"))
        assert self.run is not None
        self.run.set_output(said.get("content"))
        return dict(said)

    def fail(self, sent: Sequence[Message]) -> None:
        """Send these messages and get an error of the provider's."""
        error = ValueError("overloaded")
        error.llm_failure = LlmFailure(error_class="server")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]

        def execute() -> LlmResponse:
            raise error

        boundary.call(LlmRequest(model=self._model, messages=list(sent)), execute)

    def tool(self, name: str, arguments: Mapping[str, Any], result: Any, call_id: str) -> Any:
        """Execute a tool."""
        request = ToolRequest(tool=name, arguments=arguments, tool_call_id=call_id)
        return boundary.call(request, lambda: result)


def user(text: str) -> dict[str, Any]:
    """Return a user's message."""
    return {"role": "user", "content": text}


def system(text: str) -> dict[str, Any]:
    """Return a system message."""
    return {"role": "system", "content": text}


def wants(name: str, arguments: str, call_id: str) -> dict[str, Any]:
    """Return an answer that calls one tool."""
    call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def result(content: Any, call_id: str) -> dict[str, Any]:
    """Return the message that brings a tool's result."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def told_twice(program: Program) -> None:
    """Hold a conversation of four requests: a tool, an answer, a user's message, another tool."""
    sent: list[Message] = [system("You sell tea."), user("One tea please.")]
    with program.running():
        sent.append(program.ask(sent, wants("price", '{"kind": "green"}', "a1")))
        sent.append(result(program.tool("price", {"kind": "green"}, "3.20", "a1"), "a1"))
        sent.append(program.ask(sent, "That is 3.20."))
        sent.append(user("And black tea?"))
        sent.append(program.ask(sent, wants("price", '{"kind": "black"}', "a2")))
        sent.append(result(program.tool("price", {"kind": "black"}, "2.80", "a2"), "a2"))
        program.ask(sent, "That is 2.80.")


def altered(recording: Recording, event: BaseEvent, **fields: Any) -> Recording:
    """Return a recording in which one event says something else."""
    changed = event.model_copy(update=fields)
    return Recording.of(changed if each is event else each for each in recording.events)
