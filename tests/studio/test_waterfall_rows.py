"""The waterfall's rows: what each says, costs, took, and where its bar is."""

from decimal import Decimal
from typing import Any

from tests.support.span_trees import span, tree

from secondtake.backend.models.runs import SpanTree
from secondtake.studio.run_page.waterfall_rows import (
    RUN_ROW,
    TEXT_MAX,
    argument_words,
    waterfall,
)


def rows_of(shaped: SpanTree, *, running: bool = False) -> dict[str, dict[str, Any]]:
    return {row["id"]: {**row} for row in waterfall(shaped, running=running)["rows"]}


def test_a_model_call_says_its_number_its_tokens_and_its_share_of_the_money() -> None:
    rows = rows_of(
        tree(
            span("a", "llm", seq=2, input_tokens=2288, output_tokens=132, cost_usd=Decimal("0.01")),
            span("b", "llm", seq=1, input_tokens=12, cost_usd=Decimal("0.0025")),
        )
    )

    assert rows["a"]["detail"] == "call 2 · 2,288 → 132"
    assert rows["b"]["detail"] == "call 1 · 12 → —"
    assert (rows["a"]["cost"], rows["a"]["share"]) == ("$0.01000", 1.0)
    assert (rows["b"]["cost"], rows["b"]["share"]) == ("$0.00250", 0.25)


def test_an_unknown_price_is_a_dash_and_part_of_a_sum_is_at_least() -> None:
    rows = rows_of(
        tree(
            span("sum", "node", None, cost_usd=Decimal("0.01"), unpriced_calls=2),
            span("call", "llm", depth=1, unpriced_calls=1),
            span("tool", "tool", depth=1),
            span("free", "tool", depth=1, cost_usd=Decimal(0)),
        )
    )

    assert rows["sum"]["cost"] == "≥$0.01000"
    assert rows["sum"]["tip"] == "2 calls unpriced"
    assert rows["call"]["cost"] == "—"
    assert "cost" not in rows["tool"]
    assert rows["free"]["cost"] == "$0"


def test_a_bar_lies_where_its_span_was() -> None:
    rows = rows_of(tree(span("a", "llm", 250.0, duration_ms=500.0, time_to_first_token_ms=120.0)))

    assert (rows["a"]["start"], rows["a"]["end"], rows["a"]["first"]) == (250.0, 750.0, 120.0)
    assert rows["a"]["time"] == "500 ms"
    assert rows["a"]["tip"] == "first token after 120 ms"


def test_unknown_times_have_a_dash_and_no_bar() -> None:
    shaped = waterfall(tree(span("a", "llm", None), length_ms=None))

    row = shaped["rows"][-1]
    assert row.get("time") == "—"
    assert "start" not in row
    assert shaped["end"] == 0
    assert shaped["foot"] == "The source of this run recorded no times."


def test_the_answer_below_a_human_node_is_a_persons() -> None:
    asking = span("ask", "node", node_kind="human")
    answer = span("answer", "other", depth=1, parent_span_id="ask")

    rows = rows_of(tree(asking, answer, span("else", "other")))

    assert [rows[name]["kind"] for name in ("ask", "answer", "else")] == ["human", "human", "other"]


def test_what_is_open_grows_to_now_while_the_run_goes_on() -> None:
    shaped = tree(span("a", "node", 400.0), span("b", "node", 600.0, node_kind="human"))

    going, ended = rows_of(shaped, running=True), rows_of(shaped)

    assert (going["a"]["start"], going["a"]["end"]) == (400.0, 1000.0)
    assert (going["a"]["flag"], going["b"]["flag"]) == ("running", "waiting")
    assert "end" not in ended["a"]
    assert (ended["a"]["time"], ended["a"]["tip"]) == ("—", "never ended")


def test_a_run_without_an_agent_gets_a_row_of_its_own() -> None:
    shaped = waterfall(
        tree(span("a", "node", cost_usd=Decimal("0.1")), span("b", "node")), name="research"
    )

    first, *others = shaped["rows"]
    assert (first["id"], first["name"], first["depth"]) == (RUN_ROW, "research", 0)
    assert (first.get("cost"), first.get("time")) == ("$0.10000", "1.00 s")
    assert [row["depth"] for row in others] == [1, 1]


def test_an_agent_above_all_stands_for_the_run() -> None:
    shaped = waterfall(tree(span("a", "agent"), span("b", "llm", depth=1)), name="research")

    assert [row["name"] for row in shaped["rows"]] == ["a", "b"]


def test_visits_branches_and_attempts_are_told_where_there_are_several() -> None:
    rows = rows_of(
        tree(
            span("v1", "node", name="draft", visit=1, node_path="draft[1]"),
            span("v2", "node", name="draft", visit=2, node_path="draft[2]"),
            span("b1", "node", name="search", visit=1, node_path="search[1:aa]"),
            span("b2", "node", name="search", visit=1, node_path="search[1:bb]"),
            span("once", "node", name="plan", visit=1, node_path="plan[1]"),
            span("t1", "llm", name="m", attempt=1, error_type="RateLimitError"),
            span("t2", "llm", name="m", attempt=2),
        )
    )

    assert [rows[name].get("detail") for name in ("v1", "v2")] == ["visit 1", "visit 2"]
    assert [rows[name].get("detail") for name in ("b1", "b2")] == ["branch 1 of 2", "branch 2 of 2"]
    assert "detail" not in rows["once"]
    assert rows["t1"]["detail"] == "call 1 · attempt 1"
    assert rows["t2"]["detail"] == "call 2 · attempt 2"
    assert rows["t1"]["error"] == "RateLimitError"


def test_the_critical_path_is_told_by_kind_and_what_is_off_it_is_faded() -> None:
    shaped = waterfall(
        tree(
            span("a", "llm", is_critical=True),
            span("b", "tool"),
            span("c", "node", node_kind="human", is_critical=True),
            path=(("a", 0.0, 300.0), ("a", 300.0, 700.0), ("c", 700.0, 1000.0)),
        )
    )

    assert shaped["path"] == [("llm", 0.0, 700.0), ("human", 700.0, 1000.0)]
    assert shaped["foot"] == "critical path 1.00 s"
    assert [(key["word"], key["share"]) for key in shaped["legend"]] == [
        ("LLM", "70%"),
        ("person", "30%"),
        ("tools", None),
    ]
    assert [row.get("off", False) for row in shaped["rows"][1:]] == [False, True, False]


def test_nothing_is_faded_when_the_critical_path_is_unknown() -> None:
    shaped = waterfall(tree(span("a", "llm", duration_ms=10.0)))

    assert "off" not in shaped["rows"][1]
    assert shaped["foot"] == "critical path unknown"


def test_hostile_names_are_short_text_in_one_line() -> None:
    rows = rows_of(
        tree(
            span("long", "node", name="x" * 10_240),
            span("turned", "tool", name="a\u202eb\x1b[31m\nc", error_message="<b>\u2066"),
        )
    )

    assert rows["long"]["name"] == f"{'x' * TEXT_MAX}… (10,240 characters)"
    assert rows["turned"]["name"] == r"a\u202eb\x1b[31m c"
    assert rows["turned"]["error"] == r"<b>\u2066"


def test_arguments_read_as_words_and_what_was_cut_as_it_is() -> None:
    assert argument_words('{"city": "Ulm", "days": [1, 2]}') == "city=Ulm · days=[1, 2]"
    assert argument_words('{"text": "cut of') == '{"text": "cut of'
    assert argument_words('"what?"') == '"what?"'
