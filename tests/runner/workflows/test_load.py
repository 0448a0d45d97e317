import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.support.repository import REPOSITORY

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.workflows.load import (
    find_workflow,
    list_workflows,
    load_workflow,
    parse_workflow,
    workflow_json_schema,
)
from secondtake.runner.workflows.source import parse_source

GOOD = """\
name: small
inputs:
  topic: {type: string}
state:
  points: {type: "list[string]"}
  notes: {type: "list[string]", reducer: append}
  report: {type: string}
nodes:
  plan:
    kind: llm
    prompt: |
      Points about
      {{ topic }}
    schema: {type: object, properties: {points: {type: array}}}
    output: {points: points}
  look: {kind: agent, prompt: "{{ point }}", tools: [search_text], output: notes}
  write: {kind: llm, prompt: "{{ notes }}", output: report}
edges:
  - {from: START, to: plan}
  - {from: plan, to: look, each: points, as: point}
  - {from: look, to: write}
  - {from: write, to: END}
output: report
"""


def problems_of(text: str, settings: Settings) -> list[str]:
    with pytest.raises(WorkflowError) as raised:
        parse_workflow(text, name="w.yaml", settings=settings)
    return raised.value.problems


def test_a_correct_workflow_loads(settings: Settings) -> None:
    workflow = parse_workflow(GOOD, name="w.yaml", settings=settings)
    assert workflow.name == "small"
    assert list(workflow.definition.nodes) == ["plan", "look", "write"]
    assert workflow.source == GOOD


def test_the_hash_ignores_comments_and_layout_but_no_value(settings: Settings) -> None:
    def hash_of(text: str) -> str:
        return parse_workflow(text, name="w.yaml", settings=settings).hash

    assert hash_of(GOOD) == hash_of("# a comment\n" + GOOD.replace("name: small", "name:   small"))
    assert hash_of(GOOD) != hash_of(GOOD.replace("Points about", "Points on"))


CASES = [
    # (what is changed, by what, place and text that must be reported)
    ("name: small", "nam: small", "w.yaml:1:1: unknown key `nam`; did you mean `name`?"),
    ("name: small", "nam: small", "w.yaml:1:1: `name` is missing; add `name:`"),
    ("topic: {type: string}", "topic: {type: strin}", "w.yaml:3:17: unknown type `strin`"),
    ("topic: {type: string}", "topic: {type: string, default: 3}",
     "w.yaml:3:34: wrong default: the number 3 is not a string; change it or the type"),
    ("topic: {type: string}", "notes: {type: string}", "w.yaml:6:3: `notes` is an input already"),
    ("reducer: append", "reducer: apend", "w.yaml:6:42: `reducer` cannot be 'apend'; write"),
    ("reducer: append", "reducer: add",
     "w.yaml:6:42: `add` needs integer or number, `notes` is list[string]"),
    ("reducer: append", "default: []",
     "w.yaml:16:76: every branch of `look` would replace `notes`; give the key a reducer"),
    ("{{ topic }}", "{{ topik }}",
     "w.yaml:13:10: no input or state key `topik`; did you mean `topic`?"),
    ("{{ topic }}", "{{ report }}",
     "w.yaml:13:10: `report` has no value when `plan` begins; give it a default"),
    ("{{ topic }}", "{{ point }}", "w.yaml:13:10: only the branches of `look` have `point`"),
    ("{{ topic }}", "{% if topic %}", "not a template: "),
    ("{type: array}", "{type: aray}", "w.yaml:14:56: not a JSON Schema: 'aray'"),
    ("{type: array}", "{$ref: 'https://x.org/s'}", "`$ref: https://x.org/s` points outside"),
    ("{points: points}", "{points: point}", "the schema has no field `point`; did you mean"),
    ("{points: points}", "poins", "w.yaml:15:13: no state key `poins`; did you mean `points`?"),
    ("{points: points}", "topic", "w.yaml:15:13: `topic` is an input; nodes write state keys"),
    ("kind: agent", "kind: agnt", "w.yaml:16:16: node `look` has the unknown kind `agnt`; did you"),
    ("kind: agent, ", "", "w.yaml:16:3: node `look` has no `kind`; add `kind:` with one of llm"),
    ("[search_text]", "[serch_text]", "w.yaml:16:54: no tool `serch_text`; did you mean"),
    ("[search_text]", "['os:system']", "w.yaml:16:54: module `os` is not trusted; add it to"),
    ("[search_text]", "search_text", "w.yaml:16:53: `tools` is 'search_text'; write a list"),
    ("tools:", "tols:", "unknown key `tols`; did you mean `tools`?"),
    ('"{{ notes }}"', "5", "w.yaml:17:30: `prompt` is 5; write a text"),
    ('prompt: "{{ notes }}", ', "", "w.yaml:17:10: `prompt` is missing; add `prompt:`"),
    ("output: report}", "output: points}", "w.yaml:17:53: `points` is list[string], but the node"),
    ("from: START, to: plan", "from: START, to: paln", "w.yaml:19:23: no node `paln`; did you"),
    ("from: START, to: plan", "from: END, to: plan", "w.yaml:19:12: an edge cannot go from END"),
    ("each: points, as: point", "each: topic, as: point",
     "w.yaml:20:34: `topic` is string and not a list; fan out over a list"),
    ("each: points, as: point", "each: point, as: item", "no input or state key `point`; did"),
    ("each: points, as: point", "each: points", "w.yaml:20:5: `each` without `as`; give both"),
    ("as: point", "as: topic", "a branch's item cannot be called `topic`; choose a name that is"),
    ("{from: look, to: write}", "{from: plan, to: write}", "w.yaml:16:3: no edge leaves node `look`"),
    ("{from: write, to: END}", "{from: write, to: plan}", "closes a loop that nothing ends; add `max_visits: 3` to `plan`"),
    ("{from: write, to: END}", "{from: write, to: look}",
     "`look` runs once an item, so only this edge may lead to it"),
    ("{from: START, to: plan}", "{from: START, to: write}", "w.yaml:9:3: no edge leads to node `plan`"),
    ("output: report\n", "output: reprt\n", "w.yaml:23:9: no state key `reprt`; did you mean `report`"),
    ("name: small", "name: small\nlimits: {usd: -1}", "w.yaml:2:15: `usd` is -1; input should be"),
    ("name: small", "name: small\nlimits: {dollars: 1}", "w.yaml:2:10: unknown key `dollars`"),
    ("name: small", "name: small\nname: other", "w.yaml:2:1: `name` is there twice; remove"),
    ("  write: {", "  look: {", "w.yaml:17:3: `look` is there twice; remove or rename one"),
    ("  write: {", "  wri.te: {", "`wri.te` cannot be a name; use letters, digits and _"),
    ('kind: llm, prompt: "{{ notes }}"', "kind: python, function: 'm:f'", "module `m` is not trusted; add it to"),
    ('kind: llm, prompt: "{{ notes }}"', "kind: python, function: mf", "`mf` is not `module:function`; write"),
    ("kind: llm, prompt", "kind: llm, retry: {attempts: 0}, prompt", "`attempts` is 0; input should"),
    ("kind: llm, prompt", "kind: llm, timeout: 3, prompt", "unknown key `timeout`; did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), CASES, ids=[c[2][:60] for c in CASES])
def test_each_mistake_is_reported_with_its_place_and_its_cure(
    old: str, new: str, expected: str, settings: Settings
) -> None:
    assert old in GOOD
    problems = problems_of(GOOD.replace(old, new, 1), settings)
    assert any(expected in problem for problem in problems), problems
    for problem in problems:
        name, line, column, text = problem.split(":", 3)
        assert (name, line.isdigit(), column.isdigit()) == ("w.yaml", True, True)
        assert "; " in text or text.endswith("?"), f"no cure in {text!r}"


def test_all_mistakes_of_a_file_are_reported_at_once_in_the_order_of_the_file(
    settings: Settings,
) -> None:
    text = (
        GOOD.replace("type: string}", "type: strin}", 1)
        .replace("{{ topic }}", "{{ topik }}")
        .replace("search_text", "serch_text")
        .replace("kind: llm, prompt", "kind: llm, promt")
        .replace("to: END", "to: ND")
    )
    problems = problems_of(text, settings)
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)
    assert {3, 13, 16, 17, 22} <= set(lines)


def test_two_parallel_nodes_may_not_replace_the_same_key(settings: Settings) -> None:
    text = """\
    name: x
    state: {a: {type: string}}
    nodes:
      one: {kind: llm, prompt: x, output: a}
      two: {kind: llm, prompt: x, output: a}
    edges:
      - {from: START, to: one}
      - {from: START, to: two}
      - {from: one, to: END}
      - {from: two, to: END}
    """
    problems = problems_of(dedent(text), settings)
    assert problems == [
        (
            "w.yaml:5:39: `one` and `two` run in parallel and both replace `a`; use two keys, "
            "or a reducer"
        )
    ]
    ordered = dedent(text).replace("{from: START, to: two}", "{from: one, to: two}")
    parse_workflow(ordered.replace("  - {from: one, to: END}\n", ""), name="w", settings=settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "w.yaml:1:1: the file is empty; begin with"),
        ("# only a comment\n", "w.yaml:1:1: the file is empty; begin with"),
        ("- a\n", "w.yaml:1:1: not a mapping; begin with"),
        ("just text", "w.yaml:1:1: not a mapping; begin with"),
        ("name: x\n\tnodes: 1", "w.yaml:2:1: not YAML: "),
        ("a: [1\n", "w.yaml:2:1: not YAML: "),
        ("a: b: c", "w.yaml:1:5: not YAML: mapping values are not allowed here; put a text"),
        ("a: 'x", "close the quotes"),
        ("a: 1\n---\nb: 2\n", "keep one workflow in a file"),
        ("a: *b\n", "define the anchor"),
        ("a: {{ x }}\n", "w.yaml:1:5: a key must be a word; put a text that begins with `{{`"),
        ("a: !!python/object:os.system {}\n", "is not allowed; remove it"),
        ("a: &a [*a]\n", "an alias that contains itself; write the value out"),
        ("a: .nan\n", "w.yaml:1:4: .nan is not a finite number; write a number"),
        ("<<: {a: 1}\n", "merge keys (`<<`) are not part of YAML 1.2"),
        ("a: \x07\n", "a character is not allowed; remove the control character"),
        ("[" * 400, "w.yaml:1:"),
        ("a: " + "[" * 200 + "]" * 200, "too many or too deeply nested"),
    ],
)
def test_what_is_no_proper_yaml_is_one_clear_problem(
    text: str, expected: str, settings: Settings
) -> None:
    problems = problems_of(text, settings)
    assert any(expected in problem for problem in problems), problems


@pytest.mark.timeout(20)
def test_nested_aliases_do_not_become_billions_of_values(settings: Settings) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for n in range(1, 12):
        lines.append(f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]")
    assert any("too many" in problem for problem in problems_of("\n".join(lines), settings))


def test_values_are_those_of_yaml_1_2() -> None:
    text = "a: on\nb: 0o17\nc: 2024-01-01\nd: 1e3\ne: ~\nf: no\ng: 1_000\nh: 0x1F\ni: 012"
    assert parse_source(text, name="x").data == {
        "a": "on", "b": 15, "c": "2024-01-01", "d": 1000.0, "e": None, "f": "no",
        "g": parse_source("g: 1_000", name="x").data["g"], "h": 31, "i": 12,
    }  # fmt: skip


def test_a_file_that_cannot_be_read_is_one_problem(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: x\ndescription: caf\xe9\n")
    (tmp_path / "big.yaml").write_bytes(b"#" * 1_000_001)
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    for name, expected in [
        (".", ":1:1: this is a folder; name a .yaml file in it"),
        ("none.yaml", ":1:1: cannot be read (No such file or directory); check the name"),
        ("latin.yaml", "latin.yaml:2:17: not UTF-8; save the file as UTF-8"),
        ("big.yaml", "big.yaml:1:1: larger than"),
    ]:
        with pytest.raises(WorkflowError) as raised:
            load_workflow(tmp_path / name, settings=settings)
        assert expected in raised.value.problems[0]
    assert load_workflow(tmp_path / "bom.yaml", settings=settings).name == "small"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_one_problem(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "x.yaml").chmod(0)
    with pytest.raises(WorkflowError, match="Permission denied"):
        load_workflow(tmp_path / "x.yaml", settings=settings)


def test_a_workflow_is_found_by_path_and_by_name(home: Path, tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "research.yaml").write_text(GOOD, encoding="utf-8")
    settings = load_settings()
    assert list_workflows(settings) == {
        "research": (tmp_path / "workflows" / "research.yaml").resolve()
    }
    assert find_workflow("research", settings).name == "small"
    assert find_workflow("workflows/research.yaml", settings).name == "small"
    with pytest.raises(UsageError, match=r"no workflow `reserch`.*did you mean `research`"):
        find_workflow("reserch", settings)
    with pytest.raises(UsageError, match=r"no file workflows/reserch.yaml; did you mean"):
        find_workflow("workflows/reserch.yaml", settings)
    with pytest.raises(UsageError, match="no folder nowhere"):
        find_workflow("nowhere/x.yaml", settings)


def test_a_guarded_name_may_be_unset(settings: Settings) -> None:
    text = GOOD.replace("{{ topic }}", "{{ report | default('none') }}{% if report is defined %}")
    parse_workflow(text.replace("{% if", "{{ topic }}{% if", 1).replace(
        "is defined %}", "is defined %}x{% endif %}"), name="w", settings=settings)  # fmt: skip


def test_the_json_schema_is_valid_and_describes_the_samples(settings: Settings) -> None:
    schema = workflow_json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    samples = sorted((REPOSITORY / "data" / "workflows").glob("*.yaml"))
    assert samples
    for sample in samples:
        data: Any = parse_source(sample.read_text("utf-8"), name=sample.name).data
        assert list(validator.iter_errors(data)) == []
    broken = parse_source(GOOD.replace("kind: agent", "kind: agnt"), name="x").data
    assert list(validator.iter_errors(broken)) != []


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_a_file_damaged_anywhere_loads_or_is_a_workflow_error(
    settings: Settings, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(GOOD) - 1))
    length = data.draw(st.integers(0, 30))
    text = GOOD[:start] + data.draw(st.text(max_size=8)) + GOOD[start + length :]
    problems: list[str] | None = None
    try:
        parse_workflow(text, name="w.yaml", settings=settings)
    except WorkflowError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(problem.startswith("w.yaml:") for problem in problems or [])
