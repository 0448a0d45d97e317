"""The difference of two runs, from their rows."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from duckdb import DuckDBPyConnection
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run

from secondtake.backend.errors import AmbiguousError, NotFoundError
from secondtake.backend.models.diffs import RunDiff
from secondtake.backend.services import load
from secondtake.backend.services.diff_steps import node_of
from secondtake.backend.services.diff_values import TEXT_CHARS
from secondtake.backend.services.diffs import diff_runs, read_input
from secondtake.evals.diffs.model import DiffInput
from secondtake.runner.events import (
    BaseEvent,
    LlmCall,
    MemoryChange,
    Message,
    ReplayFinished,
    ToolCall,
    ToolDefinitions,
)
from secondtake.runner.settings import load_settings

MEGABYTES = 10_000_000


def loaded(con: DuckDBPyConnection) -> DuckDBPyConnection:
    load.load(con, load_settings())
    return con


def taken(con: DuckDBPyConnection, run_id: UUID) -> DiffInput:
    return read_input(loaded(con), run_id)


def compared(con: DuckDBPyConnection, a: UUID, b: UUID) -> RunDiff:
    return diff_runs(loaded(con), str(a), str(b))


def at(run_id: UUID, seq: int, *, begun_s: float | None = None) -> dict[str, Any]:
    """Return what every event has; with `begun_s` also what a span has."""
    common: dict[str, Any] = {"run_id": run_id, "seq": seq, "recorded_at": STARTED_AT}
    if begun_s is None:
        return common
    started_at = STARTED_AT + timedelta(seconds=begun_s)
    return {**common, "span_id": f"span-{seq}", "started_at": started_at, "duration_ms": 5.0}


def message(run_id: UUID, seq: int, role: str, content: str | None, **more: Any) -> Message:
    fields: dict[str, Any] = {"message_id": uuid4(), "depth": 0, **more}
    return Message(**at(run_id, seq), role=role, content=content, **fields)


def write_loop(
    home: Path, *, result: Any = "sunny", run_id: UUID | None = None, **run: Any
) -> UUID:
    """Write a run that asks a model, calls the tool that it wants, and asks again."""
    run_id = run_id or uuid4()
    rules = message(run_id, 1, "system", "Be brief.")
    asked = message(run_id, 2, "user", "Weather?", parent_id=rules.message_id)
    wanted = [
        {"id": f"call_{uuid4()}", "type": "function", "function": {
            "name": "weather", "arguments": '{ "city":"Oslo" }'}}
    ]  # fmt: skip
    calls = message(run_id, 3, "assistant", None, parent_id=asked.message_id, tool_calls=wanted)
    answered = message(
        run_id, 6, "tool", str(result), parent_id=calls.message_id, tool_call_id=wanted[0]["id"]
    )
    said = message(run_id, 7, "assistant", "It is sunny.", parent_id=answered.message_id)
    path: dict[str, Any] = {"node_path": "ask[1]/look_up[2:ab12]"}
    inner: list[BaseEvent] = [
        rules,
        asked,
        calls,
        LlmCall(
            **at(run_id, 4, begun_s=1), **path, model="gpt-4o", input_message_id=asked.message_id,
            output_message_ids=[calls.message_id], parameters={"temperature": 0.2}, tools_hash="t1",
        ),
        ToolCall(
            **at(run_id, 5, begun_s=2), **path, tool="weather", arguments={"city": "Oslo"},
            tool_call_id=wanted[0]["id"], result=result,
        ),
        answered,
        said,
        LlmCall(
            **at(run_id, 8, begun_s=3), **path, model="gpt-4o", input_message_id=answered.message_id,
            output_message_ids=[said.message_id],
        ),
        ToolDefinitions(
            **at(run_id, 9), tools_hash="t1",
            definitions=[{"type": "function", "function": {"name": "weather", "parameters": {}}}],
        ),
    ]  # fmt: skip
    write_events(home, *run_frame(run_id, inner, **run))
    return run_id


def test_a_step_is_a_call_with_what_went_in_and_came_out(
    con: DuckDBPyConnection, home: Path
) -> None:
    first, tool, last = taken(con, write_loop(home)).steps
    assert [(s.kind, s.number, s.name) for s in (first, tool, last)] == [
        ("llm", 1, "gpt-4o"), ("tool", 1, "weather"), ("llm", 2, "gpt-4o")
    ]  # fmt: skip
    assert {step.node for step in (first, tool, last)} == {"ask/look_up"}
    assert first.asked_for == [{"name": "weather", "arguments": {"city": "Oslo"}}]
    assert first.answer is None
    assert first.sent == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}
    ]  # fmt: skip
    assert (tool.arguments, tool.answer) == ({"city": "Oslo"}, "sunny")
    assert (last.answer, last.sent) == ("It is sunny.", [])  # the tool's answer is a step


def test_steps_stand_as_they_began_and_are_numbered_as_they_are_told(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = uuid4()
    calls = [
        LlmCall(**at(run_id, 1, begun_s=5), model="late"),
        LlmCall(**at(run_id, 2, begun_s=1), model="early"),
        LlmCall(**at(run_id, 3), span_id="no-time", model="unknown"),
    ]
    write_events(home, *run_frame(run_id, calls))
    steps = taken(con, run_id).steps
    assert [(step.name, step.number) for step in steps] == [
        ("early", 2), ("late", 1), ("unknown", 3)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "node"),
    [
        (None, None),
        ("plan[1]", "plan"),
        ("research[2]/search[1:0f3a]", "research/search"),
        ("odd[x]/a", "odd[x]/a"),
    ],
)
def test_a_node_is_its_path_without_visits(path: str | None, node: str | None) -> None:
    assert node_of(path) == node


def test_tool_call_ids_and_spaces_make_no_difference(con: DuckDBPyConnection, home: Path) -> None:
    diff = compared(con, write_loop(home), write_loop(home))
    assert diff.first_divergence is None
    assert diff.counts["same"] == 3
    assert diff.output.is_same


def test_a_run_is_the_same_as_itself(con: DuckDBPyConnection, home: Path) -> None:
    run_id = write_research_run(home)
    diff = diff_runs(loaded(con), "last", str(run_id)[:9])
    assert (diff.a, diff.first_divergence) == (diff.b, None)
    assert (diff.inputs, diff.configuration, diff.state) == ([], [], [])
    assert diff.delta_cost_usd == 0


def test_a_tools_other_result_is_where_two_runs_part(con: DuckDBPyConnection, home: Path) -> None:
    diff = compared(con, write_loop(home), write_loop(home, result="rain"))
    assert diff.first_divergence == 1
    assert diff.edits[1].fields == ["answer"]
    assert "tool call 1 `weather`" in (diff.divergence_reason or "").lower()


def test_long_texts_are_cut_and_still_differ_by_their_ends(
    con: DuckDBPyConnection, home: Path
) -> None:
    long = "x" * 3_000_000
    some = "x" * 100_000
    a = write_loop(home, result=f"{long}a", output=f"{long}a", inputs={"text": f"{some}a"})
    b = write_loop(home, result=f"{long}b", output=f"{long}b", inputs={"text": f"{some}b"})
    diff = compared(con, a, b)
    assert diff.first_divergence == 1
    assert not diff.output.is_same
    assert [change.path for change in diff.inputs] == ["text"]
    assert diff.steps_a[1].answer.startswith(
        "x" * TEXT_CHARS + "\n[... the first 20,000 of 3,000,001"
    )
    assert len(diff.model_dump_json()) < 1_000_000
    assert compared(con, a, a).first_divergence is None


def test_a_run_of_many_long_steps_stays_small(con: DuckDBPyConnection, home: Path) -> None:
    run_id = uuid4()
    calls = [
        ToolCall(**at(run_id, seq, begun_s=seq), tool="read", result="y" * (MEGABYTES // 200))
        for seq in range(1, 201)
    ]
    write_events(home, *run_frame(run_id, calls))
    diff = compared(con, run_id, run_id)
    assert len(diff.steps_a) == 200
    assert len(diff.model_dump_json()) < 6_000_000


def test_a_large_value_is_compared_as_one_text(con: DuckDBPyConnection, home: Path) -> None:
    rows = [{"number": number, "text": "z" * 50} for number in range(20_000)]
    a, b = write_run(home, output=rows), write_run(home, output=[*rows[:-1], {"number": 0}])
    diff = compared(con, a, b)
    assert not diff.output.is_same
    assert len(diff.model_dump_json()) < 300_000


def test_the_final_state_is_compared_and_unknown_where_there_is_none(
    con: DuckDBPyConnection, home: Path
) -> None:
    run_id = uuid4()
    state: dict[str, Any] = {"scope": "state", "key": "notes"}
    changes = [
        MemoryChange(**at(run_id, 1), **state, operation="init", value=["a"]),
        MemoryChange(**at(run_id, 2), **state, operation="append", value=["b"]),
    ]
    write_events(home, *run_frame(run_id, changes))
    assert taken(con, run_id).state == {"notes": ["a", "b"]}
    assert taken(con, write_run(home)).state is None


def test_a_long_value_of_the_state_differs_by_its_end(con: DuckDBPyConnection, home: Path) -> None:
    ids: list[UUID] = []
    for end in ("a", "b", "b"):
        ids.append(run_id := uuid4())
        key: dict[str, Any] = {"scope": "state", "key": "text"}
        changes = [
            MemoryChange(**at(run_id, 1), **key, operation="init", value="old"),
            MemoryChange(**at(run_id, 2), **key, operation="set", value="x" * 2_000_000 + end),
        ]
        write_events(home, *run_frame(run_id, changes))
    assert [change.path for change in compared(con, ids[0], ids[1]).state] == ["text"]
    assert compared(con, ids[1], ids[2]).state == []


def test_failed_runs_and_failed_calls_say_so(con: DuckDBPyConnection, home: Path) -> None:
    a = write_research_run(home)
    b = write_research_run(home, status="error", error_type="ValueError", output=None)
    diff = compared(con, a, b)
    assert (diff.a.status, diff.b.status) == ("ok", "error")
    assert diff.steps_a[1].error == "ValueError: no such page"


def test_what_no_row_says_is_unknown(con: DuckDBPyConnection, home: Path) -> None:
    run_id = uuid4()
    calls = [LlmCall(**at(run_id, 1), span_id="a", model="gpt-4o")]
    write_events(home, *run_frame(run_id, calls, started_at=None, duration_ms=None))
    diff = compared(con, run_id, write_research_run(home))
    assert (diff.a.cost_usd, diff.a.duration_ms, diff.a.input_tokens) == (None, None, None)
    assert (diff.delta_cost_usd, diff.delta_duration_ms) == (None, None)
    assert diff.steps_a[0].answer is None


def write_replay(home: Path, source: UUID, overrides: dict[str, Any], **more: Any) -> UUID:
    run_id = uuid4()
    end = ReplayFinished(
        **at(run_id, 1), source_run_id=source, overrides=overrides, live_calls=1, recorded_calls=2,
        **{"replay_kind": "full", "llm_policy": "auto", "tool_policy": "auto", **more},
    )  # fmt: skip
    config = {"definition": {"nodes": {"write": {"prompt": "new"}}}, "model": "sim/weak"}
    write_events(home, *run_frame(run_id, [end], source_run_id=source, config=config))
    return run_id


def test_a_replay_says_what_it_changed(con: DuckDBPyConnection, home: Path) -> None:
    source = write_run(home, config={"definition": {"nodes": {"write": {"prompt": "old"}}}})
    overrides = {"model": "sim/weak", "nodes.write.prompt": "new", "state.facts": []}
    replay = taken(con, write_replay(home, source, overrides, from_node="write", llm_policy="live"))
    assert replay.side.how == (
        f"replay of {str(source)[:13]} with model=sim/weak, nodes.write.prompt=new, "
        "state.facts=[] from write on (models live)"
    )
    # What the definition shows at the same path is not said twice.
    assert replay.configuration["overrides"] == {"state.facts": []}
    assert replay.configuration["nodes"] == {"write": {"prompt": "new"}}
    assert taken(con, source).side.how is None


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ({"source": "wrap"}, "a program, recorded at the wire"),
        (
            {"source": "import:tau-bench", "tags": {"task": "3", "trial": "1"}},
            "imported from tau-bench (task=3, trial=1)",
        ),
        (
            {"experiment_id": "e1", "variant": "cheap", "case_id": "c7", "repeat": 2},
            "variant cheap, experiment e1, case c7, repeat 2",
        ),
        ({"config": {"overrides": {"model": "x" * 99}}}, f"run with model={'x' * 60}…"),
    ],
)
def test_a_side_says_how_the_run_came_about(
    con: DuckDBPyConnection, home: Path, fields: dict[str, Any], how: str
) -> None:
    assert taken(con, write_run(home, **fields)).side.how == how


def test_the_configuration_of_a_run_without_a_workflow_is_what_its_calls_were_sent(
    con: DuckDBPyConnection, home: Path
) -> None:
    found = taken(con, write_loop(home)).configuration
    assert found == {
        "nodes": {
            "ask/look_up": {
                "model": "gpt-4o",
                "parameters": {"temperature": 0.2},
                "system": "Be brief.",
                "tools": {"weather": {"name": "weather", "parameters": {}}},
            }
        }
    }


def test_scores_and_money_stand_on_their_side(con: DuckDBPyConnection, home: Path) -> None:
    side = taken(con, write_research_run(home)).side
    assert side.scores == {"reward": 1.0}
    assert side.cost_usd == Decimal("0.012345678")
    assert (side.llm_calls, side.tool_calls, side.models) == (1, 1, ["sim/strong"])


def test_names_that_mean_no_run_or_several_are_refused(con: DuckDBPyConnection, home: Path) -> None:
    first, second = UUID(int=1 << 100), UUID(int=(1 << 100) + 1)
    write_run(home, first)
    write_run(home, second)
    loaded(con)
    with pytest.raises(NotFoundError, match="no run 'ffff'"):
        diff_runs(con, str(first), "ffff")
    with pytest.raises(AmbiguousError, match="More than one run"):
        diff_runs(con, str(first)[:9], str(second))
