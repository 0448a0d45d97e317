"""Langfuse traces made up for the tests: what is missing, malformed, hostile or of another kind."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.imported import events_of, of_kind, written

from secondtake.backend.importers.langfuse import IMPORTER, problem_of, read_file
from secondtake.backend.importers.langfuse_usage import usage_tokens
from secondtake.runner import events
from secondtake.runner.errors import UsageError
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import load_settings

START: Final = "2025-01-01T00:00:00.000Z"


@pytest.fixture(autouse=True)
def _home(home: Path) -> None:
    """Every test has an empty home."""


def observation(span_id: str, kind: str = "SPAN", **more: Any) -> dict[str, Any]:
    made = {"id": span_id, "type": kind, "name": span_id, "startTime": START}
    return made | more


def run_of(tmp_path: Path, *observations: dict[str, Any], **trace: Any) -> list[BaseEvent]:
    record = {"trace": {"id": "t", "name": "tea"} | trace, "observations": list(observations)}
    [made] = events_of(IMPORTER, written(tmp_path, record, "tea.trace.json"))
    return made


def started(made: list[BaseEvent]) -> dict[str, Any]:
    extra = of_kind(made, events.RunStarted)[0].extra
    assert extra is not None
    provenance: dict[str, Any] = extra["import"]
    return provenance


def test_a_missing_parent_is_said_and_not_invented(tmp_path: Path) -> None:
    made = run_of(tmp_path, observation("a", parentObservationId="gone"), observation("b"))
    first, second = of_kind(made, events.NodeFinished)

    assert (first.parent_span_id, second.parent_span_id) == (None, None)
    assert first.extra is not None
    assert first.extra["missing_parent"] == "gone"
    assert started(made)["missing_parents"] == ["gone"]


def test_parents_in_a_ring_are_cut_once(tmp_path: Path) -> None:
    ring = [
        observation("a", parentObservationId="c"),
        observation("b", parentObservationId="a"),
        observation("c", parentObservationId="b"),
        observation("d", parentObservationId="d"),
    ]
    nodes = of_kind(run_of(tmp_path, *ring), events.NodeFinished)
    parents = {node.span_id: node.parent_span_id for node in nodes}

    assert sum(parent is None for parent in parents.values()) == 2
    assert parents["b"] == "a"
    assert parents["d"] is None


def test_an_id_used_twice_stays_with_the_first(tmp_path: Path) -> None:
    first, second = of_kind(
        run_of(tmp_path, observation("a"), observation("a", name="again")), events.NodeFinished
    )
    assert first.span_id == "a"
    assert second.span_id not in ("a", "")
    assert second.extra is not None
    assert second.extra["reported_span_id"] == "a"


def test_what_the_trace_does_not_say_is_unknown(tmp_path: Path) -> None:
    made = run_of(tmp_path, {"type": "GENERATION"})
    [call] = of_kind(made, events.LlmCall)
    finished = of_kind(made, events.RunFinished)[0]

    known = {key for key, value in call.model_dump().items() if value is not None}
    assert known == {
        "attempt", "extra", "kind", "messages_hash", "recorded_at", "run_id", "seq", "served_from",
        "simulated", "span_id",
    }  # fmt: skip
    assert (finished.ended_at, finished.duration_ms, finished.output) == (None, None, None)
    assert of_kind(made, events.RunStarted)[0].started_at is None


def test_an_error_of_the_root_is_the_error_of_the_run(tmp_path: Path) -> None:
    failed = observation("a", level="ERROR", statusMessage="no tea")
    finished = of_kind(run_of(tmp_path, failed), events.RunFinished)[0]

    assert (finished.status, finished.error_message) == ("error", "no tea")


def test_an_error_below_a_root_that_went_well_is_not(tmp_path: Path) -> None:
    below = observation("b", "TOOL", parentObservationId="a", level="ERROR", statusMessage="no tea")
    made = run_of(tmp_path, observation("a"), below)

    assert of_kind(made, events.RunFinished)[0].status == "ok"
    assert of_kind(made, events.ToolCall)[0].error_message == "no tea"


def test_an_embedding_is_a_step_and_the_run_says_what_its_sums_lack(tmp_path: Path) -> None:
    usage, cost = {"input": 7, "total": 7}, {"total": 0.0000007}
    made = run_of(
        tmp_path, observation("e", "EMBEDDING", model="m", usageDetails=usage, costDetails=cost)
    )
    [step] = of_kind(made, events.NodeFinished)

    assert step.span_kind == "other"
    assert step.extra is not None
    assert (step.extra["model"], step.extra["cost_usd"]) == ("m", "7.00E-7")
    lacking = started(made)["embeddings_not_in_sums"]
    assert lacking == {"spans": 1, "input_tokens": 7, "cost_usd": "7.00E-7"}


def test_scores_of_one_name_are_each_kept_and_those_of_a_span_name_it(tmp_path: Path) -> None:
    scores = [
        {"id": "1", "name": "good", "value": 1, "source": "EVAL", "comment": "yes"},
        {"id": "2", "name": "good", "value": 0, "source": "EVAL", "observationId": "a"},
        {"id": "3", "name": "tone", "value": None, "stringValue": "kind", "source": "ANNOTATION"},
        {"id": "4", "name": "odd", "value": {"$float": "nan"}},
    ]
    made = of_kind(run_of(tmp_path, observation("a"), scores=scores), events.Score)

    assert len({score.evaluation_id for score in made}) == 4
    assert [score.score_value for score in made] == [1.0, 0.0, None, None]
    assert [score.span_id for score in made] == [None, "a", None, None]
    assert (made[0].reason, made[2].label) == ("yes", "kind")


def test_a_score_is_asked_for_by_content_off_without_its_words(tmp_path: Path) -> None:
    record = {
        "trace": {"id": "t", "name": "tea", "input": "SECRETWORD", "scores": [
            {"id": "1", "name": "good", "value": 1, "comment": "SECRETWORD"}
        ]},
        "observations": [
            observation("a", "GENERATION", input=[{"role": "user", "content": "SECRETWORD"}],
                        output="SECRETWORD", metadata={"note": "SECRETWORD"},
                        modelParameters={"temperature": 1, "instructions": "SECRETWORD"}),
            observation("b", "TOOL", input={"q": "SECRETWORD"}, output="SECRETWORD"),
        ],
    }  # fmt: skip
    path = written(tmp_path, record, "t.json")
    [made] = events_of(IMPORTER, path, load_settings({"content": False}))

    assert "SECRETWORD" not in "".join(event.model_dump_json() for event in made)
    assert of_kind(made, events.LlmCall)[0].parameters == {"temperature": 1.0}


@pytest.mark.parametrize(
    ("usage", "input_tokens", "cached", "uncached", "convention"),
    [
        ({"input": 10, "input_cache_read": 90, "total": 101, "output": 1}, 100, 90, 10,
         "cached_excluded"),
        ({"input": 100, "prompt_details.cache_read": 90, "output": 1, "total": 101}, 100, 90, 10,
         "cached_included"),
        ({"input": "12", "output": 1}, 12, None, 12, "cached_excluded"),
        ({"input": 2**63, "output": 1}, None, None, None, "cached_excluded"),
        ({"total": 5}, None, None, None, None),
    ],
    ids=["keys that add up", "OpenInference", "text", "too large", "total alone"],
)  # fmt: skip
def test_what_the_input_count_means_is_declared(
    usage: dict[str, Any],
    input_tokens: int | None,
    cached: int | None,
    uncached: int | None,
    convention: str | None,
) -> None:
    tokens = usage_tokens(usage)
    assert (tokens.input_tokens, tokens.cache_read_tokens) == (input_tokens, cached)
    assert (tokens.uncached_input_tokens, tokens.convention) == (uncached, convention)


def test_a_total_that_its_parts_do_not_reach_is_noted() -> None:
    assert usage_tokens({"input": 1, "output": 1, "total": 9}).note == "total is 9, its parts are 2"


@pytest.mark.parametrize("cost", [None, "free", -1, 1e300, {"$float": "nan"}, True])
def test_a_cost_that_is_none_stays_unknown(tmp_path: Path, cost: Any) -> None:
    made = run_of(tmp_path, observation("a", "GENERATION", costDetails={"total": cost}))
    [call] = of_kind(made, events.LlmCall)
    assert (call.cost_usd, call.cost_basis) == (None, None)


def test_an_older_export_says_usage_and_cost_by_other_names(tmp_path: Path) -> None:
    made = run_of(
        tmp_path,
        observation(
            "a", "GENERATION", usage={"input": 3, "output": 4, "total": 7, "unit": "TOKENS"},
            calculatedTotalCost=0.25,
        ),
        observation("b", "GENERATION", promptTokens=0, completionTokens=0, calculatedTotalCost=0),
    )  # fmt: skip
    first, second = of_kind(made, events.LlmCall)

    assert (first.input_tokens, first.output_tokens, first.cost_usd) == (3, 4, Decimal("0.25"))
    assert (second.input_tokens, second.output_tokens, second.cost_usd) == (None, None, None)


def test_times_without_a_zone_are_utc_and_nonsense_is_unknown(tmp_path: Path) -> None:
    made = run_of(
        tmp_path,
        observation("a", startTime="2025-01-01T00:00:00", endTime="yesterday"),
        observation("b", startTime=None, endTime=12),
    )
    first, second = of_kind(made, events.NodeFinished)
    assert first.started_at is not None
    assert first.started_at.isoformat() == "2025-01-01T00:00:00+00:00"
    assert (first.ended_at, second.started_at, second.ended_at) == (None, None, None)


@pytest.mark.parametrize(
    "given",
    ['{"broken', "\x00\ud800'; DROP TABLE runs;--", "[" * 5_000, [], {}, 5, [None], [{"role": 7}],
     {"messages": "text"}, {"messages": [None]}, [{"role": "user", "parts": [None, 1, {}]}]],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_an_odd_input_is_kept_whatever_it_is(tmp_path: Path, given: Any) -> None:
    made = run_of(tmp_path, observation("a", "GENERATION", input=given, output=given))
    [call] = of_kind(made, events.LlmCall)
    assert call.span_id == "a"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([], "it is an empty list, not an object"),
        ({"trace": {}}, "it has no list of observations"),
        ({"observations": []}, "it has no trace"),
        ({"trace": None, "observations": []}, "its trace is the value 'None', not an object"),
        ({"trace": {}, "observations": [None]}, "observation 0 is the value 'None', not an object"),
        ({"trace": {}, "observations": ["id"]}, "observation 0 is the value 'id', not an object"),
        ({"trace": {}, "observations": [{"id": "a"}]}, "observation 0 has no type"),
    ],
)
def test_a_record_that_cannot_be_taken_says_why(record: Any, reason: str) -> None:
    assert problem_of(record) == reason


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("langfuse-framework-traces/crewai-2025-07-11.chatml.json", "Name the .trace.json"),
        (
            "openinference-spans/openinference-vercel/test/__fixtures__/v6-spans/all-spans.json",
            "secondtake import spans",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_with_what_fits(
    shared_data: Path, name: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match="is no trace of Langfuse: it holds") as refused:
        read_file(shared_data / "traces" / name)
    assert sentence in str(refused.value)


def test_several_traces_are_a_list_or_one_a_line_and_a_broken_line_is_told(tmp_path: Path) -> None:
    record = {"trace": {"id": "t"}, "observations": [observation("a")]}
    path = tmp_path / "traces.jsonl"
    path.write_text(json.dumps(record) + '\n{"trace": \n', encoding="utf-8")
    source = read_file(path)

    assert problem_of(source.records[0]) is None
    assert "line 2 is no JSON" in str(problem_of(source.records[1]))
    assert len(events_of(IMPORTER, written(tmp_path, [record, record], "two.json"))) == 2
