"""The examples of docs/frameworks.md, executed as they stand there."""

import re
from pathlib import Path

from tests.support.graphs import recording_of
from tests.support.journal import recorded
from tests.support.repository import REPOSITORY

from secondtake.runner.replay.recording import Recording

_EXAMPLE = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_examples_of_the_page_run_and_are_recorded(home: Path) -> None:
    page = (REPOSITORY / "docs" / "frameworks.md").read_text(encoding="utf-8")

    found: list[Recording] = []
    for example in _EXAMPLE.findall(page):
        exec(compile(example, "example", "exec"), {"__name__": "example"})  # noqa: S102
        found.append(recording_of(home))

    graph, program = found
    assert [node.node_path for node in graph.nodes] == ["agent[1]", "tools[1]", "agent[2]"]
    assert [len(graph.llm_calls), len(graph.tool_calls), len(program.llm_calls)] == [2, 1, 1]
    ends = recorded(home, "run_finished")
    assert [(end["status"], end["replayable"], end["recording_faults"]) for end in ends] == [
        ("ok", "full", 0), ("ok", "full", 0),
    ]  # fmt: skip
