"""Mistakes in conditions, loops, human nodes and collected errors: place and cure."""

import pytest
from tests.runner.workflows.conftest import parse

from secondtake.runner.errors import WorkflowError
from secondtake.runner.settings import Settings

GOOD = """\
name: w
inputs:
  topic: {type: string}
state:
  score: {type: integer, default: 0}
  late: {type: string}
  decision: {type: string}
nodes:
  draft: {kind: llm, prompt: "{{ topic }} {{ visits.draft }}", max_visits: 3}
  review: {kind: llm, prompt: x, output: late}
  ask: {kind: human, question: "Send {{ topic }}?", choices: [send, stop], output: decision}
  end: {kind: tool, tool: current_time}
edges:
  - {from: START, to: draft}
  - {from: draft, to: review}
  - {from: review, to: draft, when: score < 8 and visits.draft < 3}
  - from: review
    to: ask
    when: >-
      score >= 8 or
      late == 'x'
  - {from: review, to: end, otherwise: true}
  - {from: ask, to: end}
  - {from: end, to: END}
"""

CASES = [
    ("score < 8 and", "scor < 8 and", "w.yaml:16:37: no input or state key `scor`; did you mean `sc"),
    ("visits.draft < 3", "visits.drft < 3", "w.yaml:16:58: no node `drft`; did you mean `draft`?"),
    ("score < 8 and", "score < < 8 and", "w.yaml:16:45: not an expression: invalid syntax"),
    ("score < 8 and", "score.bit_length() and", "w.yaml:16:37: only these functions can be called"),
    ("score < 8 and", '"score <"} # and', "w.yaml:16:45: not an expression"),
    ("or\n      late", "or\n      lat", "w.yaml:21:7: no input or state key `lat`; did you mean `late`"),
    ("{from: START, to: draft}", "{from: START, to: draft, when: late}",
     "w.yaml:14:36: `late` has no value at START; give it a default, or let `review` run before"),
    ("draft, when: score < 8 and visits.draft < 3", "draft, when: 3", "`when` is 3; write a text"),
    ("end, otherwise: true", "end, otherwise: true, when: score",
     "w.yaml:22:52: an edge has either `when` or `otherwise`; remove one"),
    ("{from: ask, to: end}", "{from: ask, to: end, otherwise: true}",
     "w.yaml:23:37: no other edge of ask is conditional; add `when` to one, or remove `otherwise`"),
    (", max_visits: 3", "",
     "the edge review -> draft closes a loop that nothing ends; add `max_visits: 3` to `draft`"),
    ("  - {from: ask, to: end}\n", "  - {from: ask, to: draft}\n",
     "when the visits of `draft` are used up, no edge of `ask` is left; add `- {from: ask, to: NODE"),
    ("to: END}", "to: draft}", "END cannot be reached from node `review`"),
    ("visits.draft }}", "visits.drft }}", "w.yaml:9:53: no node `drft`; did you mean `draft`?"),
    ("  score: {", "  visits: {", "`visits` cannot be a name"),
    ("choices: [send, stop]", "choices: [send, SEND]", "w.yaml:11:69: `SEND` is there twice"),
    ("choices: [send, stop]", "choices: []", "`choices` is empty; name at least one"),
    ("choices: [send, stop]", "choices: '{{ topic }}, no'", "write a list, or one `{{ name }}` of a"),
    ("choices: [send, stop]", "choices: '{{ topc }}'", "no input or state key `topc`"),
    ("choices: [send, stop]", "default: send", "`default` is the answer after `timeout_s`; add it"),
    ("choices: [send, stop]", "choices: [a], timeout_s: 1, default: b",
     "wrong default: `b` is not one of: a"),
    ("choices: [send, stop]", "type: list", "a person cannot type list; write one of string,"),
    ("choices: [send, stop]", "type: boolean", "`decision` is string, but the answer is boolean"),
    ("choices: [send, stop]", "type: integer, choices: [a]", "the text 'a' is not an integer"),
    ("output: decision", "output: {decision: x}", "an answer has no fields; write one state key"),
    ("question: \"Send {{ topic }}?\"", "question: \"{{ topc }}\"", "no input or state key `topc`"),
    ("kind: human", "kind: humn", "node `ask` has the unknown kind `humn`; did you mean `human`?"),
    ("x, output: late", "x, output: late, on_error: colect", "`on_error` cannot be 'colect'; write"),
    ("x, output: late", "x, output: late, errors_to: late", "`errors_to` goes with `on_error: coll"),
    ("x, output: late", "x, output: late, on_error: collect, errors_to: e",
     "no state key `e`; add it to `state`, or leave `errors_to` out for `errors`"),
    ("x, output: late", "x, output: late, on_error: collect, errors_to: late",
     "`late` must take errors one after another; declare it `{type: list[object], reducer: app"),
    ("max_visits: 3", "max_visits: 0", "`max_visits` is 0; input should be greater than or equal to 1"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[c[1][:40] for c in CASES])
def test_each_mistake_is_reported_with_its_place_and_its_cure(
    old: str, new: str, expected: str, settings: Settings
) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    with pytest.raises(WorkflowError) as refused:
        parse(text, settings)
    assert any(expected in problem for problem in refused.value.problems), refused.value.problems


def test_a_correct_workflow_has_no_problem(settings: Settings) -> None:
    workflow = parse(GOOD, settings)
    assert workflow.definition.nodes["draft"].max_visits == 3


PARALLEL = """\
name: w
state: {{a: {{type: any}}}}
nodes:
  ask: {{kind: tool, tool: current_time}}
  one: {{kind: tool, tool: current_time, output: a}}
  two: {{kind: tool, tool: current_time, output: a}}
edges:
  - {{from: START, to: ask}}
  - {{from: ask, to: one{one}}}
  - {{from: ask, to: two{two}}}
  - {{from: one, to: END}}
  - {{from: two, to: END}}
"""


@pytest.mark.parametrize(
    ("one", "two", "is_refused"),
    [
        ("", "", True),
        ("", ", when: a == 1", True),
        (", when: a == 1", ", otherwise: true", False),
        (", when: a == 1", ", when: a == 2", False),
    ],
)
def test_only_branches_that_surely_run_together_may_not_replace_the_same_key(
    one: str, two: str, is_refused: bool, settings: Settings
) -> None:
    text = PARALLEL.format(one=one, two=two).replace("{type: any}", "{type: any, default: 0}")
    if not is_refused:
        parse(text, settings)
        return
    with pytest.raises(WorkflowError, match="`one` and `two` run in parallel and both replace `a`"):
        parse(text, settings)
