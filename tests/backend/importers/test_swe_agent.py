import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile import TEXTS
from tests.support.imported import events_of, of_kind, written

from secondtake.backend.importers.swe_agent import IMPORTER, problem_of, read_file
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import load_settings

pytestmark = pytest.mark.usefixtures("home")

FILES = "trajectories/swe-agent/"
FUNCTION_CALLING = (
    FILES + "replay__marshmallow-code__marshmallow-1867__function_calling__install-1/"
    "marshmallow-code__marshmallow-1867.traj"
)
ALL_FILES = [
    FUNCTION_CALLING,
    FILES + "replay__marshmallow-code__marshmallow-1867__default__t-0.20__p-0.95__c-2.00"
    "__install-1___install_from_source/marshmallow-code__marshmallow-1867.traj",
    FILES + "replay__marshmallow-code__marshmallow-1867__xml_sys-env_window100__t-0.20__p-0.95"
    "__c-2.00__install-1/marshmallow-code__marshmallow-1867.traj",
    FILES + "function_calling_simple.traj",
    FILES + "ctf/crypto/katy.traj",
    FILES + "ctf/misc/networking_1.traj",
    FILES + "ctf/web/i_got_id_demo.traj",
    FILES + "tests/test_data/trajectories/gpt4__swe-bench-dev-easy_first_only__default__t-0.00"
    "__p-0.95__c-3.00__install-1/pydicom__pydicom-1458.traj",
]
PYDICOM = ALL_FILES[-1]


def says(role: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, "agent": "main"} | more


def record(**more: Any) -> dict[str, Any]:
    """Return a run of two commands, one of them without a message."""
    answer = says("assistant", "I look.\n```\nls -a\n```", thought="I look.", action="ls -a\n")
    step = {
        "action": "ls -a\n", "observation": "a.py", "response": answer["content"],
        "thought": "I look.", "execution_time": 0.25, "state": '{"open_file": "n/a"}',
    }  # fmt: skip
    made = {
        "environment": "swe_main",
        "history": [
            says("system", "You are a programmer."),
            says("user", "This is how it is done.", is_demo=True),
            says("assistant", "```\nsubmit\n```", is_demo=True),
            says("user", "Mend it."),
            answer,
            says("user", "a.py\n(Open file: n/a)"),
        ],
        "trajectory": [step, {"action": "", "observation": "", "response": "", "thought": "cost"}],
        "info": {"exit_status": "submitted", "submission": "diff", "model_stats": {}},
    }
    return made | more


def events_in(folder: Path, value: Any, name: str = "task__one-1.traj") -> list[BaseEvent]:
    [made] = events_of(IMPORTER, written(folder, value, name))
    return made


@pytest.mark.parametrize("name", ALL_FILES, ids=lambda name: name.split("__")[-1][-40:])
def test_real_files_reach_the_counted_figures(shared_data: Path, name: str) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["sweagent"][name]
    [made] = events_of(IMPORTER, shared_data / name)
    started, finished = of_kind(made, events.RunStarted)[0], of_kind(made, events.RunFinished)[0]
    calls, tools = of_kind(made, events.LlmCall), of_kind(made, events.ToolCall)
    roles = Counter(message.role for message in of_kind(made, events.Message))
    assert started.extra is not None
    tags = started.tags or {}

    assert roles == figures["messages_by_role"]
    assert roles.total() == figures["history_messages"]
    assert len(calls) == roles["assistant"]
    assert len(tools) == (figures["steps"] or figures["tool_calls"])
    with_ids = [call for call in tools if call.tool_call_id is not None]
    assert Counter(call.tool for call in with_ids) == figures["tool_calls_by_name"]
    assert len(with_ids) == figures["tool_calls"]
    assert tags.get("demonstrations", "0") == str(figures["demo_messages"])
    assert tags.get("exit_status") == figures["exit_status"]
    assert bool(finished.output) == figures["has_submission"]
    assert started.extra["info"].get("model_stats", {}) == figures["model_stats"]
    took_ms = sum(call.duration_ms or 0 for call in tools)
    assert took_ms == pytest.approx(figures["sum_execution_time"] * 1000, abs=0.001)
    actions = (call.extra["action"] if with_ids else call.arguments["action"]
               for call in tools if figures["steps"] and call.extra)  # fmt: skip
    assert Counter(action.split()[0] for action in actions) == figures["first_word_of_actions"]
    assert "steps_without_message" not in started.extra


@pytest.mark.parametrize("name", ALL_FILES, ids=lambda name: name.split("__")[-1][-40:])
def test_tokens_and_cost_by_call_are_unknown_because_only_a_run_is_counted(
    shared_data: Path, name: str
) -> None:
    [made] = events_of(IMPORTER, shared_data / name)

    for call in of_kind(made, events.LlmCall):
        assert (call.input_tokens, call.output_tokens, call.usage) == (None, None, None)
        assert (call.cost_usd, call.cost_basis, call.started_at) == (None, None, None)


def test_model_and_sampling_are_told_by_the_folder_of_an_older_file(shared_data: Path) -> None:
    [made] = events_of(IMPORTER, shared_data / PYDICOM)

    for call in of_kind(made, events.LlmCall):
        assert (call.model, call.parameters) == ("gpt4", {"temperature": 0.0, "top_p": 0.95})


def test_a_replayed_trajectory_has_no_model(shared_data: Path) -> None:
    [made] = events_of(IMPORTER, shared_data / FUNCTION_CALLING)

    assert {call.model for call in of_kind(made, events.LlmCall)} == {None}
    config = of_kind(made, events.RunStarted)[0].config
    assert config["agent"]["model"]["name"] == "gpt-4o"  # what the file says is kept


def test_a_called_function_has_its_arguments_result_time_and_state(shared_data: Path) -> None:
    [made] = events_of(IMPORTER, shared_data / FUNCTION_CALLING)
    call = of_kind(made, events.ToolCall)[0]
    messages = of_kind(made, events.Message)

    assert (call.tool, call.arguments) == ("create", {"filename": "reproduce.py"})
    assert call.result == "[File: reproduce.py (1 lines total)]\r\n1:"
    assert call.duration_ms == pytest.approx(239.6368, abs=0.001)
    assert call.extra is not None
    assert call.extra["state"]["open_file"] == "/testbed/reproduce.py"
    told = next(message for message in messages if message.tool_call_id == call.tool_call_id)
    assert told.content is not None
    assert told.content.endswith("bash-$")


def test_a_command_in_text_is_a_tool_call_of_its_first_word(tmp_path: Path) -> None:
    [call] = of_kind(events_in(tmp_path, record()), events.ToolCall)

    assert (call.tool, call.arguments, call.result) == ("ls", {"action": "ls -a\n"}, "a.py")
    assert (call.tool_call_id, call.duration_ms) == (None, 250.0)
    assert call.extra == {"state": {"open_file": "n/a"}}


def test_a_demonstration_is_a_message_and_no_call(tmp_path: Path) -> None:
    made = events_in(tmp_path, record())
    started = of_kind(made, events.RunStarted)[0]

    assert len(of_kind(made, events.LlmCall)) == 1
    assert len(of_kind(made, events.Message)) == 6
    assert started.tags is not None
    assert started.tags["demonstrations"] == "2"


def test_messages_are_as_they_were_sent_and_the_rest_stands_in_the_run(tmp_path: Path) -> None:
    made = events_in(tmp_path, record())
    started = of_kind(made, events.RunStarted)[0]

    assert all(message.extra is None for message in of_kind(made, events.Message))
    assert started.extra is not None
    assert started.extra["history"][1] == {"agent": "main", "is_demo": True}
    assert of_kind(made, events.LlmCall)[0].extra == {"thought": "I look.", "action": "ls -a\n"}


def test_a_step_without_a_message_is_kept_with_the_run(tmp_path: Path) -> None:
    started = of_kind(events_in(tmp_path, record()), events.RunStarted)[0]

    assert started.extra is not None
    assert [step["thought"] for step in started.extra["steps_without_message"]] == ["cost"]


def test_what_a_call_was_sent_is_its_query_where_a_step_has_one(tmp_path: Path) -> None:
    made = record()
    made["trajectory"][0]["query"] = [says("user", "Mend it, in short.")]
    run = events_in(tmp_path, made)
    [call] = of_kind(run, events.LlmCall)
    messages = {message.message_id: message for message in of_kind(run, events.Message)}

    assert call.input_message_id is not None
    sent = messages[call.input_message_id]
    assert (sent.content, sent.parent_id) == ("Mend it, in short.", None)
    assert len(messages) == 8  # those of the history too


@pytest.mark.parametrize(
    ("said", "status", "kind"),
    [
        ("submitted", "ok", None),
        ("submitted (exit_cost)", "budget_exceeded", "exit_cost"),
        ("exit_cost", "budget_exceeded", "exit_cost"),
        ("exit_format", "error", "exit_format"),
        ("early_exit", "error", "early_exit"),
        (None, "interrupted", None),
    ],
)
def test_the_exit_status_says_how_a_run_ended(
    tmp_path: Path, said: str | None, status: str, kind: str | None
) -> None:
    made = events_in(tmp_path, record(info={"exit_status": said, "model_stats": {}}))
    finished = of_kind(made, events.RunFinished)[0]

    assert (finished.status, finished.error_type) == (status, kind)


def test_the_run_says_where_it_came_from(tmp_path: Path) -> None:
    started = of_kind(events_in(tmp_path, record()), events.RunStarted)[0]

    assert (started.source, started.name) == ("import:swe-agent", "swe-agent task__one-1")
    assert (started.case_id, started.agent) == ("task__one-1", "main")
    assert started.inputs == {"instance_id": "task__one-1", "task": "Mend it."}
    assert started.extra is not None
    assert started.extra["import"]["file"] == "task__one-1.traj"


def test_a_configuration_may_be_json_text(tmp_path: Path) -> None:
    config = {
        "agent": {"model": {"name": "claude-x", "temperature": "0.5", "api_key": None}},
        "problem_statement": {"id": "its-own-id", "text": "The issue."},
    }
    made = events_in(tmp_path, record(replay_config=json.dumps(config)))
    [call] = of_kind(made, events.LlmCall)

    assert (call.model, call.parameters) == ("claude-x", {"temperature": 0.5})
    assert of_kind(made, events.RunStarted)[0].inputs == {
        "instance_id": "its-own-id", "task": "The issue.",
    }  # fmt: skip


def test_hostile_text_is_kept_as_text(tmp_path: Path) -> None:
    texts = [*TEXTS.values(), "\ud800 half", "\x00"]
    history = [says("user", text) for text in texts]
    steps = [{"action": text, "observation": text, "state": text} for text in texts]
    made = events_in(tmp_path, record(history=history, trajectory=steps))

    assert len(of_kind(made, events.Message)) == len(texts)
    json.loads(made[0].model_dump_json())


@pytest.mark.parametrize("odd", [None, "3", 2**63, float("nan"), float("inf"), -1, [], {"a": 1}])
def test_numbers_that_are_none_are_unknown(tmp_path: Path, odd: Any) -> None:
    made = record()
    made["trajectory"][0] |= {"execution_time": odd, "state": odd}
    made["replay_config"] = {"agent": {"model": {"name": odd, "temperature": odd}}}
    made["info"]["model_stats"] = odd
    run = events_in(tmp_path, made)
    [call] = of_kind(run, events.ToolCall)

    assert call.duration_ms == {"3": 3000.0, str(2**63): 2.0**63 * 1000}.get(str(odd))
    json.loads("".join(event.model_dump_json() for event in run[:1]))


def test_content_off_keeps_structure_and_no_text(tmp_path: Path) -> None:
    [made] = events_of(
        IMPORTER, written(tmp_path, record(), "a.traj"), load_settings({"content": False})
    )
    text = "".join(event.model_dump_json() for event in made)

    assert "I look" not in text
    assert "a.py" not in text
    assert of_kind(made, events.ToolCall)[0].tool == "ls"


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ([], "it is an empty list, not an object"),
        ({"history": {}}, "its history is not a list"),
        ({"history": ["x"]}, "message 0 of its history has no role"),
        ({"history": [None]}, "message 0 of its history has no role"),
        (
            {"history": [says("assistant", "", tool_calls=[None])]},
            "message 0 of its history has a tool call without a function's name",
        ),
        (
            {"history": [says("assistant", "", tool_calls={"a": 1})]},
            "message 0 of its history has tool_calls that are not a list",
        ),
        ({"history": [], "trajectory": [1]}, "its trajectory is not a list of objects"),
        ({"history": [], "info": []}, None),
        ({"history": [], "info": "x"}, "its info is not an object"),
    ],
)
def test_a_record_that_cannot_be_taken_says_why(wrong: Any, reason: str | None) -> None:
    assert problem_of(wrong) == reason


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([{"role": "user", "content": "x"}], "try `secondtake import mini-swe-agent`"),
        ({"eval": {}, "status": "success"}, "try `secondtake import inspect`"),
        ([{"task_id": 1, "reward": 1, "traj": []}], "try `secondtake import tau-bench`"),
        ({"a": 1}, "it holds an object with the keys a. A trajectory is"),
    ],
)
def test_another_format_is_refused_and_the_importer_named(
    tmp_path: Path, content: Any, found: str
) -> None:
    with pytest.raises(UsageError) as raised:
        read_file(written(tmp_path, content, "x.traj"))
    assert "is no trajectory of SWE-agent" in raised.value.message
    assert found in raised.value.message


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "is empty"), (b'{"history": [', "was the file cut off"), (b"\xff\xfe\x00", "UTF-8")],
)
def test_a_broken_file_is_refused(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "a.traj"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=reason):
        read_file(path)
