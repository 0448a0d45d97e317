"""Conditions, loops, parallel branches and collected errors in runs. No model."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.runner.workflows.graphs import folded, run
from tests.support.journal import recorded

Steps = Callable[[str], str]

LOOP = """\
name: loop
inputs:
  good_at: {{type: integer, default: 2}}
state:
  notes: {{type: "list[string]", reducer: append}}
  score: {{type: integer}}
  text: {{type: string}}
nodes:
  plan: {{kind: python, function: "{m}:plan", inputs: [visits], output: {{notes: notes}}, max_visits: 3}}
  look: {{kind: python, function: "{m}:look", inputs: [item, visits], output: notes}}
  log: {{kind: python, function: "{m}:log"}}
  review: {{kind: python, function: "{m}:review", inputs: [visits, good_at], output: score}}
  write: {{kind: python, function: "{m}:write", inputs: [notes], output: text}}
edges:
  - {{from: START, to: plan}}
  - {{from: plan, to: look, each: notes, as: item}}
  - {{from: plan, to: log, when: visits.plan == 2}}
  - {{from: log, to: review}}
  - {{from: look, to: review}}
  - {{from: review, to: plan, when: score < 8}}
  - {{from: review, to: write, otherwise: true}}
  - {{from: write, to: END}}
output: text
"""
LOOP_CODE = """
def plan(visits): return {"notes": [f"p{visits['plan']}"]}
def look(item, visits): return f"{item}.{visits['look']}"
def log(): pass
def review(visits, good_at): return 9 if visits["review"] >= good_at else 3
def write(notes): return " ".join(notes)
"""


def rows(home: Path, kind: str = "node_started") -> list[tuple[str, list[str] | None]]:
    return [(row["node_path"], row["entered_from"]) for row in recorded(home, kind)]


def test_a_loop_with_a_fan_out_and_a_condition_records_what_led_where(
    home: Path, steps: Steps
) -> None:
    result = run(LOOP.format(m=steps(LOOP_CODE)))
    assert result.status == "ok", result.error_message
    assert result.output == "p1 p1.1 p2 p1.2 p1.1.2 p2.2"
    assert folded(home, result.run_id)["text"] == result.output
    found = [(path.split(":")[0].rstrip("]"), origin) for path, origin in rows(home)]
    assert Counter(path for path, _ in found)["look[1"] == 3, "p1.1, p2 and p1 the first time"
    assert sorted(dict(found).items()) == [
        ("log[1", ["plan"]),
        ("look[1", ["plan"]),
        ("look[2", ["plan"]),
        ("plan[1", ["START"]),
        ("plan[2", ["review"]),
        ("review[1", ["look"]),
        ("review[2", ["look", "log"]),
        ("write[1", ["review"]),
    ]
    (finished,) = recorded(home, "run_finished")
    assert finished["extra"] == {"ended_from": ["write"]}


def test_a_loop_ends_at_its_limit(home: Path, steps: Steps) -> None:
    result = run(LOOP.format(m=steps(LOOP_CODE)), {"good_at": 99})
    assert result.status == "ok"
    visits = [row["visit"] for row in recorded(home, "node_finished") if row["node"] == "plan"]
    assert visits == [1, 2, 3]


def test_a_loop_that_cannot_leave_is_an_error_of_the_run_with_the_cure(
    home: Path, steps: Steps
) -> None:
    text = LOOP.replace("otherwise: true", "when: score >= 8").format(m=steps(LOOP_CODE))
    result = run(text, {"good_at": 99})
    assert (result.status, result.error_type) == ("error", "NodeError")
    assert result.error_message == (
        "No edge of `review` can be taken: `plan` has used up its 3 visits (`max_visits`); "
        "`score >= 8` does not hold (score = 3). Add an edge with `otherwise: true` that says "
        "where to go then."
    )


def test_a_condition_that_cannot_be_evaluated_fails_the_run(home: Path, steps: Steps) -> None:
    text = LOOP.replace("score < 8", "score < text").format(m=steps(LOOP_CODE))
    text = text.replace("text: {type: string}", "text: {type: string, default: x}")
    result = run(text)
    assert result.status == "error"
    assert "`score < text` cannot be evaluated (score = 3, text = 'x')" in (
        result.error_message or ""
    )


CHOICE = """\
name: choice
inputs: {{want: {{type: string}}}}
state: {{answer: {{type: string}}, note: {{type: string, default: none}}}}
nodes:
  left: {{kind: python, function: "{m}:left", output: answer}}
  right: {{kind: python, function: "{m}:right", output: answer}}
  join: {{kind: python, function: "{m}:join", inputs: [answer], output: note}}
edges:
  - {{from: START, to: left, when: want != "right"}}
  - {{from: START, to: right, when: want != "left"}}
  - {{from: left, to: join}}
  - {{from: right, to: join}}
  - {{from: join, to: END}}
output: note
"""
CHOICE_CODE = """
def left(): return "l"
def right(): return "r"
def join(answer): return answer + "!"
"""


@pytest.mark.parametrize(("want", "expected"), [("left", "l!"), ("right", "r!")])
def test_alternatives_may_write_the_same_key(
    home: Path, steps: Steps, want: str, expected: str
) -> None:
    assert run(CHOICE.format(m=steps(CHOICE_CODE)), {"want": want}).output == expected


def test_alternatives_that_both_run_and_write_the_same_key_are_an_error(
    home: Path, steps: Steps
) -> None:
    result = run(CHOICE.format(m=steps(CHOICE_CODE)), {"want": "both"})
    assert result.status == "error"
    assert "`left` and `right` ran in the same step and both replaced `answer`" in (
        result.error_message or ""
    )
    assert folded(home, result.run_id)["answer"] == "r", "what was recorded is what was there"


def test_a_further_attempt_is_no_further_visit(home: Path, steps: Steps) -> None:
    code = """
        tried = []
        def left():
            tried.append(1)
            if len(tried) < 3: raise OSError("busy")
            return "l"
        def right(): return "r"
        def join(answer): return answer
    """
    text = CHOICE.format(m=steps(code)).replace(
        'left", output', 'left", retry: {attempts: 3, backoff_s: 0.01}, output'
    )
    assert run(text, {"want": "left"}).status == "ok"
    tries = [row for row in recorded(home, "node_finished") if row["node"] == "left"]
    assert [(row["visit"], row["attempt"]) for row in tries] == [(1, 1), (1, 2), (1, 3)]


COLLECT = """\
name: collect
inputs: {{items: {{type: "list[string]"}}}}
state:
  notes: {{type: "list[string]", reducer: append}}
  {state}
  said: {{type: string}}
nodes:
  look: {{kind: python, function: "{m}:look", inputs: [item], output: notes, on_error: collect{to}}}
  sorry: {{kind: python, function: "{m}:say", inputs: [{key}], output: said}}
edges:
  - {{from: START, to: look, each: items, as: item}}
  - {{from: look, to: sorry, when: len({key}) > 0}}
  - {{from: look, to: END, otherwise: true}}
  - {{from: sorry, to: END}}
"""
COLLECT_CODE = """
def look(item):
    if item == "bad": raise ValueError("no " + item)
    return item
def say({key}): return ", ".join(f"{{e['node']}}: {{e['item']}}" for e in {key})
"""


@pytest.mark.parametrize("key", ["errors", "problems"])
def test_errors_of_branches_are_collected_and_the_others_go_on(
    home: Path, steps: Steps, key: str
) -> None:
    declared = "" if key == "errors" else 'problems: {type: "list[object]", reducer: append}'
    to = "" if key == "errors" else ", errors_to: problems"
    module = steps(COLLECT_CODE.format(key=key))
    text = COLLECT.format(m=module, state=declared, to=to, key=key)
    result = run(text, {"items": ["a", "bad", "b"]})
    assert result.status == "ok"
    assert result.output["notes"] == ["a", "b"]
    assert result.output["said"] == "look: bad"
    (error,) = result.output[key]
    assert error["node_path"].startswith("look[1:")
    assert (error["error_type"], error["message"]) == ("ValueError", "no bad")
    assert folded(home, result.run_id)[key] == result.output[key]
    failed = [row for row in recorded(home, "node_finished") if row.get("error_type")]
    assert [(row["node"], row["error_message"]) for row in failed] == [("look", "no bad")]
    assert run(text, {"items": ["a"]}).output["said"] is None


def test_a_stop_is_never_collected(home: Path, steps: Steps) -> None:
    module = steps("""
        import time
        from secondtake.runner.context import current
        def look(item):
            if item == "stop":
                current().run.request_stop("cancelled", "the user asked")
            time.sleep(20)
        def say(errors): pass
    """)
    text = COLLECT.format(m=module, state="", to="", key="errors")
    result = run(text, {"items": ["stop", "a"]})
    assert (result.status, result.error_message) == ("cancelled", "the user asked")
    assert result.duration_ms < 15_000
