"""What each format makes of runs."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import duckdb
import pytest
from tests.support.importing import write_lines
from tests.support.seeding_bulk import large_run
from tests.support.stored import STARTED_AT, run_frame, write_events, write_research_run, write_run

from secondtake.backend.exports import EXPORTERS
from secondtake.backend.exports.frame import ExportReport, export_to
from secondtake.backend.exports.otlp_calls import INPUT_CHARS
from secondtake.backend.importers import chat_jsonl
from secondtake.backend.importers.frame import import_files
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.exports import EXPORT_TABLES, ExportQuery
from secondtake.backend.models.runs import RunQuery
from secondtake.backend.models.system import SqlQuery
from secondtake.runner.events import LlmCall, Message, NodeFinished, Score, ToolDefinitions
from secondtake.runner.settings import load_settings

RUN: Final = UUID("019a9c5e-7b1d-7c3e-9a51-0d2f6f1b8a01")
TOOL: Final = {"type": "function", "function": {"name": "price"}}


@pytest.fixture
def backend(home: Path) -> LocalBackend:
    return LocalBackend(load_settings())


def export(backend: LocalBackend, name: str, target: Path, **filters: Any) -> ExportReport:
    return export_to(backend, ExportQuery(**filters), EXPORTERS[name], target)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def imported(backend: LocalBackend, *paths: Path) -> None:
    import_files(
        chat_jsonl.IMPORTER, paths, settings=backend.settings, known_runs=lambda _: ()
    )  # fmt: skip


def spans(path: Path) -> list[dict[str, Any]]:
    return [
        span
        for line in lines(path)
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes(span: dict[str, Any]) -> dict[str, Any]:
    return {item["key"]: _value(item["value"]) for item in span["attributes"]}


def _value(value: dict[str, Any]) -> Any:
    [(kind, item)] = value.items()
    if kind == "arrayValue":
        return [_value(each) for each in item["values"]]
    return int(item) if kind == "intValue" else item


def test_jsonl_is_one_run_a_line(home: Path, tmp_path: Path, backend: LocalBackend) -> None:
    write_research_run(home, RUN)
    write_run(home, inputs={"odd": "a\u2028b"})
    report = export(backend, "jsonl", tmp_path / "runs.jsonl")
    found = (tmp_path / "runs.jsonl").read_bytes().split(b"\n")

    assert (report.runs, report.items) == (2, 2)
    assert found.pop() == b""
    assert [json.loads(line)["format"] for line in found] == ["secondtake.run"] * 2


def test_parquet_files_have_the_rows_of_the_tables(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_research_run(home, RUN, tags={"team": "a", "é": '"'}, inputs={"n": 2**63, "s": "\u2028"})
    write_run(home, status="error", error_message="x\ny")
    report = export(backend, "parquet", tmp_path / "tables")
    con = duckdb.connect()  # noqa: TID251 - no store, it reads files

    assert sorted(p.name for p in (tmp_path / "tables").iterdir()) == sorted(
        f"{table}.parquet" for table in EXPORT_TABLES
    )
    total = 0
    for table in EXPORT_TABLES:
        order = f"SELECT * FROM {table} ORDER BY ALL"
        stored = backend.run_sql(SqlQuery(text=order))
        file = tmp_path / "tables" / f"{table}.parquet"
        con.execute(f"CREATE TABLE {table} AS SELECT * FROM '{file}'")
        kinds = con.execute(f"SELECT column_name, column_type FROM (DESCRIBE {table})").fetchall()
        found = con.execute(
            f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({order})"  # as one text each
        ).fetchall()
        again = backend.run_sql(SqlQuery(text=f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({order})"))
        assert [name for name, _ in kinds] == [column.name for column in stored.columns], table
        assert [list(row) for row in found] == again.rows, table
        total += len(found)
    con.close()
    assert report.items == total


def test_money_in_a_parquet_file_is_exact(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_research_run(home)
    export(backend, "parquet", tmp_path / "tables")
    rows = duckdb.sql(f"SELECT cost_usd FROM '{tmp_path}/tables/llm_calls.parquet'").fetchall()
    assert rows == [(Decimal("0.012345678"),)]


def test_a_trace_has_the_runs_id_and_genai_attributes(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_research_run(home, RUN, tags={"team": "a"}, workflow="research", session_id="s")
    report = export(backend, "otlp", tmp_path / "spans.jsonl")
    found = spans(tmp_path / "spans.jsonl")
    root, call = found[0], next(span for span in found if span["name"].startswith("chat"))
    tool = next(span for span in found if span["name"].startswith("execute_tool"))

    assert (report.runs, report.items, len(found)) == (1, 5, 5)
    assert {span["traceId"] for span in found} == {RUN.hex}
    assert "parentSpanId" not in root
    assert attributes(root)["gen_ai.workflow.name"] == "research"
    assert attributes(root)["gen_ai.conversation.id"] == "s"
    assert attributes(root)["secondtake.tag.team"] == "a"
    said = attributes(call)
    assert (call["kind"], said["gen_ai.operation.name"]) == (3, "chat")
    assert said["gen_ai.request.model"] == "sim/strong"
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (9412, 1200)
    assert said["secondtake.cost_usd"] == "0.012345678"
    assert json.loads(said["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "What is a heat pump?"}]}
    ]
    assert json.loads(said["gen_ai.output.messages"])[0]["role"] == "assistant"
    assert tool["status"] == {"code": 2, "message": "no such page"}
    assert attributes(tool)["error.type"] == "ValueError"
    assert attributes(tool)["gen_ai.tool.call.arguments"] == '{"pattern":"pump"}'


def test_spans_form_one_tree_with_times_in_nanoseconds(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_research_run(home, RUN)
    export(backend, "otlp", tmp_path / "spans.jsonl")
    found = spans(tmp_path / "spans.jsonl")
    ids = {span["spanId"] for span in found}

    assert len(ids) == len(found)
    assert all(len(i) == 16 and int(i, 16) for i in ids)
    assert {span["parentSpanId"] for span in found[1:]} <= ids
    start = int(found[0]["startTimeUnixNano"])
    assert start == int(STARTED_AT.timestamp()) * 10**9
    # Of the run its duration is known, and so its end.
    assert int(found[0]["endTimeUnixNano"]) == start + 3_420_000_000
    call = next(span for span in found if span["name"].startswith("chat"))
    assert attributes(call)["secondtake.span_id"] == "call-a"


def test_scores_are_events(home: Path, tmp_path: Path, backend: LocalBackend) -> None:
    write_research_run(home, RUN)
    export(backend, "otlp", tmp_path / "spans.jsonl")
    [event] = spans(tmp_path / "spans.jsonl")[0]["events"]
    assert event["name"] == "gen_ai.evaluation.result"
    assert attributes(event)["gen_ai.evaluation.score.value"] == 1.0
    assert "timeUnixNano" in event


def test_what_is_unknown_is_said_and_not_invented(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    record = {"prompt": "Say tea.", "completion": "Tea.", "score": 1}
    imported(backend, write_lines(tmp_path, [record]))
    export(backend, "otlp", tmp_path / "spans.jsonl")
    root, call = spans(tmp_path / "spans.jsonl")
    for span in (root, call):
        assert {"startTimeUnixNano", "endTimeUnixNano"}.isdisjoint(span)
        assert attributes(span)["secondtake.time"] == "unknown"
    assert "timeUnixNano" not in root["events"][0]
    known = attributes(call)
    assert not any(name.startswith("gen_ai.usage") or "cost" in name for name in known)
    assert "gen_ai.request.model" not in known


def test_a_parent_that_is_not_there_is_said(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    lost = NodeFinished(
        run_id=RUN, seq=1, recorded_at=STARTED_AT, span_id="0123456789abcdef",
        parent_span_id="gone", node="search", ended_at=STARTED_AT, duration_ms=5.0,
    )  # fmt: skip
    write_events(home, *run_frame(RUN, [lost]))
    export(backend, "otlp", tmp_path / "spans.jsonl")
    root, node = spans(tmp_path / "spans.jsonl")
    assert (node["spanId"], node["parentSpanId"]) == ("0123456789abcdef", root["spanId"])
    assert attributes(node)["secondtake.missing_parent"] == "gone"
    assert int(node["endTimeUnixNano"]) - int(node["startTimeUnixNano"]) == 5_000_000


def test_a_long_conversation_is_cut_and_how_much_is_said(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_events(home, *large_run(2_000))
    export(backend, "otlp", tmp_path / "spans.jsonl")
    found = spans(tmp_path / "spans.jsonl")
    calls = [attributes(span) for span in found if span["name"].startswith("chat")]
    kept = [len(json.loads(call["gen_ai.input.messages"])) for call in calls]
    left_out = [call.get("secondtake.input_messages_left_out", 0) for call in calls]
    sizes = [len(call["gen_ai.input.messages"]) for call in calls]

    assert len(found) == 2_001
    assert max(sizes) < INPUT_CHARS * 1.1
    assert left_out[0] == 0
    assert left_out[-1] > 0
    total = [a + b for a, b in zip(kept, left_out, strict=True)]
    assert total == sorted(total)
    assert total[-1] == max(total) > 900


def two_conversations(run_id: UUID) -> Iterator[Any]:
    """Yield a run of two prompts, the second with a tool and a second turn."""
    common = {"run_id": run_id, "recorded_at": STARTED_AT}
    turns = [
        ("user", "Plan.", None), ("assistant", "First tea.", 0),
        ("user", "Price?", None), ("assistant", None, 2), ("tool", "3.20", 3),
        ("assistant", "It is 3.20.", 4),
    ]  # fmt: skip
    calls = [{"id": "c", "type": "function", "function": {"name": "price", "arguments": "{}"}}]
    depths = (0, 1, 0, 1, 2, 3)
    for number, (role, content, parent) in enumerate(turns):
        yield Message(
            **common, seq=number + 1, message_id=UUID(int=run_id.int + number), role=role,
            content=content, depth=depths[number],
            parent_id=None if parent is None else UUID(int=run_id.int + parent),
            tool_calls=calls if number == 3 else None, tool_call_id="c" if role == "tool" else None,
            extra={"reasoning_content": "hm"} if number == 5 else None,
        )  # fmt: skip
    yield ToolDefinitions(**common, seq=7, tools_hash="h", definitions=[TOOL])
    for number, (sent, said, tools) in enumerate(
        ((0, 1, None), (2, 3, "h"), (4, 5, "h"), (4, None, "h"))
    ):
        yield LlmCall(
            **common, seq=8 + number, span_id=f"call-{number}", tools_hash=tools,
            input_message_id=UUID(int=run_id.int + sent),
            output_message_ids=None if said is None else [UUID(int=run_id.int + said)],
            error_type="TimeoutError" if said is None else None,
        )  # fmt: skip
    yield Score(**common, seq=12, evaluation_id=run_id, name="reward", score_value=0.9)


def test_each_conversation_of_a_good_run_is_a_training_example(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_events(home, *run_frame(RUN, list(two_conversations(RUN))))
    write_research_run(home)
    report = export(backend, "openai-finetune", tmp_path / "t.jsonl", text=str(RUN))
    plain, with_tools = lines(tmp_path / "t.jsonl")

    assert (report.runs, report.items, report.left_out) == (1, 2, {})
    assert plain == {
        "messages": [
            {"role": "user", "content": "Plan."}, {"role": "assistant", "content": "First tea."}
        ]
    }  # fmt: skip
    assert [m["role"] for m in with_tools["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert with_tools["messages"][1]["tool_calls"][0]["function"]["name"] == "price"
    assert with_tools["messages"][2]["tool_call_id"] == "c"
    assert with_tools["messages"][3] == {"role": "assistant", "content": "It is 3.20."}
    assert with_tools["tools"] == [TOOL]


def test_a_training_file_can_be_imported_and_exported_again(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    write_events(home, *run_frame(RUN, list(two_conversations(RUN)), tags={"n": "1"}))
    export(backend, "openai-finetune", tmp_path / "one.jsonl")
    imported(backend, tmp_path / "one.jsonl")
    backend.load()
    assert backend.list_runs(RunQuery(text="chat-jsonl")).total_count == 2
    export(backend, "openai-finetune", tmp_path / "two.jsonl", workflow=("chat-jsonl",))
    assert lines(tmp_path / "two.jsonl") == lines(tmp_path / "one.jsonl")


def test_what_cannot_be_trained_on_is_left_out_and_said(
    home: Path, tmp_path: Path, backend: LocalBackend
) -> None:
    image = [{"type": "image_url", "image_url": {"url": {"$blob": "a" * 64, "bytes": 9}}}]
    made: list[Any] = []
    faults: list[dict[str, Any]] = [
        {"parts": image}, {"content": None}, {"parent_id": UUID(int=9)}
    ]  # fmt: skip
    for number, fields in enumerate(faults):
        run_id = UUID(int=RUN.int + 100 * number)
        question: dict[str, Any] = {"content": "?", **fields}
        common = {"run_id": run_id, "recorded_at": STARTED_AT}
        asked = Message(**common, seq=1, message_id=run_id, depth=0, role="user", **question)
        said = Message(
            **common, seq=2, message_id=UUID(int=run_id.int + 1), parent_id=run_id, depth=1,
            role="assistant", content="!",
        )  # fmt: skip
        call = LlmCall(
            **common, seq=3, span_id="c", input_message_id=run_id,
            output_message_ids=[said.message_id],
        )  # fmt: skip
        made += run_frame(run_id, [asked, said, call])
    write_events(home, *made)
    report = export(backend, "openai-finetune", tmp_path / "t.jsonl")
    assert (report.runs, report.items) == (3, 0)
    assert report.left_out == {
        "conversations with images or other binary parts": 1,
        "conversations without recorded content": 1,
        "conversations with a message that was not recorded": 1,
    }
