"""Small records in tau-bench's form, made up for the tests."""

import json
from pathlib import Path
from typing import Any

from secondtake.backend.importers import tau_bench
from secondtake.backend.importers.frame import candidates, run_events
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink


def call(name: str, arguments: Any, *, call_id: str | None = None) -> dict[str, Any]:
    """Return a tool call as an assistant message holds it."""
    made = {"type": "function", "function": {"name": name, "arguments": arguments}}
    return made if call_id is None else {"id": call_id, **made}


def asks(*calls: dict[str, Any]) -> dict[str, Any]:
    """Return an assistant message that asks for tools."""
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def says(role: str, content: str, **more: Any) -> dict[str, Any]:
    """Return a message."""
    return {"role": role, "content": content, **more}


def record(*traj: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a run as tau-bench writes it."""
    task = {"user_id": "ann_1", "instruction": "You want tea.", "actions": [], "outputs": []}
    info = {"task": task, "source": "user", "user_cost": 0.25, "reward_info": {"reward": 1.0}}
    made = {"task_id": 7, "trial": 2, "reward": 1.0, "info": info, "traj": list(traj)}
    return made | more


TEA = record(
    says("system", "You sell tea."),
    says("user", "One tea please."),
    asks(call("price", '{"kind": "green"}', call_id="c1")),
    says("tool", "3.20", tool_call_id="c1", name="price"),
    says("assistant", "That is 3.20."),
    says("user", "Fine. ###STOP###"),
)


def write(folder: Path, records: Any, name: str = "gpt-4o-airline.json") -> Path:
    """Write a result file."""
    path = folder / name
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def events_of(path: Path, settings: Settings) -> list[list[BaseEvent]]:
    """Return the events of each run in a file."""
    sink = Sink(settings)
    taken, skipped = candidates(tau_bench.IMPORTER, tau_bench.read_file(path))
    assert not skipped
    return [run_events(tau_bench.IMPORTER, item, sink=sink) for item in taken]
