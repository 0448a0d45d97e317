import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.support import inspect_logs as logs
from tests.support.imported import events_of, of_kind, written

from secondtake.backend.importers.inspect_log import IMPORTER, problem_of
from secondtake.runner import events
from secondtake.runner.events import BaseEvent

pytestmark = pytest.mark.usefixtures("home")

FILES = "trajectories/inspect-logs/tests/"
ALL_FILES = [
    FILES + "analysis/test_logs/2025-05-12T20-28-13-04-00_popularity.json",
    FILES + "analysis/test_logs/2025-05-12T20-28-26-04-00_security-guide.json",
    FILES + "scorer/logs/2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval",
    FILES + "log/test_eval_log/log_formats.json",
    FILES + "log/test_eval_log/log_formats.eval",
    FILES + "log/test_eval_log/log_read_sample.json",
    FILES + "analysis/test_logs_choices/mmlu-summary-choices.eval",
]


def short(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def events_in(folder: Path, *samples: Any, **more: Any) -> list[BaseEvent]:
    [made] = events_of(IMPORTER, written(folder, logs.log(*samples, **more), "log.json"))
    return made


def started_of(made: list[BaseEvent]) -> tuple[events.RunStarted, dict[str, Any]]:
    [started] = of_kind(made, events.RunStarted)
    assert started.extra is not None
    return started, started.extra


@pytest.mark.parametrize("name", ALL_FILES, ids=short)
def test_real_files_reach_the_counted_figures(shared_data: Path, name: str) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["inspect"][name]
    runs = events_of(IMPORTER, shared_data / name)
    made = [event for run in runs for event in run]
    in_scorers = {node.span_id for node in of_kind(made, events.NodeFinished)
                  if (node.extra or {}).get("type") == "scorer"}  # fmt: skip
    calls = of_kind(made, events.LlmCall)
    judging = {call.span_id for call in calls if call.parent_span_id in in_scorers}
    messages = [m for m in of_kind(made, events.Message) if m.span_id not in judging]
    used: dict[str | None, Counter[str]] = {}
    for call in calls:
        counts = {"input": call.input_tokens or 0, "output": call.output_tokens or 0}
        used.setdefault(call.model, Counter()).update(counts, total=sum(counts.values()))

    assert len(runs) == figures["samples"]
    assert Counter(message.role for message in messages) == figures["messages_by_role"]
    tools = Counter(call.tool for call in of_kind(made, events.ToolCall))
    assert tools == figures["tool_calls_by_name"]
    assert used == figures["usage_by_model"]
    for run in runs:
        started, extra = started_of(run)
        assert started.name == figures["task"].rsplit("/", 1)[-1]
        assert extra["log"]["version"] == figures["version"]
        assert started.tags is not None
        assert started.tags["log_status"] == figures["status"]
        assert started.tags["model"] == figures["model"]


@pytest.mark.parametrize("name", ALL_FILES, ids=short)
def test_the_scores_of_real_files_are_the_recorded_ones(shared_data: Path, name: str) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["inspect"][name]
    runs = events_of(IMPORTER, shared_data / name)
    scores = [score for run in runs for score in of_kind(run, events.Score)]
    labels: dict[str, Counter[str | None]] = {}
    for score in scores:
        labels.setdefault(score.name, Counter())[score.label] += 1

    assert labels == figures["sample_scores"]
    assert {score.scorer_kind for score in scores} == {"recorded"}
    for metrics in figures["header_metrics"]:
        values = [s.score_value for s in scores if s.name == metrics["scorer"]]
        mean = sum(filter(None, values)) / len(values)
        assert mean == pytest.approx(metrics["accuracy"])
        [recorded] = started_of(runs[0])[1]["log"]["results"]["scores"]
        assert recorded["metrics"]["accuracy"]["value"] == metrics["accuracy"]
        assert recorded["metrics"]["stderr"]["value"] == metrics["stderr"]


@pytest.mark.parametrize("name", ALL_FILES, ids=short)
def test_the_events_of_real_files_become_nodes_and_calls(shared_data: Path, name: str) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["inspect"][name]
    runs = events_of(IMPORTER, shared_data / name)
    made = [event for run in runs for event in run]
    counts: Counter[str] = Counter()
    for run in runs:
        counts.update(started_of(run)[1]["import"]["events"])
    expected = Counter(figures["events_by_type"])
    nodes = of_kind(made, events.NodeFinished)

    # In the oldest log they stand under `transcript`, where the figures do not look.
    if expected:
        assert counts == expected
        assert len(nodes) == expected["span_begin"] or len(nodes) * 2 == expected["step"]
        assert len(of_kind(made, events.LlmCall)) == expected["model"]
    assert all(node.duration_ms is not None for node in nodes)
    known = {node.span_id for node in nodes}
    for call in of_kind(made, events.LlmCall):
        assert call.parent_span_id in known
        assert call.started_at is not None
        assert all("://" not in (m.content or "")[:15] for m in of_kind(made, events.Message))


def test_a_log_is_the_same_runs_as_json_and_as_eval(tmp_path: Path) -> None:
    one, two = logs.sample(), logs.sample(epoch=2)
    plain = events_of(IMPORTER, written(tmp_path, logs.log(one, two), "log.json"))
    packed = events_of(IMPORTER, logs.zipped(tmp_path, two, one))

    assert len(plain) == 2
    kept = [[(e.run_id, e.seq, type(e)) for e in run] for run in packed]
    assert kept == [[(e.run_id, e.seq, type(e)) for e in run] for run in plain]


def test_the_run_says_where_it_came_from(tmp_path: Path) -> None:
    made = events_in(tmp_path, logs.sample())
    started, extra = started_of(made)
    [finished] = of_kind(made, events.RunFinished)

    assert (started.source, started.name, started.case_id) == ("import:inspect", "tea", "q1")
    assert started.tags == {
        "task": "tea", "model": "openai/gpt-x", "epoch": "1", "log_status": "success",
    }  # fmt: skip
    assert started.inputs == {"input": "The price?"}
    assert started.config["target"] == "3.20"
    assert (extra["import"]["index"], extra["metadata"]) == (0, {"level": 1})
    assert extra["scores"]["match"]["answer"] == "3.20"
    assert (finished.status, finished.output, finished.duration_ms) == ("ok", "3.20", 7500.0)
    assert str(started.started_at) == "2026-01-02 03:04:01+00:00"
    assert str(finished.ended_at) == "2026-01-02 03:04:08+00:00"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([logs.says("user", "attachment://abc")], logs.LONG),
        ([logs.says("system", "S"), logs.says("user", "U")],
         [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]),
        ([None], []),
    ],
)  # fmt: skip
def test_one_message_of_a_user_is_the_question(tmp_path: Path, given: Any, told: Any) -> None:
    assert started_of(events_in(tmp_path, logs.sample(input=given)))[0].inputs == {"input": told}


def test_calls_stand_in_their_spans_with_their_times(tmp_path: Path) -> None:
    made = events_in(tmp_path, logs.sample())
    outer, inner = of_kind(made, events.NodeFinished)
    first, second = of_kind(made, events.LlmCall)
    [tool] = of_kind(made, events.ToolCall)

    assert (outer.span_id, outer.parent_span_id, outer.duration_ms) == ("s1", None, 7000.0)
    assert (inner.parent_span_id, inner.span_kind, inner.node) == ("s1", "agent", "agent")
    assert {first.parent_span_id, second.parent_span_id, tool.parent_span_id} == {"s2"}
    assert (first.duration_ms, tool.duration_ms) == (1000.0, 1000.0)
    assert (tool.tool, tool.tool_call_id, tool.arguments, tool.result) == (
        "price", "c1", {"kind": "green"}, "3.20",
    )  # fmt: skip


def test_a_call_has_its_model_parameters_and_usage(tmp_path: Path) -> None:
    call = of_kind(events_in(tmp_path, logs.sample()), events.LlmCall)[0]

    assert (call.model, call.served_model, call.provider) == ("openai/gpt-x", "served-1", "openai")
    assert call.parameters == {"temperature": 0.5, "tool_choice": "auto"}
    assert call.extra == {"config.max_retries": 3, "output.time": 0.5}
    assert (call.usage, call.finish_reason) == (logs.USAGE, "stop")
    assert (call.cost_usd, call.served_from, call.tools_hash) == (None, "live", None)


def test_shared_messages_are_stored_once_and_attachments_stand_in_their_places(
    tmp_path: Path,
) -> None:
    made = events_in(tmp_path, logs.sample())
    messages = of_kind(made, events.Message)

    assert [m.role for m in messages] == ["system", "user", "assistant", "tool", "assistant"]
    assert messages[0].content == logs.LONG
    assert messages[2].tool_calls[0]["function"]["arguments"] == '{"kind":"green"}'
    assert (messages[3].tool_call_id, messages[3].name) == ("c1", "price")
    assert all(message.extra is None for message in messages)
    assert started_of(made)[1]["events"][0]["data"] == logs.LONG


def test_a_missing_attachment_and_a_missing_parent_are_said(tmp_path: Path) -> None:
    lost = logs.sample(attachments={})
    lost["events"][0]["parent_id"] = "gone"
    made = events_in(tmp_path, lost)
    extra = started_of(made)[1]
    outer = of_kind(made, events.NodeFinished)[0]

    assert extra["import"]["missing_parents"] == ["gone"]
    assert extra["import"]["missing_attachments"] == ["abc"]
    assert (outer.parent_span_id, outer.extra) == (
        None, {"type": "solvers", "missing_parent": "gone"},
    )  # fmt: skip


def test_messages_that_events_share_are_read_by_their_ranges(tmp_path: Path) -> None:
    pool = [logs.says("system", "attachment://abc"), logs.says("user", "The price?")]
    call = logs.model([], logs.says("assistant", "3.20"), input_refs=[[0, 1], [1, 2]])
    made = events_in(
        tmp_path, logs.sample(events=[call], events_data={"messages": pool, "calls": []})
    )
    messages = of_kind(made, events.Message)

    assert [m.content for m in messages[:3]] == [logs.LONG, "The price?", "3.20"]


def test_a_log_without_events_still_has_its_calls(tmp_path: Path) -> None:
    made = events_in(tmp_path, logs.sample(events=[]))
    first, second = of_kind(made, events.LlmCall)
    [tool] = of_kind(made, events.ToolCall)

    assert (first.model, first.usage, first.started_at) == ("openai/gpt-x", None, None)
    assert (second.usage, second.input_tokens) == (logs.USAGE, 10)
    assert (tool.tool, tool.arguments, tool.result) == ("price", {"kind": "green"}, "3.20")
    assert len(of_kind(made, events.Message)) == 5


def test_failed_calls_keep_their_errors(tmp_path: Path) -> None:
    failed = logs.model([], {}, error="openai.RateLimitError: slow", traceback="Traceback",
                        output={"model": "x", "choices": []})  # fmt: skip
    broken = logs.tool(error={"type": "timeout", "message": "too slow"}, result="")
    made = events_in(tmp_path, logs.sample(events=[failed, broken]))
    [call], [tool] = of_kind(made, events.LlmCall), of_kind(made, events.ToolCall)

    assert (call.error_type, call.error_traceback) == ("RateLimitError", "Traceback")
    assert (call.output_message_ids, call.usage, call.input_tokens) == (None, None, None)
    assert (tool.error_type, tool.error_message) == ("timeout", "too slow")


def test_a_call_that_a_cache_answered_says_so(tmp_path: Path) -> None:
    cached = logs.model([], logs.says("assistant", "x"), cache="read")
    [call] = of_kind(events_in(tmp_path, logs.sample(events=[cached])), events.LlmCall)
    assert call.served_from == "cache"


def test_a_recorded_cost_is_kept(tmp_path: Path) -> None:
    usage = logs.USAGE | {"total_cost": 0.0123}
    answer = logs.says("assistant", "x")
    call = logs.model([], answer, output=logs.output(answer, usage))
    [made] = of_kind(events_in(tmp_path, logs.sample(events=[call])), events.LlmCall)
    assert (made.cost_usd, made.cost_basis) == (Decimal("0.0123"), "recorded")


@pytest.mark.parametrize(
    ("changes", "status", "kind"),
    [
        ({"error": {"message": "ValueError('no')", "traceback": "T"}}, "error", "ValueError"),
        ({"error": {"message": "CancelledError()"}}, "cancelled", None),
        ({"limit": {"type": "token", "limit": 500}}, "budget_exceeded", "token_limit"),
        ({"limit": {"type": "operator", "limit": 1}}, "cancelled", None),
        ({"limit": {"type": "context", "limit": 1}}, "error", "context_limit"),
        ({"output": {}, "scores": None}, "cancelled", None),
        ({}, "ok", None),
    ],
)
def test_how_a_sample_ended_in_a_log_that_was_cancelled(
    tmp_path: Path, changes: dict[str, Any], status: str, kind: str | None
) -> None:
    made = events_in(tmp_path, logs.sample(**changes), status="cancelled")
    [finished] = of_kind(made, events.RunFinished)

    assert (finished.status, finished.error_type) == (status, kind)
    assert (started_of(made)[0].tags or {})["log_status"] == "cancelled"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("C", [("match", 1.0, "C")]),
        ("P", [("match", 0.5, "P")]),
        ("N", [("match", 0.0, "N")]),
        ("good", [("match", None, "good")]),
        (0.25, [("match", 0.25, None)]),
        (True, [("match", 1.0, "true")]),
        (None, [("match", None, None)]),
        (float("nan"), [("match", None, None)]),
        ([1, 2], [("match", None, None)]),
        ({"a": 1, "b": "I"}, [("match/a", 1.0, None), ("match/b", 0.0, "I")]),
    ],
)
def test_scores_are_numbers_words_or_several(tmp_path: Path, value: Any, told: list[Any]) -> None:
    made = events_in(tmp_path, logs.sample(scores={"match": {"value": value}}))
    scores = of_kind(made, events.Score)
    assert [(score.name, score.score_value, score.label) for score in scores] == told


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"sample": None}, "its sample is the value 'None', not an object"),
        ({"sample": {}}, "its sample has no id"),
        ({"sample": {"id": 1, "messages": {"a": 1}}}, "its messages are not a list"),
        ({"sample": {"id": 1, "messages": [None]}}, "message 0 has no role"),
        ({"sample": {"id": 1, "events": {"a": 1}}}, "its events are an object with the keys a"),
        ({"sample": {"id": 1, "scores": [1]}}, "its scores are a list of 1 items"),
    ],
)
def test_a_record_that_cannot_be_taken_says_why(wrong: Any, reason: str) -> None:
    assert problem_of(wrong) == reason


@pytest.mark.parametrize("odd", [None, "x", 5, 2**63, float("nan"), [None], {"a": None}])
@pytest.mark.parametrize(
    "key", ["input", "tools", "config", "output", "call", "timestamp", "span_id", "events", "id"]
)
def test_an_odd_value_in_an_event_harms_nothing(tmp_path: Path, key: str, odd: Any) -> None:
    answer = logs.says("assistant", "x")
    odd_events = [{**event, key: odd} for event in (
        logs.model([], answer), logs.tool(), logs.begin("s9", "x"), logs.end("s9"),
        {"event": "step", "action": "begin", "name": "a"}, {"event": "step", "action": "end"},
        {"event": "subtask", "name": "y", "events": [logs.tool()]},
    )]  # fmt: skip
    made = events_in(tmp_path, logs.sample(events=[odd, *odd_events]))

    assert len(of_kind(made, events.LlmCall)) == 1
    json.loads("[" + ",".join(event.model_dump_json() for event in made) + "]")
