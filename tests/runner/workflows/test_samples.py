"""The sample workflows, executed offline on the simulated models."""

from pathlib import Path
from typing import Any

import pytest
from tests.support.journal import recorded
from tests.support.repository import REPOSITORY

from secondtake.runner.result import RunResult
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import find_workflow


@pytest.fixture
def run_sample(home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(REPOSITORY)

    def run(name: str, inputs: dict[str, Any], model: str = "sim/strong", **more: Any) -> RunResult:
        settings = load_settings({"sim_latency": False, "home": home})
        workflow = find_workflow(name, settings)
        return run_workflow(workflow, inputs, settings=settings, model=model, **more)

    return run


def test_research_looks_each_question_up_and_writes_a_report(home: Path, run_sample: Any) -> None:
    result = run_sample("research", {"topic": "heat pumps"})
    assert result.status == "ok", result.error_message
    assert ".md" in result.output
    nodes = [timing.node for timing in result.timings]
    assert 2 <= nodes.count("search") <= 4
    assert nodes.count("write") == 1
    tools = {row["tool"] for row in recorded(home, "tool_call")}
    assert "search_text" in tools
    assert result.totals.simulated


def test_extraction_reads_the_invoice_and_its_total_is_right(home: Path, run_sample: Any) -> None:
    result = run_sample("extraction", {})
    assert result.status == "ok", result.error_message
    assert result.output["invoice"]["invoice_number"] == "2025-118"
    assert result.output["recomputed"] == result.output["invoice"]["total"] == 24995.95


def test_assistant_finds_and_computes(home: Path, run_sample: Any) -> None:
    result = run_sample("assistant", {})
    assert result.status == "ok", result.error_message
    assert "3278.45" in result.output.replace(",", "")
    assert {row["tool"] for row in recorded(home, "tool_call")} >= {"calculator"}


def test_support_drafts_until_it_is_good_and_asks_a_person(home: Path, run_sample: Any) -> None:
    ticket = (REPOSITORY / "data" / "tickets" / "invoice.txt").read_text()
    answers = {"approve": ["revise", "send"]}
    result = run_sample("support", {"ticket": ticket}, answers=answers)
    assert result.status == "ok", result.error_message
    assert "24,995.95" in result.output["draft"]
    rows = {row["node_path"]: row["entered_from"] for row in recorded(home, "node_started")}
    assert rows["draft[1]"] == ["read_invoice", "search_documents"]
    assert rows["draft[2]"] in (["review"], ["approve"])
    assert sum(path.startswith("draft") for path in rows) == 3
    answered = [row["result"] for row in recorded(home, "tool_call") if row["tool"] == "human"]
    assert answered[0] == "revise"
    assert result.totals.simulated


def test_support_takes_the_other_way_for_another_ticket(home: Path, run_sample: Any) -> None:
    ticket = (REPOSITORY / "data" / "tickets" / "heat-pump.txt").read_text()
    result = run_sample("support", {"ticket": ticket}, answers={"approve": ["hand over"]})
    assert result.status == "ok", result.error_message
    assert result.output["handover"]
    nodes = {timing.node for timing in result.timings}
    assert nodes >= {"search_documents", "hand_over"}
    assert "read_invoice" not in nodes


def test_onboarding_nests_two_workflows(home: Path, run_sample: Any) -> None:
    result = run_sample("onboarding", {})
    assert result.status == "ok", result.error_message
    paths = [row["node_path"] for row in recorded(home, "node_finished")]
    assert {"check_invoice[1]/recompute[1]", "research_topic[1]/write[1]"} <= set(paths)
    assert not any(path.startswith("ask_seller") for path in paths), "the total is right"
    assert "Jana Sommer" in result.output


@pytest.mark.parametrize("name", ["research", "extraction", "assistant", "onboarding"])
def test_every_sample_says_the_same_twice(home: Path, run_sample: Any, name: str) -> None:
    inputs = {"topic": "insulation"} if name == "research" else {}
    first, second = (run_sample(name, inputs) for _ in range(2))
    assert (first.status, first.output) == ("ok", second.output)
