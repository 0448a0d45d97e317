"""The gates in LangChain's classes: put in once, without effect outside a run, taken out again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, tool
from tests.support.graphs import recording_of, saying
from tests.support.journal import recorded, recorded_lines
from tests.support.repository import REPOSITORY

from secondtake.runner import record
from secondtake.runner.events import Message
from secondtake.runner.langchain_adapter import patches
from secondtake.runner.settings import load_settings
from secondtake.runner.workflows.execute import run_workflow
from secondtake.runner.workflows.load import find_workflow


@pytest.fixture(autouse=True)
def bare() -> Iterator[None]:
    """LangChain as it is: other tests may have wrapped something for good."""
    for _ in range(patches.users()):
        patches.remove()
    yield
    assert patches.users() == 0


def test_gates_are_taken_out_again(home: Path) -> None:
    before = (BaseTool.run, BaseTool.arun, BaseChatModel.stream, "invoke" in vars(BaseChatModel))

    with record.langchain():
        assert BaseTool.run is not before[0]
    after = (BaseTool.run, BaseTool.arun, BaseChatModel.stream, "invoke" in vars(BaseChatModel))

    assert after == before


def test_gates_that_are_in_twice_record_once(home: Path) -> None:
    with record.langchain(), record.langchain() as inner:
        inner.remove()
        inner.remove()
        with record.run("once"):
            saying("x").invoke("hi")

    assert len(recorded(home, "llm_call")) == 1


def test_outside_a_run_nothing_is_recorded(home: Path) -> None:
    @tool
    def add(one: int) -> int:
        """Add."""
        return one + 1

    with record.langchain():
        assert add.invoke({"one": 1}) == 2
        assert saying("x").invoke("hi").text == "x"

    assert not (home / "journal").exists() or recorded_lines(home) == []


def test_many_threads_may_put_them_in_at_once(home: Path) -> None:
    original = BaseTool.run
    gates: list[object] = []
    together = threading.Barrier(8)

    def use() -> None:
        together.wait()
        with record.langchain():
            gates.append(BaseTool.run)
            together.wait()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(gates)) == 1
    assert BaseTool.run is original


def test_importing_the_recorder_does_not_import_langchain() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from secondtake.runner import record; record.wrap(len); "
        "sys.exit(any(n.startswith(('langchain', 'langgraph')) for n in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_workflow_of_ours_is_recorded_as_always_beside_a_users_graph(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is executed by LangGraph too, and records its nodes and its state itself."""
    monkeypatch.chdir(REPOSITORY)
    settings = load_settings({"home": home, "model": "sim/strong"})
    workflow = find_workflow("research", settings)

    def events() -> list[tuple[str, str]]:
        result = run_workflow(workflow, {"topic": "heat"}, settings=settings)
        assert result.status == "ok"
        # Of a message that branches share only the place of the first is known, and they race.
        found = recording_of(home, str(result.run_id)).events
        told = [each for each in found if not isinstance(each, Message)]
        return sorted((type(each).__name__, str(getattr(each, "node_path", ""))) for each in told)

    bare = events()
    with record.langchain():
        gated = events()

    assert gated == bare
