import json
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.tau_records import TEA, asks, call, events_of, record, says, write

from secondtake.backend.importers.tau_bench import problem_of, read_file, told_by_name
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent
from secondtake.runner.replay.tool_messages import pair_results, parse_arguments
from secondtake.runner.settings import Settings, load_settings


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings()


E = TypeVar("E", bound=BaseEvent)


def of_kind(made: list[BaseEvent], kind: type[E]) -> list[E]:
    return [event for event in made if isinstance(event, kind)]


def test_a_run_is_told_in_order_from_start_to_finish(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)

    assert [getattr(event, "kind") for event in made] == [  # noqa: B009 - of the subclasses
        "run_started", "message", "message", "message", "llm_call", "tool_call", "message",
        "message", "llm_call", "score", "message", "run_finished",
    ]  # fmt: skip
    assert [event.seq for event in made] == list(range(12))


def test_the_run_says_where_it_came_from(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)
    started = of_kind(made, events.RunStarted)[0]

    assert (started.source, started.name) == ("import:tau-bench", "tau-bench airline")
    assert started.tags == {"task": "7", "trial": "2"}
    assert (started.user_id, started.case_id) == ("ann_1", "7")
    assert started.extra is not None
    assert started.extra["import"]["file"] == "gpt-4o-airline.json"
    assert started.extra["import"]["index"] == 0
    assert started.extra["info"]["user_cost"] == 0.25
    assert started.config["task"]["actions"] == []
    assert started.inputs == {"task_id": 7, "user_id": "ann_1", "instruction": "You want tea."}


def test_messages_form_one_chain_and_name_the_call_that_sent_them(
    tmp_path: Path, settings: Settings
) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)
    messages = of_kind(made, events.Message)
    first, second = of_kind(made, events.LlmCall)

    assert [m.parent_id for m in messages] == [None, *(m.message_id for m in messages[:-1])]
    assert [m.depth for m in messages] == list(range(6))
    assert [m.span_id for m in messages] == [*[first.span_id] * 3, *[second.span_id] * 2, None]
    assert first.input_message_id == messages[1].message_id
    assert first.output_message_ids == [messages[2].message_id]
    assert second.input_message_id == messages[3].message_id


def test_what_the_file_does_not_say_stays_unknown(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)

    for llm_call in of_kind(made, events.LlmCall):
        known = {name for name, value in llm_call.model_dump().items() if value is not None}
        assert known == {
            "kind", "run_id", "seq", "recorded_at", "span_id", "model", "input_message_id",
            "output_message_ids", "messages_hash", "model_hash", "served_from", "attempt",
            "simulated",
        }  # fmt: skip
    for tool_call in of_kind(made, events.ToolCall):
        assert tool_call.started_at is None
        assert tool_call.duration_ms is None
        assert tool_call.cost_usd is None
    assert of_kind(made, events.RunStarted)[0].started_at is None
    assert of_kind(made, events.RunFinished)[0].duration_ms is None


def test_a_tool_call_is_joined_to_its_result(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)
    [tool_call] = of_kind(made, events.ToolCall)

    assert (tool_call.tool, tool_call.tool_call_id) == ("price", "c1")
    assert (tool_call.arguments, tool_call.result) == ({"kind": "green"}, "3.20")
    assert tool_call.error_type is None


def test_a_result_that_starts_with_error_is_an_error(tmp_path: Path, settings: Settings) -> None:
    failing = record(
        says("user", "Tea!"), asks(call("price", "{}")), says("tool", "Error: no such tea")
    )
    [made] = events_of(write(tmp_path, [failing]), settings)
    [tool_call] = of_kind(made, events.ToolCall)

    assert tool_call.error_type == "Error"
    assert tool_call.error_message == "Error: no such tea"
    assert tool_call.result == "Error: no such tea"


def test_the_reward_is_a_recorded_score(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)
    [score] = of_kind(made, events.Score)

    assert (score.name, score.score_value) == ("reward", 1.0)
    assert (score.scorer, score.scorer_kind) == ("tau-bench", "recorded")


@pytest.mark.parametrize("reward", [None, "high", True])
def test_a_reward_that_is_no_number_is_kept_but_not_judged(
    tmp_path: Path, settings: Settings, reward: Any
) -> None:
    [made] = events_of(write(tmp_path, [TEA | {"reward": reward}]), settings)
    [score] = of_kind(made, events.Score)

    assert score.score_value is None
    assert score.extra == (None if reward is None else {"reward": reward})


def test_a_failed_run_keeps_its_error_and_its_type(tmp_path: Path, settings: Settings) -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "a.py"\nlib.errors.QuotaError: too many\nsecond'
    )
    info = {"error": "too many\nsecond", "traceback": traceback}
    [made] = events_of(write(tmp_path, [record(info=info, reward=0.0)]), settings)
    finished = of_kind(made, events.RunFinished)[0]

    assert finished.status == "error"
    assert (finished.error_type, finished.error_message) == ("QuotaError", "too many\nsecond")
    assert finished.error_traceback == traceback
    assert not of_kind(made, events.LlmCall)
    assert of_kind(made, events.Score)[0].score_value == 0.0


def test_runs_are_replayable_stepwise(tmp_path: Path, settings: Settings) -> None:
    [made] = events_of(write(tmp_path, [TEA]), settings)
    finished = of_kind(made, events.RunFinished)[0]

    assert (finished.status, finished.replayable) == ("ok", "stepwise")
    assert finished.output == "That is 3.20."


def test_content_off_keeps_structure_and_no_text(tmp_path: Path, home: Path) -> None:
    settings = load_settings({"content": False})
    [made] = events_of(write(tmp_path, [TEA]), settings)
    text = "".join(event.model_dump_json() for event in made)

    assert "tea" not in text.lower()
    assert "3.20" not in text
    assert [m.role for m in of_kind(made, events.Message)] == [m["role"] for m in TEA["traj"]]
    assert of_kind(made, events.ToolCall)[0].tool == "price"
    assert of_kind(made, events.RunFinished)[0].replayable == "no"


def test_a_secret_named_at_the_end_is_out_of_the_beginning_too(
    tmp_path: Path, settings: Settings
) -> None:
    secret = "wombat-4711-lantern"
    leaking = record(
        says("user", f"Use {secret} to log in."),
        asks(call("login", json.dumps({"password": secret}))),
        says("tool", f"welcome {secret}"),
    )
    [made] = events_of(write(tmp_path, [leaking]), settings)

    assert secret not in "".join(event.model_dump_json() for event in made)
    assert of_kind(made, events.ToolCall)[0].arguments["password"].startswith("<secret:")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("{'a': 'it''s', 'b': None}", {"a": "its", "b": None}),
        ("{'path': 'C:\\dir'}", {"path": "C:\\dir"}),
        ("", ""),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("{'a': open('x')}", "{'a': open('x')}"),
        ("('not', 'a dict')", "('not', 'a dict')"),
        ("{'a': 1", "{'a': 1"),
        ("[" * 100_000, "[" * 100_000),
        ("{'a': " + "-" * 90_000 + "1}", "{'a': " + "-" * 90_000 + "1}"),
        (None, None),
        ({"a": 1}, {"a": 1}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_arguments_are_json_else_a_python_dict_else_text(text: Any, value: Any) -> None:
    assert parse_arguments(text) == value


def test_results_are_paired_by_id_first_and_by_position_where_ids_are_missing() -> None:
    calls = [call("a", "", call_id="1"), call("b", ""), call("c", "", call_id="3"), call("d", "")]
    of_3 = says("tool", "three", tool_call_id="3")
    second, fourth = says("tool", "two"), says("tool", "four")
    of_1 = says("tool", "one", tool_call_id="1")

    assert pair_results(calls, [of_3, second, fourth, of_1]) == [of_1, second, of_3, fourth]


def test_a_call_without_a_result_has_none() -> None:
    other = says("tool", "of another call", tool_call_id="9")
    assert pair_results([call("a", "", call_id="1")], [other]) == [None]


def test_an_id_used_twice_in_a_run_is_joined_where_it_was_asked(
    tmp_path: Path, settings: Settings
) -> None:
    twice = record(
        says("user", "go"),
        asks(call("a", "{}", call_id="x")),
        says("tool", "first", tool_call_id="x"),
        asks(call("a", "{}", call_id="x")),
        says("tool", "second", tool_call_id="x"),
    )
    [made] = events_of(write(tmp_path, [twice]), settings)

    assert [c.result for c in of_kind(made, events.ToolCall)] == ["first", "second"]


@pytest.mark.parametrize(
    ("stem", "told"),
    [
        ("gpt-4o-airline", {"model": "gpt-4o", "domain": "airline"}),
        ("sonnet-35-new-retail", {"model": "sonnet-35-new", "domain": "retail"}),
        (
            "tool-calling-gpt-4o-mini-0.0_range_0--1_user-gpt-4o-llm_0101120000",
            {
                "strategy": "tool-calling",
                "model": "gpt-4o-mini",
                "temperature": "0.0",
                "user_model": "gpt-4o",
                "user_strategy": "llm",
            },
        ),
        (
            "tool-calling-none-0.1_range_0-100_user-none-llm_06232025",
            {"strategy": "tool-calling", "temperature": "0.1", "user_strategy": "llm"},
        ),
        (
            "assertions-agent-none-0.1_range_0-100_6_18_2025",
            {"strategy": "assertions-agent", "temperature": "0.1"},
        ),
        ("my-own-agent-gpt-4o-0.1_range_0-5_x", {"temperature": "0.1"}),
        ("results (1)", {}),
    ],
)
def test_a_file_name_tells_only_what_it_says(stem: str, told: dict[str, str]) -> None:
    assert told_by_name(stem) == told


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ([], "it is an empty list, not an object"),
        ({"task_id": 1, "traj": []}, "it has no reward"),
        ({"task_id": 1, "reward": 1, "traj": {}}, "its traj is not a list"),
        (record("hello"), "message 0 of its traj has no role"),  # type: ignore[arg-type]
        (
            record(asks({"id": "1"})),
            "message 0 of its traj has a tool call without a function's name",
        ),
    ],
    ids=["list", "no reward", "no list", "no role", "no name"],
)
def test_a_record_that_cannot_be_taken_says_why(wrong: Any, reason: str) -> None:
    assert problem_of(wrong) == reason


@pytest.mark.parametrize("content", [{"a": 1}, [], [1, 2], "x", [{"id": 1, "messages": []}]])
def test_json_of_another_shape_is_refused_in_one_sentence(tmp_path: Path, content: Any) -> None:
    with pytest.raises(UsageError, match="is no result of tau-bench: it holds"):
        read_file(write(tmp_path, content))


FORK = "trajectories/tau-bench-fork/"
TAU_FILES = [
    "trajectories/tau-bench/gpt-4o-airline.json.gz",
    FORK + "assertions-agent-none-0.1_range_0-100_6_18_2025.json.gz",
    FORK + "tool-calling-none-0.1_range_0-100_user-none-llm_06232025.json.gz",
]


@pytest.mark.parametrize("name", TAU_FILES)
def test_the_events_of_real_files_reach_the_counted_figures(
    shared_data: Path, settings: Settings, name: str
) -> None:
    expected = json.loads((shared_data / "EXPECTED.json").read_text())["tau"][name]
    runs = events_of(shared_data / name, settings)
    made = [event for run in runs for event in run]
    rewards = [score.score_value for score in of_kind(made, events.Score)]
    calls = of_kind(made, events.ToolCall)
    assistant = expected["messages_by_role"]["assistant"]

    assert len({run[0].run_id for run in runs}) == expected["runs"]
    assert sum(filter(None, rewards)) / len(rewards) == pytest.approx(expected["mean_reward"])
    assert len(rewards) == expected["runs"]
    assert Counter(m.role for m in of_kind(made, events.Message)) == expected["messages_by_role"]
    assert len(of_kind(made, events.LlmCall)) == assistant
    assert Counter(c.tool for c in calls) == expected["tool_calls_by_name"]
    assert all(isinstance(c.arguments, dict) for c in calls)
    assert sum(c.tool_call_id is None for c in calls) == expected["tool_calls_without_id"]
    assert all(c.result is not None for c in calls)
    errors = sum(c.error_type is not None for c in calls)
    assert errors == expected["tool_messages_starting_with_Error"]
    failed = [e for e in of_kind(made, events.RunFinished) if e.status == "error"]
    assert len(failed) == expected["runs_with_error_in_info"]
    assert all(e.error_type and e.error_message and e.error_traceback for e in failed)
    models = {c.model for c in of_kind(made, events.LlmCall)}
    assert models == ({"gpt-4o"} if "gpt-4o" in name else {None})
