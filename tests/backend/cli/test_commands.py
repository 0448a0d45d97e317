"""The commands: their help, their lists, and runs as they are shown."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from tests.support.stored import write_events, write_research_run, write_run

from secondtake.backend.cli.main import COMMANDS, main


def invoke(*args: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == code, result.output
    return result


def commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(main)
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        yield name, command


def test_every_command_and_option_has_a_help_text() -> None:
    for name, command in commands():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


def test_the_help_of_the_program_names_each_command_as_the_command_itself_does() -> None:
    listed = invoke("--help").output
    for name, command in commands():
        assert command.name == name
        assert (command.help or "").splitlines()[0] == COMMANDS[name][1]
        assert f"\n  {name} " in listed


@pytest.mark.usefixtures("home")
def test_each_command_that_prints_data_takes_json() -> None:
    without = {name for name, c in commands() if not any(p.name == "as_json" for p in c.params)}
    # Groups whose commands do, one that prints nothing but JSON, two that print no data.
    assert without == {"capsule", "export", "schema", "up", "wrap"}


@pytest.mark.usefixtures("home")
def test_an_empty_list_says_how_to_fill_it() -> None:
    assert invoke("runs").output == "No runs yet. Record one: secondtake run WORKFLOW\n"
    assert "No run fits" in invoke("runs", "--status", "error").output


def test_the_list_has_whole_ids_marks_and_what_to_type_next(home: Path) -> None:
    run_id = write_research_run(home)
    write_run(home, name="other", started_at=None, duration_ms=None, status="budget_exceeded")
    output = invoke("runs").output
    assert str(run_id)[:13] in output
    assert "$0.0123*" in output
    assert "9,412 → 1,200" in output
    assert "* simulated: no money was spent" in output
    assert "\x1b" not in output
    other = next(line for line in output.splitlines() if "other" in line)
    assert other.split()[1:] == ["budget_exceeded", "—", "other", "—", "—", "—", "—"]
    assert output.splitlines()[-1].startswith("secondtake show ")


def test_the_list_fits_80_columns_without_cutting_ids(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = write_research_run(home, name="a workflow with quite a long name to be cut")
    monkeypatch.setenv("COLUMNS", "80")
    lines = invoke("runs").output.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].startswith(str(run_id)[:13])
    assert "…" in lines[1]


def test_the_list_as_json_is_the_page(home: Path) -> None:
    run_id = write_research_run(home)
    page = json.loads(invoke("runs", "--json").output)
    assert page["total_count"] == 1
    assert page["items"][0]["run_id"] == str(run_id)
    assert page["items"][0]["cost_usd"] == "0.012345678"
    assert page["items"][0]["started_at"] == "2026-11-20T09:30:00Z"


def test_options_filter_the_list(home: Path) -> None:
    write_run(home, name="one", tags={"team": "blue"})
    write_run(home, name="two", status="error")
    assert "two" not in invoke("runs", "--tag", "team=blue").output
    assert "one" not in invoke("runs", "--status", "error").output
    assert "No run fits" in invoke("runs", "--since", "2026-11-21").output
    assert "one" in invoke("runs", "--since", "2026-11-19").output


def test_options_may_be_repeated_and_give_ranges(home: Path) -> None:
    write_run(home, name="one", status="error", duration_ms=100.0, tags={"team": "blue"})
    write_run(home, name="two", status="cancelled", duration_ms=90_000.0)
    write_research_run(home, name="three")

    def names(*options: str) -> list[str]:
        page = json.loads(invoke("runs", "--json", *options).output)
        return sorted(run["name"] for run in page["items"])

    assert names("--status", "error", "--status", "cancelled") == ["one", "two"]
    assert names("--workflow", "one", "--workflow", "three") == ["one", "three"]
    assert names("--min-duration", "1.5m") == ["two"]
    assert names("--max-duration", "100ms") == ["one"]
    assert names("--min-cost", "$0.01") == names("--simulated") == ["three"]
    assert names("--not-simulated", "--max-cost", "1") == []
    assert names("--text", "HEAT pumps") == ["three"]
    assert names("--until", "2026-11-20T00:00") == names("--waiting") == names("--unpriced") == []
    assert "write `842ms`" in invoke("runs", "--min-duration", "soon", code=2).output
    assert "write e.g. `0.05`" in invoke("runs", "--min-cost", "nan", code=2).output
    assert "No run fits" in invoke("runs", "--text", "nothing like it").output


def test_a_run_is_shown_with_its_tree_and_its_output(home: Path) -> None:
    run_id = write_research_run(home, tags={"team": "blue"})
    lines = invoke("show", "last").output.splitlines()
    assert lines[0] == f"research · ok · {run_id}"
    text = "\n".join(lines)
    assert "took 3.42 s" in text
    assert "1 LLM call, 1 tool call, 2 messages, 1 error" in text
    assert "$0.012* (simulated)" in text
    assert "team=blue" in text
    assert "reward 1" in text
    assert re.search(r"^plan +842 ms +\$0\.01235\* +9,412 → 1,200$", text, re.MULTILINE)
    assert re.search(r"^└─ sim/strong \(llm\) +812 ms +\$0\.01235\*", text, re.MULTILINE)
    assert "search_text (tool) ✗ ValueError: no such page" in text
    assert "answer: A fridge turned round." in text


def test_a_failed_run_shows_its_error_and_traceback(home: Path) -> None:
    write_run(
        home,
        status="error",
        error_type="KeyError",
        error_message="'topic'",
        error_traceback="Traceback:\n  File x",
    )
    output = invoke("show", "last").output
    assert "· error ·" in output
    assert "  KeyError: 'topic'\n" in output
    assert "    File x" in output


def test_unknown_is_never_shown_as_zero(home: Path) -> None:
    write_run(home, duration_ms=None)
    output = invoke("show", "last").output
    assert "took —" in output
    assert re.search(r"cost +—", output)
    assert "$0" not in output


def test_hostile_text_is_text(home: Path) -> None:
    hostile = "\x1b[2J\x1b]0;owned\x07[bold red]\u202emarkup\r\x9b31m"
    write_run(
        home,
        name=hostile,
        tags={hostile: hostile},
        inputs={hostile: hostile},
        output=hostile,
        status="error",
        error_type="E",
        error_message=hostile,
        error_traceback=hostile,
    )
    for args in (["runs"], ["show", "last"], ["sql", "select name, output from runs"]):
        output = invoke(*args).output
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", output)
        assert "[bold red]" in output
    listed, shown = invoke("runs", "--json").output, invoke("show", "last", "--json").output
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", listed + shown)
    assert json.loads(listed)["items"][0]["name"] == hostile
    assert json.loads(shown)["summary"]["inputs"] == {hostile: hostile}


def test_each_view_of_a_run_as_lines_and_as_json(home: Path) -> None:
    write_research_run(home)
    assert "[2] assistant\n  A fridge turned round." in invoke("show", "last", "--messages").output
    assert [
        m["role"] for m in json.loads(invoke("show", "last", "--messages", "--json").output)
    ] == [
        "user",
        "assistant",
    ]
    tools = invoke("show", "last", "--tools").output
    assert (
        '[1] search_text · failed · 0.42 ms · look_up[1]\n  arguments  {"pattern": "pump"}' in tools
    )
    assert (
        json.loads(invoke("show", "last", "--tools", "--json").output)[0]["tool"] == "search_text"
    )
    assert "call-a  node-a" in invoke("show", "last", "--spans").output
    assert len(json.loads(invoke("show", "last", "--spans", "--json").output)["spans"]) == 4
    state = invoke("show", "last", "--state").output
    assert state.startswith('state after step 1 of 1\n* notes = ["a fridge"]\n')
    first = json.loads(invoke("show", "last", "--state", "--step", "0", "--json").output)
    assert first["values"] == {"notes": []}
    whole = json.loads(invoke("show", "last", "--json").output)
    assert set(whole) == {
        "summary", "messages", "tool_calls", "llm_calls", "node_timings", "memory", "evaluations",
        "tool_definitions", "parts",
    }  # fmt: skip


def test_a_run_with_thousands_of_spans_shows_some_and_says_so(home: Path) -> None:
    from datetime import UTC, datetime
    from uuid import uuid4

    from tests.support.stored import run_frame

    from secondtake.runner.events import ToolCall

    run_id = uuid4()
    at = datetime(2026, 11, 20, tzinfo=UTC)
    calls = [
        ToolCall(run_id=run_id, seq=n + 1, recorded_at=at, span_id=str(n), tool="t")
        for n in range(1000)
    ]
    write_events(home, *run_frame(run_id, calls))
    assert "... 800 more spans: `--spans` shows all" in invoke("show", "last").output
    assert len(invoke("show", "last", "--spans").output.splitlines()) == 1001


def test_a_query_is_printed_as_a_table_json_or_csv(home: Path) -> None:
    write_research_run(home)
    query = "select tool, arguments, cost_usd from tool_calls"
    assert invoke("sql", query).output.splitlines() == [
        "tool         arguments            cost_usd",
        'search_text  {"pattern": "pump"}         —',
        "(1 row)",
    ]
    assert json.loads(invoke("sql", query, "--json").output)["rows"] == [
        ["search_text", {"pattern": "pump"}, None]
    ]
    rows = list(csv.reader(io.StringIO(invoke("sql", query, "--csv").output)))
    assert rows == [["tool", "arguments", "cost_usd"], ["search_text", '{"pattern": "pump"}', ""]]


@pytest.mark.usefixtures("home")
def test_rows_that_are_not_shown_are_told() -> None:
    result = invoke("sql", "from range(9)", "--limit", "2")
    assert "Only the first 2 rows are shown; --limit shows more." in result.stderr
    assert json.loads(invoke("sql", "from range(9)", "--limit", "2", "--json").stdout)["truncated"]


@pytest.mark.usefixtures("home")
def test_a_query_without_rows_still_names_its_columns() -> None:
    assert invoke("sql", "select name, status from runs limit 0").output == (
        "name  status\n(0 rows)\n"
    )


def test_lines_that_could_not_become_rows_are_told(home: Path) -> None:
    (home / "journal").mkdir(parents=True)
    (home / "journal" / "other-1.ndjson").write_text('{"kind":"nonsense"}\n')
    result = invoke("runs")
    assert "warning: 1 line could not become rows; see `secondtake doctor`" in result.stderr


@pytest.mark.usefixtures("home")
def test_doctor_fails_with_exit_code_1() -> None:
    assert "ok    home" in invoke("doctor").output
    broken = Path("home")
    broken.mkdir()
    (broken / "secondtake.duckdb").write_bytes(b"no database" * 2000)
    result = invoke("doctor", code=1)
    assert "fail  database" in result.output
    assert "-> " in result.output
    checks = json.loads(invoke("doctor", "--json", code=1).output)["checks"]
    assert {"name", "status", "detail", "cure"} == set(checks[0])


@pytest.mark.usefixtures("home")
def test_config_prints_value_and_origin() -> None:
    assert re.search(r"^model +sim/strong +default$", invoke("config").output, re.MULTILINE)
    assert "settings" in json.loads(invoke("config", "--json").output)
    assert re.search(
        r"^home +.+ +flag$", invoke("--home", "elsewhere", "config").output, re.MULTILINE
    )


def test_an_import_is_reported_and_a_second_one_changes_nothing(
    home: Path, shared_data: Path
) -> None:
    (file,) = (shared_data / "trajectories" / "tau-bench").iterdir()
    first = invoke("import", "tau-bench", str(file)).output
    assert first.startswith("200 runs imported\n")
    report = json.loads(invoke("import", "tau-bench", str(file), "--json").output)
    assert (report["runs_imported"], report["runs_already_there"]) == (0, 200)
    query = "select count(*), (select count(*) from messages), (select avg(score_value) from evaluations) from runs"
    assert json.loads(invoke("sql", query, "--json").output)["rows"] == [[200, 5308, 0.42]]
    assert home.exists()
