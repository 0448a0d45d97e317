"""The samples have the shapes of openai-python's `OutputItemListResponse` and of openai/evals'
`record.py`; all of it is made up.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.importing import imported, of_kind, skipped_in, write_json, write_lines

from secondtake.backend.importers.openai_evals import IMPORTER, problem_of
from secondtake.runner import events
from secondtake.runner.errors import UsageError

pytestmark = pytest.mark.usefixtures("home")

SAMPLE: Final[dict[str, Any]] = {
    "input": [{"role": "developer", "content": "Sort news."}, {"role": "user", "content": "Rally"}],
    "output": [{"role": "assistant", "content": "Markets"}],
    "finish_reason": "stop", "model": "gpt-4o-mini-2024-07-18", "error": None,
    "usage": {"total_tokens": 325, "completion_tokens": 2, "prompt_tokens": 323,
              "cached_tokens": 256},
    "temperature": 1.0, "max_completion_tokens": 2048, "top_p": 1.0, "seed": 42,
}  # fmt: skip
ITEM: Final[dict[str, Any]] = {
    "object": "eval.run.output_item", "id": "outputitem_1", "created_at": 1743092076,
    "run_id": "evalrun_1", "eval_id": "eval_1", "status": "pass",
    "datasource_item_id": 5, "datasource_item": {"input": "Rally", "ground_truth": "Markets"},
    "results": [
        {"name": "String check", "sample": None, "passed": True, "score": 1.0},
        {"name": "Judge", "sample": {"usage": {"total_tokens": 9}}, "passed": False, "score": 0.25},
    ],
    "sample": SAMPLE,
}  # fmt: skip
SPEC: Final[dict[str, Any]] = {
    "completion_fns": ["gpt-3.5-turbo"], "eval_name": "test-match.s1.simple-v0",
    "base_eval": "test-match", "split": "s1", "run_config": {"seed": 20220722}, "created_by": "",
    "run_id": "230417220821DPM75QNS", "created_at": "2023-04-17 22:08:21.904498",
}  # fmt: skip
AT: Final = "2023-04-17 22:10:13.127375+00:00"


def event(number: int, kind: str, data: Any, sample: str = "s1.2", at: str = AT) -> dict[str, Any]:
    told = {"run_id": SPEC["run_id"], "event_id": number, "sample_id": sample, "type": kind}
    return {**told, "data": data, "created_by": "", "created_at": at}


SAMPLING: Final = event(
    0, "sampling",
    {"prompt": [{"role": "user", "content": "Founded in 20"}], "sampled": ["15", "16"],
     "model": "gpt-3.5-turbo-0613",
     "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}},
)  # fmt: skip
MATCH: Final = event(
    1, "match", {"correct": False, "expected": "15", "picked": None, "options": []}
)
LOG: Final = [
    {"spec": SPEC},
    {"final_report": {"accuracy": 0.5}},
    SAMPLING,
    MATCH,
    event(2, "sampling", {"prompt": "Say hi", "sampled": "hi"}, "s1.1", "2023-04-17 22:11:17"),
    event(3, "metrics", {"accuracy": 1, "ok": True, "note": "fine"}, "s1.1"),
]


def test_an_item_is_a_run_with_its_sample_and_its_scores(tmp_path: Path) -> None:
    [made] = imported(IMPORTER, write_json(tmp_path, {"object": "list", "data": [ITEM]}))
    [started], [call] = of_kind(made, events.RunStarted), of_kind(made, events.LlmCall)

    assert started.tags == {"eval": "eval_1", "eval_run": "evalrun_1", "result": "pass"}
    assert (started.case_id, started.inputs) == ("5", ITEM["datasource_item"])
    assert started.extra is not None
    assert (started.started_at, started.extra["created_at"]) == (None, 1743092076)
    assert [m.role for m in of_kind(made, events.Message)] == ["developer", "user", "assistant"]
    assert (call.model, call.finish_reason) == ("gpt-4o-mini-2024-07-18", "stop")
    assert call.parameters == {
        "temperature": 1.0, "top_p": 1.0, "seed": 42, "max_completion_tokens": 2048
    }  # fmt: skip
    assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (323, 256, 2)
    assert (call.uncached_input_tokens, call.reasoning_output_tokens) == (67, None)
    assert (call.usage, call.usage_note) == (SAMPLE["usage"], None)
    assert [(s.name, s.score_value, s.label) for s in of_kind(made, events.Score)] == [
        ("String check", 1.0, "pass"), ("Judge", 0.25, "fail")
    ]  # fmt: skip
    assert of_kind(made, events.RunFinished)[0].output == "Markets"


def test_a_page_a_list_lines_and_one_item_are_read_alike(tmp_path: Path) -> None:
    paths = (
        write_json(tmp_path, {"object": "list", "data": [ITEM]}),
        write_json(tmp_path, [ITEM], "list.json"),
        write_json(tmp_path, ITEM, "one.json"),
        write_lines(tmp_path, [ITEM]),
    )
    assert len({imported(IMPORTER, path)[0][0].run_id for path in paths}) == 1
    assert len(imported(IMPORTER, write_lines(tmp_path, [ITEM, ITEM], "two.jsonl"))) == 2


def test_an_item_that_was_not_sampled_has_scores_and_no_call(tmp_path: Path) -> None:
    [made] = imported(IMPORTER, write_json(tmp_path, [{**ITEM, "sample": None}]))
    assert of_kind(made, events.LlmCall) == []
    assert len(of_kind(made, events.Score)) == 2


def test_usage_that_counts_nothing_is_unknown(tmp_path: Path) -> None:
    usage = dict.fromkeys(SAMPLE["usage"], 0)
    [made] = imported(
        IMPORTER, write_json(tmp_path, [{**ITEM, "sample": {**SAMPLE, "usage": usage}}])
    )
    [call] = of_kind(made, events.LlmCall)
    assert (call.input_tokens, call.output_tokens, call.usage) == (None, None, usage)


def test_a_sample_with_an_error_is_a_failed_run(tmp_path: Path) -> None:
    error = {"code": "rate_limit", "message": "Slow down"}
    sample = {**SAMPLE, "output": [], "error": error, "usage": None}
    [made] = imported(IMPORTER, write_json(tmp_path, [{**ITEM, "sample": sample}]))
    [finished], [call] = of_kind(made, events.RunFinished), of_kind(made, events.LlmCall)
    assert (finished.status, finished.error_type) == ("error", "rate_limit")
    assert (call.error_message, call.output_message_ids) == ("Slow down", None)


def test_an_error_without_a_word_is_none(tmp_path: Path) -> None:
    sample = {**SAMPLE, "error": {"code": "", "message": None}}
    [made] = imported(IMPORTER, write_json(tmp_path, [{**ITEM, "sample": sample}]))
    assert of_kind(made, events.RunFinished)[0].status == "ok"


def test_the_events_of_a_sample_become_one_run(tmp_path: Path) -> None:
    first, second = imported(IMPORTER, write_lines(tmp_path, LOG))
    [started], [call] = of_kind(first, events.RunStarted), of_kind(first, events.LlmCall)

    assert (started.name, started.case_id) == ("test-match.s1.simple-v0", "s1.2")
    assert started.inputs == {"prompt": "Founded in 20"}
    assert started.tags == {
        "eval": "test-match", "split": "s1", "eval_run": "230417220821DPM75QNS",
        "completion_fn": "gpt-3.5-turbo",
    }  # fmt: skip
    assert started.extra is not None
    assert started.extra["final_report"] == {"accuracy": 0.5}
    assert started.extra["events"] == [MATCH]
    assert (call.model, call.input_tokens) == ("gpt-3.5-turbo-0613", 9)
    assert (call.started_at, call.ended_at) == (None, datetime.fromisoformat(AT))
    assert call.output_message_ids is not None
    assert len(call.output_message_ids) == 2
    assert [(s.name, s.score_value) for s in of_kind(first, events.Score)] == [("match", 0.0)]
    assert of_kind(second, events.LlmCall)[0].model == "gpt-3.5-turbo"
    assert of_kind(second, events.LlmCall)[0].ended_at == datetime(
        2023, 4, 17, 22, 11, 17, tzinfo=UTC
    )
    assert [(s.name, s.score_value) for s in of_kind(second, events.Score)] == [
        ("accuracy", 1.0), ("ok", 1.0)
    ]  # fmt: skip


def test_a_sample_that_failed_says_how(tmp_path: Path) -> None:
    error = event(4, "error", {"type": "TimeoutError", "message": "30 s"})
    [made] = imported(IMPORTER, write_lines(tmp_path, [{"spec": SPEC}, SAMPLING, error]))
    [finished] = of_kind(made, events.RunFinished)
    assert (finished.status, finished.error_type) == ("error", "TimeoutError")


def test_a_log_that_was_cut_gives_what_is_whole(tmp_path: Path) -> None:
    path = write_lines(tmp_path, [*LOG, '{"run_id": "2304'])
    assert [reason[:17] for reason in skipped_in(IMPORTER, path)] == ["line 7 is no JSON"]


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (None, "it is the value 'None', not an object"),
        ({"a": 1}, "it is an object with the keys a, not an eval.run.output_item"),
        ({**ITEM, "results": [None]}, "its results are not a list of objects"),
        ({**ITEM, "sample": "x"}, "its sample is the value 'x', not an object"),
        (
            {**ITEM, "sample": {"input": [{}]}},
            "in the input of its sample, message 0 has no role",
        ),
        ({"spec": None, "events": []}, "the spec of its log is the value 'None', not an object"),
        (
            {"spec": SPEC, "sample_id": "s", "events": [event(1, "match", None)]},
            "the data of event 1 of sample s are the value 'None', not an object",
        ),
    ],
)
def test_each_malformed_record_has_its_sentence(record: Any, problem: str) -> None:
    assert problem_of(record) == problem


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"spec": SPEC}], "no sample was evaluated"),
        ([{"spec": SPEC}, {"final_report": {}}], "no sample was evaluated"),
        ([{"a": 1}], "it is an object with the keys a"),
        ([{"data": []}], "it holds no output item"),
        ([{"data": None}], "the value 'None'"),
        ([{"messages": []}], "secondtake import chat-jsonl"),
    ],
)
def test_a_file_without_a_sample_is_refused(tmp_path: Path, lines: list[Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        IMPORTER.read_file(write_lines(tmp_path, lines))


def test_numbers_as_texts_and_giants_are_unknown(tmp_path: Path) -> None:
    usage = {"total_tokens": 3, "prompt_tokens": "2", "completion_tokens": 2**63}
    results = [{"name": "n", "score": "1.0", "passed": "yes"}, {"score": 10**400}]
    item = json.loads(
        json.dumps({**ITEM, "results": results, "sample": {**SAMPLE, "usage": usage}})
    )
    [made] = imported(IMPORTER, write_json(tmp_path, [item]))
    [call] = of_kind(made, events.LlmCall)
    assert (call.input_tokens, call.output_tokens) == (None, None)
    assert [(s.score_value, s.label) for s in of_kind(made, events.Score)] == [(None, None)] * 2
