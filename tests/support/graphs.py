"""Executes LangChain programs as recorded runs, and as replays of these."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import StateGraph
from tests.support.journal import recorded_lines

from secondtake.runner import record
from secondtake.runner.errors import RunStopped
from secondtake.runner.events import LlmCall, ToolCall, event_adapter
from secondtake.runner.langchain_adapter.said import plain
from secondtake.runner.replay.options import ReplayOptions
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import ReplaySession
from secondtake.runner.run import start_run

CHAT = "pydantic-ai/test_tool_choice_matrix/test_tool_choice_matrix[auto-openai].yaml"
"""Two exchanges: a call of `get_weather`, then the answer."""


@dataclass(frozen=True)
class Executed:
    """A run that has ended."""

    given: Any
    """What the program returned; None when it failed."""
    error: BaseException | None
    recording: Recording
    session: ReplaySession | None

    @property
    def llm_calls(self) -> tuple[LlmCall, ...]:
        return self.recording.llm_calls

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return self.recording.tool_calls

    @property
    def verdict(self) -> str | None:
        """The verdict of a replay, with its reason unless it is exact."""
        judged = self.session.judged if self.session else None
        if judged is None:
            return None
        return "exact" if judged.verdict == "exact" else f"{judged.verdict}: {judged.reason}"

    @property
    def replayable(self) -> tuple[str | None, str | None]:
        end = self.recording.end
        assert end is not None
        return end.replayable, end.replayable_reason


def execute(
    home: Path,
    program: Callable[[], Any],
    *,
    source: Executed | None = None,
    options: ReplayOptions | None = None,
) -> Executed:
    """Execute a program as a run, or as a replay of one; what it raises is kept."""
    session = ReplaySession(source.recording, options or ReplayOptions()) if source else None
    given: Any = None
    failed: BaseException | None = None
    with record.langchain():
        try:
            with start_run("program", replay=session) as run:
                given = program()
                run.set_output(plain(given))
        except (Exception, RunStopped) as error:  # noqa: BLE001 - kept for the test to see
            failed = error
    return Executed(given, failed, recording_of(home), session)


def recording_of(home: Path, run_id: str | None = None) -> Recording:
    """Return a recorded run, by default the last one that began."""
    lines = recorded_lines(home)
    if run_id is None:
        run_id = [line["run_id"] for line in lines if line["kind"] == "run_started"][-1]
    own = [line for line in lines if line["run_id"] == run_id]
    return Recording.of(event_adapter().validate_json(orjson.dumps(line)) for line in own)


def new_graph(state: Any) -> Any:
    """Return a `StateGraph`, whose types would ask more of a test than they tell."""
    return StateGraph(state)


class ScriptedChat(BaseChatModel):
    """A user's own chat model; `reply` makes its answers of what it is sent."""

    reply: Callable[[list[BaseMessage]], AIMessage]
    model: str = "house-model"
    asked: list[list[BaseMessage]] = []  # noqa: RUF012 - pydantic copies it for each model

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=self.reply(messages))])


def saying(text: str) -> ScriptedChat:
    """Return a model that always says the same."""
    return ScriptedChat(reply=lambda _: AIMessage(text))


def calling(name: str, *each: dict[str, Any]) -> ScriptedChat:
    """Return a model that calls a tool with these arguments, and then says `done`."""

    def reply(messages: list[BaseMessage]) -> AIMessage:
        if any(message.type == "tool" for message in messages):
            return AIMessage("done")
        calls = [
            {"name": name, "args": arguments, "id": f"call_{number}", "type": "tool_call"}
            for number, arguments in enumerate(each)
        ]
        return AIMessage("", tool_calls=cast(Any, calls))

    return ScriptedChat(reply=reply)
