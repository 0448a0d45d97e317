import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support.imported import events_of, of_kind, written

from secondtake.backend.importers.mini_swe_agent import IMPORTER, problem_of, read_file
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent

pytestmark = pytest.mark.usefixtures("home")

REAL = "trajectories/mini-swe-agent/tests/test_data/github_issue.traj.json"
COMMAND = "I look.\n```mswea_bash_command\nls -a\n```"
USAGE = {
    "prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 100}, "cache_creation_input_tokens": 8,
    "completion_tokens_details": {"reasoning_tokens": 10},
}  # fmt: skip


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content} | more


def answer(content: Any = COMMAND, **more: Any) -> dict[str, Any]:
    """Return an assistant message as version 2 writes it."""
    response = {
        "id": "r1", "model": "claude-x-1", "created": 5, "usage": USAGE,
        "choices": [{"finish_reason": "stop", "message": {}}],
    }  # fmt: skip
    extra = {"cost": 0.00012345678912, "response": response, "timestamp": 1_760_000_001.5} | more
    return says("assistant", content, extra=extra)


def whole(*messages: dict[str, Any], **info: Any) -> dict[str, Any]:
    """Return a run as version 2 writes it."""
    made = {
        "exit_status": "Submitted", "submission": "diff", "mini_version": "2.4.0",
        "model_stats": {"instance_cost": 0.5, "api_calls": 1},
        "config": {
            "agent_type": "minisweagent.agents.default.DefaultAgent",
            "model": {"model_name": "anthropic/claude-x", "model_kwargs": {"temperature": 0.0}},
        },
    }  # fmt: skip
    first = [says("system", "You run commands."), says("user", "Mend it.")]
    return {
        "info": made | info,
        "messages": [*first, *messages],
        "trajectory_format": "mini-swe-agent-1.1",
        "instance_id": "task__one-1",
    }


def events_in(folder: Path, value: Any) -> list[BaseEvent]:
    [made] = events_of(IMPORTER, written(folder, value, "task__one-1.traj.json"))
    return made


def test_the_real_file_reaches_the_counted_figures(shared_data: Path) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["miniswe"][REAL]
    [made] = events_of(IMPORTER, shared_data / REAL)
    roles = Counter(message.role for message in of_kind(made, events.Message))
    tools = of_kind(made, events.ToolCall)

    assert roles == figures["messages_by_role"]
    assert roles.total() == figures["messages"]
    assert len(of_kind(made, events.LlmCall)) == roles["assistant"]
    assert len(tools) == figures["bash_blocks"]
    assert {call.tool for call in tools} == {"bash"}
    told = [str(m["content"]) for m in json.loads((shared_data / REAL).read_text())]
    codes = [text[12] for text in told if text.startswith("<returncode>")]
    assert [str(call.extra["returncode"]) for call in tools if call.extra] == codes


def test_the_end_of_a_bare_list_is_what_the_last_command_printed(shared_data: Path) -> None:
    [made] = events_of(IMPORTER, shared_data / REAL)
    finished, started = of_kind(made, events.RunFinished)[0], of_kind(made, events.RunStarted)[0]

    assert finished.output.startswith("diff --git a/tests/missing_colon.py")
    assert (finished.status, finished.ended_at, started.started_at) == ("ok", None, None)
    assert started.extra is not None
    assert started.extra["import"]["end"] == "not said"


def test_what_a_bare_list_does_not_say_stays_unknown(shared_data: Path) -> None:
    [made] = events_of(IMPORTER, shared_data / REAL)

    for call in of_kind(made, events.LlmCall):
        assert (call.model, call.input_tokens, call.cost_usd, call.usage) == (None,) * 4
        assert (call.started_at, call.ended_at, call.duration_ms) == (None,) * 3


def test_tokens_cost_and_model_are_the_recorded_ones(tmp_path: Path) -> None:
    made = events_in(tmp_path, whole(answer(), says("user", "<returncode>0</returncode>\na.py")))
    [call] = of_kind(made, events.LlmCall)

    assert (call.model, call.served_model, call.provider) == (
        "anthropic/claude-x", "claude-x-1", "anthropic",
    )  # fmt: skip
    assert (call.input_tokens, call.uncached_input_tokens, call.cache_read_tokens) == (120, 12, 100)
    assert (call.cache_write_5m_tokens, call.output_tokens) == (8, 30)
    assert (call.reasoning_output_tokens, call.text_output_tokens) == (10, 20)
    assert (call.usage, call.usage_convention) == (USAGE, "cached_included")
    assert (call.cost_usd, call.cost_basis) == (Decimal("0.000123457"), "recorded")
    assert (call.finish_reason, call.response_id) == ("stop", "r1")
    assert call.parameters == {"temperature": 0.0}
    assert call.extra == {"cost": 0.00012345678912, "response.created": 5}
    assert call.started_at is None
    assert call.ended_at is not None
    assert call.ended_at.isoformat() == "2025-10-09T08:53:21.500000+00:00"


@pytest.mark.parametrize("cost", [0.0, None, "free", float("nan"), -1, 2**63])
def test_a_cost_that_is_none_is_unknown(tmp_path: Path, cost: Any) -> None:
    [call] = of_kind(events_in(tmp_path, whole(answer(cost=cost))), events.LlmCall)

    assert (call.cost_usd, call.cost_basis) == (None, None)


def test_a_function_call_has_the_raw_output_of_its_command(tmp_path: Path) -> None:
    asked = {"id": "c1", "type": "function",
             "function": {"name": "bash", "arguments": '{"command": "ls"}'}}  # fmt: skip
    told = says(
        "tool", "<output>a</output>", tool_call_id="c1",
        extra={"raw_output": "a", "returncode": 1, "timestamp": 1_760_000_002,
               "exception_info": "TimeoutExpired: 30 s", "exception_type": "TimeoutExpired"},
    )  # fmt: skip
    made = events_in(tmp_path, whole(answer(None) | {"tool_calls": [asked]}, told))
    [call] = of_kind(made, events.ToolCall)

    assert (call.tool, call.tool_call_id, call.arguments) == ("bash", "c1", {"command": "ls"})
    assert (call.result, call.error_type) == ("a", "TimeoutExpired")
    assert call.extra == {"returncode": 1, "exception_type": "TimeoutExpired"}
    assert call.ended_at is not None
    assert all(message.extra is None for message in of_kind(made, events.Message))


def test_listed_actions_are_paired_with_what_followed(tmp_path: Path) -> None:
    said = answer("no fences", actions=[{"command": "a"}, {"command": "b"}, {"command": "c"}])
    made = events_in(tmp_path, whole(said, says("user", "one"), says("user", "two")))

    assert [(c.arguments["command"], c.result) for c in of_kind(made, events.ToolCall)] == [
        ("a", "one"), ("b", "two"),
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["no command", f"{COMMAND}\n{COMMAND}", None, ["parts"]])
def test_without_exactly_one_command_nothing_was_run(tmp_path: Path, content: Any) -> None:
    made = events_in(
        tmp_path, [says("user", "go"), says("assistant", content), says("user", "EXACTLY ONE")]
    )
    assert not of_kind(made, events.ToolCall)


def test_a_command_that_nothing_answered_is_not_said_to_have_run(tmp_path: Path) -> None:
    made = events_in(tmp_path, [says("user", "go"), says("assistant", COMMAND)])
    assert not of_kind(made, events.ToolCall)


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("Submitted", "ok", None),
        ("LimitsExceeded", "budget_exceeded", "LimitsExceeded"),
        ("TimeExceeded", "budget_exceeded", "TimeExceeded"),
        ("KeyboardInterrupt", "cancelled", None),
        ("AuthenticationError", "error", "AuthenticationError"),
        ("", "interrupted", None),
        (None, "interrupted", None),
    ],
)
def test_the_exit_status_says_how_a_run_ended(
    tmp_path: Path, said: str | None, status: str, kind: str | None
) -> None:
    end = says("exit", "no key", extra={"traceback": "Traceback", "timestamp": 1_760_000_009})
    made = events_in(tmp_path, whole(answer(), end, exit_status=said, submission=""))
    finished = of_kind(made, events.RunFinished)[0]

    assert (finished.status, finished.error_type, finished.output) == (status, kind, None)
    assert finished.error_message == ("no key" if kind else None)
    assert finished.ended_at is not None
    assert "exit" not in {message.role for message in of_kind(made, events.Message)}


def test_the_run_says_where_it_came_from(tmp_path: Path) -> None:
    started = of_kind(events_in(tmp_path, whole(answer())), events.RunStarted)[0]

    assert (started.source, started.name) == (
        "import:mini-swe-agent", "mini-swe-agent task__one-1",
    )  # fmt: skip
    assert (started.case_id, started.inputs) == (
        "task__one-1", {"task": "Mend it.", "instance_id": "task__one-1"},
    )  # fmt: skip
    assert started.extra is not None
    assert started.extra["info"]["model_stats"] == {"instance_cost": 0.5, "api_calls": 1}
    assert started.extra["trajectory_format"] == "mini-swe-agent-1.1"


@pytest.mark.parametrize(
    "response", [None, 5, {"choices": 5, "usage": []}, {"choices": [None], "usage": {"a": None}}]
)
def test_an_odd_response_leaves_tokens_unknown(tmp_path: Path, response: Any) -> None:
    [call] = of_kind(events_in(tmp_path, whole(answer(response=response))), events.LlmCall)
    assert (call.input_tokens, call.output_tokens, call.finish_reason) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"info": {}, "messages": None}, "its messages are the value 'None', not a list"),
        ({"info": 1, "messages": []}, "its info is not an object"),
        ([says("user", "x"), None], "message 1 has no role"),
        (
            [says("user", "x"), {"object": "response", "output": []}],
            "message 1 is an item of OpenAI's Responses API, which this importer does not read",
        ),
        (
            [says("assistant", "x", tool_calls=[{"id": "1"}])],
            "message 0 has a tool call without a function's name",
        ),
        ([says("assistant", "x", tool_calls="y")], "message 0 has tool_calls that are not a list"),
    ],
)
def test_a_record_that_cannot_be_taken_says_why(wrong: Any, reason: str) -> None:
    assert problem_of(wrong) == reason


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"history": []}, "try `secondtake import swe-agent`"),
        (
            {"messages": []},
            "looks like chat-jsonl: try `secondtake import chat-jsonl`. A trajectory is",
        ),
        ([], "it holds an empty list. A trajectory is"),
        ([{"task_id": 1, "reward": 1, "traj": []}], "try `secondtake import tau-bench`"),
    ],
)
def test_another_format_is_refused_and_the_importer_named(
    tmp_path: Path, content: Any, found: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_file(written(tmp_path, content, "x.json"))
    assert "is no trajectory of mini-swe-agent" in raised.value.message
    assert found in raised.value.message
