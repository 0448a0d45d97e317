import gzip
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.importing import imported, of_kind, skipped_in, write_json, write_lines

from secondtake.backend.importers.chat_jsonl import IMPORTER, problem_of
from secondtake.runner import events
from secondtake.runner.errors import UsageError

pytestmark = pytest.mark.usefixtures("home")

ASK: Final = {"role": "user", "content": "Price of green tea?"}
CALL: Final = {
    "id": "c1",
    "type": "function",
    "function": {"name": "price", "arguments": '{"kind": "green"}'},
}
TOOL: Final = {"type": "function", "function": {"name": "price", "parameters": {"type": "object"}}}
TRAINING: Final[dict[str, Any]] = {
    "messages": [
        {"role": "system", "content": "You sell tea."},
        ASK,
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "3.20"},
        {"role": "assistant", "content": "3.20.", "weight": 1},
    ],
    "tools": [TOOL],
}
PAIR: Final = {"prompt": "Say tea.", "completion": "Tea."}


def test_a_training_example_is_a_run_with_its_calls(tmp_path: Path) -> None:
    [made] = imported(IMPORTER, write_lines(tmp_path, [TRAINING]))
    first, second = of_kind(made, events.LlmCall)
    [tool] = of_kind(made, events.ToolCall)

    assert [m.role for m in of_kind(made, events.Message)] == [
        "system", "user", "assistant", "tool", "assistant"
    ]  # fmt: skip
    assert first.tools_hash is not None
    assert first.tools_hash == second.tools_hash
    assert (tool.tool, tool.arguments, tool.result) == ("price", {"kind": "green"}, "3.20")
    assert of_kind(made, events.ToolDefinitions)[0].definitions == [TOOL]
    assert of_kind(made, events.RunFinished)[0].output == "3.20."
    assert of_kind(made, events.Message)[-1].extra == {"weight": 1}


def test_what_a_line_does_not_say_stays_unknown(tmp_path: Path) -> None:
    [made] = imported(IMPORTER, write_lines(tmp_path, [[ASK, {"role": "assistant"}]]))
    [call] = of_kind(made, events.LlmCall)

    known = {name for name, value in call.model_dump().items() if value is not None}
    assert known == {
        "kind", "run_id", "seq", "recorded_at", "span_id", "input_message_id",
        "output_message_ids", "messages_hash", "served_from", "attempt", "simulated",
    }  # fmt: skip
    assert of_kind(made, events.RunStarted)[0].started_at is None
    assert of_kind(made, events.Score) == []


def test_everything_that_a_line_may_say_has_its_place(tmp_path: Path) -> None:
    line = {
        **PAIR, "id": 7, "name": "tea shop", "model": "gpt-4o", "parameters": {"temperature": 0},
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        "cost_usd": 0.00012, "score": 0.5, "scores": {"taste": 1, "verdict": "good"},
        "tags": {"team": "tea", "n": 3}, "session": "s", "user_id": "ann", "source": "shop",
    }  # fmt: skip
    [made] = imported(IMPORTER, write_lines(tmp_path, [line]))
    [started], [call] = of_kind(made, events.RunStarted), of_kind(made, events.LlmCall)

    assert (started.name, started.case_id, started.session_id) == ("tea shop", "7", "s")
    assert (started.user_id, started.tags) == ("ann", {"team": "tea", "n": "3"})
    assert (call.model, call.parameters) == ("gpt-4o", {"temperature": 0})
    assert (call.input_tokens, call.output_tokens, call.cache_read_tokens) == (12, 3, None)
    assert (call.usage_convention, call.usage) == ("cached_included", line["usage"])
    assert (call.cost_usd, call.cost_basis) == (Decimal("0.000120000"), "recorded")
    scores = {score.name: score for score in of_kind(made, events.Score)}
    assert {name: score.score_value for name, score in scores.items()} == {
        "taste": 1.0, "verdict": None, "score": 0.5
    }  # fmt: skip
    assert scores["verdict"].extra == {"verdict": "good"}
    assert started.extra is not None
    assert started.extra["source"] == "shop"
    assert started.extra["import"]["format"] == "chat-jsonl"
    assert "usage" not in started.extra


def test_the_usage_of_a_conversation_with_several_answers_belongs_to_none(tmp_path: Path) -> None:
    usage = {"prompt_tokens": 12, "completion_tokens": 3}
    [made] = imported(IMPORTER, write_lines(tmp_path, [{**TRAINING, "usage": usage}]))
    assert [call.input_tokens for call in of_kind(made, events.LlmCall)] == [None, None]
    extra = of_kind(made, events.RunStarted)[0].extra
    assert extra is not None
    assert extra["usage"] == usage


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": "12", "completion_tokens": -1},
        {"prompt_tokens": 2**63, "completion_tokens": 1.5},
        {"prompt_tokens": True, "completion_tokens": None},
    ],
    ids=["texts", "too large", "truth values"],
)
def test_counts_that_are_none_are_unknown_and_kept_as_they_are(
    tmp_path: Path, usage: dict[str, Any]
) -> None:
    [made] = imported(IMPORTER, write_lines(tmp_path, [{**PAIR, "usage": usage}]))
    [call] = of_kind(made, events.LlmCall)
    assert (call.input_tokens, call.output_tokens) == (None, None)
    assert call.usage == usage


def test_a_prompt_may_be_messages_and_a_response_a_message(tmp_path: Path) -> None:
    answer = {"role": "assistant", "content": "3.20."}
    path = write_lines(tmp_path, [PAIR, {"prompt": [ASK], "response": answer}])
    pair, messages = imported(IMPORTER, path)
    assert [m.content for m in of_kind(pair, events.Message)] == ["Say tea.", "Tea."]
    assert [m.content for m in of_kind(messages, events.Message)] == [ASK["content"], "3.20."]
    assert of_kind(messages, events.RunStarted)[0].inputs == {"prompt": ASK["content"]}


def test_a_json_list_of_conversations_and_one_packed_are_read_alike(tmp_path: Path) -> None:
    lines = write_lines(tmp_path, [TRAINING, PAIR])
    listed = write_json(tmp_path, [TRAINING, PAIR])
    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(lines.read_bytes()))
    expected = [made[0].run_id for made in imported(IMPORTER, lines)]
    for path in (listed, packed):
        assert [made[0].run_id for made in imported(IMPORTER, path)] == expected


def test_a_bare_conversation_alone_in_a_file_is_one_run(tmp_path: Path) -> None:
    assert len(imported(IMPORTER, write_json(tmp_path, [ASK, {"role": "assistant"}]))) == 1


def test_a_cut_line_is_skipped_and_the_others_are_taken(tmp_path: Path) -> None:
    path = write_lines(tmp_path, [PAIR, '{"prompt": "cut', "", PAIR])
    [reason] = skipped_in(IMPORTER, path)
    assert reason.startswith("line 2 is no JSON")


def test_a_line_may_hold_what_python_takes_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"prompt": "a\u2028b\u0085c", "completion": "d"}\n' * 2, encoding="utf-8")
    first, _ = imported(IMPORTER, path)
    assert of_kind(first, events.Message)[0].content == "a\u2028b\u0085c"


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (None, "it is the value 'None', not an object or a list of messages"),
        ([], "it is an empty list"),
        ({"messages": None}, "in its messages, it is the value 'None', not a list of messages"),
        ({"messages": [None]}, "in its messages, message 0 has no role"),
        ([{"role": 7}], "message 0 has no role"),
        (
            {"messages": [{"role": "user", "content": 7}]},
            "in its messages, message 0 has a content that is the value '7', not a text or a list of parts",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]},
            "in its messages, message 0 has a tool call without a function's name",
        ),
        ({"prompt": "x"}, "it is an object with the keys prompt, without messages, or prompt and completion"),
        ({"prompt": 1, "completion": "x"}, "its prompt is the value '1', not a text or a list of messages"),
        ({"prompt": "x", "completion": 1}, "its completion is the value '1', not a text or a message"),
    ],
)  # fmt: skip
def test_each_malformed_record_has_its_sentence(record: Any, problem: str) -> None:
    assert problem_of(record) == problem


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ({"results": {"results": []}, "config": {}}, "secondtake import promptfoo"),
        ([{"task_id": 1, "reward": 1, "traj": []}], "secondtake import tau-bench"),
        ({"data": [{"datasource_item": {}, "sample": None}]}, "secondtake import openai-evals"),
        ({"a": 1}, "no file of conversations"),
        ([], "no file of conversations"),
    ],
)
def test_a_file_of_another_format_is_refused_and_its_importer_named(
    tmp_path: Path, value: Any, hint: str
) -> None:
    with pytest.raises(UsageError, match=hint):
        IMPORTER.read_file(write_json(tmp_path, value))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'{"prompt": "cut', "not JSON .*was the file cut off"),
        (b"[" * 100_000, "nested too deeply"),
        (gzip.compress(b"[1]" * 99)[:-9], "broken gzip"),
    ],
    ids=["empty", "no text", "cut", "deep", "broken gzip"],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=problem):
        IMPORTER.read_file(path)


def test_hostile_texts_become_rows_as_they_are(tmp_path: Path) -> None:
    text = "'; DROP TABLE runs; -- \x00 \ud800 <script> \x1b[31m"
    line = {"prompt": text, "completion": text, "score": float("nan"), "id": text}
    [made] = imported(IMPORTER, write_lines(tmp_path, [line]))
    assert of_kind(made, events.Message)[0].content == text.replace("\ud800", "\\ud800")
    assert of_kind(made, events.Score)[0].score_value is None
