"""The state's rows: what a step changed comes first, and what a text became is marked by words."""

from typing import Any
from uuid import UUID

from tests.support.span_trees import span, tree

from secondtake.backend.models.records import MemoryRow
from secondtake.backend.models.runs import StateAt, StateStep
from secondtake.studio.run_page.state_markup import memory_markup, state_markup
from secondtake.studio.run_page.state_rows import (
    change_count,
    heading,
    long_term,
    nested_changes,
    slider_label,
    state_rows,
    step_of_span,
    word_diff,
)

RUN_ID = UUID(int=7)
STEPS = [
    StateStep(step=0, span_id=None, node_path=None, keys=["topic"]),
    StateStep(step=1, span_id="a", node_path="plan[1]", keys=["notes"]),
    StateStep(step=2, span_id="b", node_path="draft[2]", keys=["draft", "score"]),
]


def state(step: int, values: dict[str, Any], **fields: Any) -> StateAt:
    defaults: dict[str, Any] = {
        "changed": STEPS[step].keys,
        "changed_at": {
            key: each.step for each in STEPS[: step + 1] for key in each.keys if key in values
        },
        "problems": [],
        **fields,
    }
    return StateAt(run_id=RUN_ID, step=step, steps=STEPS, values=values, **defaults)


def memory(operation: str, scope: str, value: Any = 1) -> MemoryRow:
    return MemoryRow(run_id=RUN_ID, seq=1, scope=scope, operation=operation, key="k", value=value)


BEFORE = state(1, {"topic": "heat", "notes": ["a"], "score": 4})
AFTER = state(2, {"topic": "heat", "notes": ["a"], "score": 8, "draft": "Hello"})


def test_what_the_step_changed_comes_first_and_the_rest_newest_first() -> None:
    rows = state_rows(AFTER, BEFORE)

    assert [(row.key, row.mark) for row in rows] == [
        ("draft", "added"),
        ("score", "changed"),
        ("notes", None),
        ("topic", None),
    ]
    assert [row.where for row in rows[2:]] == ["step 1 · plan", "the beginning"]
    assert (rows[1].before_line, rows[1].line) == ("4", "8")
    assert rows[0].before is None


def test_the_heading_names_the_step_and_counts_its_changes() -> None:
    assert heading(AFTER) == "State after step 2 · draft · visit 2"
    assert change_count(AFTER) == "2 of 4 keys changed"
    first = state(0, {"topic": "heat"})
    assert (heading(first), change_count(first)) == ("State before the first step", "1 key")
    assert state_rows(first, None)[0].mark is None


def test_text_that_reads_as_something_else_is_in_quotes() -> None:
    values = {"a": "true", "b": True, "c": "", "d": "yes", "e": None, "f": '{"x": 1}'}

    lines = {row.key: row.line for row in state_rows(state(2, values, changed=[]), None)}

    assert lines["a"] == '"true"'
    assert lines["b"] == "true"
    assert lines["c"] == '""'
    assert lines["d"] == "yes"
    assert lines["e"] == "null"


def test_the_slider_never_says_what_markdown_could_mean() -> None:
    def label(path: str) -> str:
        steps = [STEPS[0], StateStep(step=1, span_id="x", node_path=path, keys=[])]
        return slider_label(steps, 1)

    assert label("draft_reply[2]") == "1 draft_reply"
    assert label("triage[1]/draft[1]") == "1"
    for hostile in ("![x](http://a.example/)", "_emphasis_", ":material/home:", "`code`", "a" * 50):
        assert label(f"{hostile}[1]") == "1"


def test_a_call_inside_a_node_leads_to_the_step_of_its_node() -> None:
    spans = tree(
        span("a", "node"),
        span("inner", "node", parent_span_id="a"),
        span("call", "llm", parent_span_id="inner"),
        span("lost", "llm", parent_span_id="lost"),
    )

    assert step_of_span(STEPS, spans, "call") == 1
    assert step_of_span(STEPS, spans, "b") == 2
    assert step_of_span(STEPS, spans, "lost") is None


def test_words_that_only_white_space_parts_are_one_edit() -> None:
    assert word_diff("costs 84.90 EUR now", "costs 90.00 USD now") == [
        ("same", "costs "),
        ("del", "84.90 EUR"),
        ("ins", "90.00 USD"),
        ("same", " now"),
    ]
    assert word_diff("same", "same") == [("same", "same")]
    assert word_diff("", "new") == [("ins", "new")]


def test_both_sides_of_a_diff_are_whole() -> None:
    before, after = "The cat, it sat.\n\nYes", "A cat  it sat down.\nNo way"

    pieces = word_diff(before, after)

    assert "".join(text for op, text in pieces if op != "ins") == before
    assert "".join(text for op, text in pieces if op != "del") == after


def test_hostile_values_are_text_and_problems_are_shown() -> None:
    values = {"<img src=x>": "<script>alert(1)</script>\u202e"}

    markup = str(state_markup(state(2, values, problems=["step 1: <b>no</b>"]), None, {}))

    assert "<script" not in markup
    assert "<img" not in markup
    assert r"\u202e" in markup
    assert "step 1: &lt;b&gt;no&lt;/b&gt;" in markup


def test_a_clipped_value_says_how_long_it_is_and_offers_the_rest() -> None:
    shown = state(2, {"draft": "x" * 4000}, clipped={"draft": 250_000})

    markup = str(state_markup(shown, None, {}))

    assert "characters 1 to 4,000 of 250,000" in markup
    assert "Show next 100 KB" in markup


def test_long_term_memory_is_apart_from_the_state_of_nested_workflows() -> None:
    rows = [
        memory("read", "agent"),
        memory("write", "workflow"),
        memory("set", "node"),
        memory("init", "node", None),
        memory("set", "state"),
    ]

    markup = str(memory_markup(rows, {}))

    assert len(long_term(rows)) == 2
    assert len(nested_changes(rows)) == 1
    assert "1 read · 1 write" in markup
    assert memory_markup([memory("set", "state")], {}) is None
