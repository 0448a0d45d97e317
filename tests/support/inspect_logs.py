"""Small logs in the form of Inspect AI, made up for the tests."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]

AT = "2026-01-02T03:04:0"
LONG = "A long text that the log keeps apart."
USAGE: Json = {
    "input_tokens": 10, "output_tokens": 5, "total_tokens": 15, "reasoning_tokens": 2,
}  # fmt: skip


def says(role: str, content: Any, **more: Any) -> Json:
    """Return a message."""
    return {"id": f"m-{role}", "role": role, "content": content} | more


def asks(function: str, **arguments: Any) -> Json:
    """Return an assistant message that asks for a tool."""
    call = {"id": "c1", "function": function, "arguments": arguments, "type": "function"}
    return says("assistant", "", source="generate", tool_calls=[call])


def output(message: Json, usage: Any = None, **more: Any) -> Json:
    """Return what a model event came to."""
    choice = {"message": message, "stop_reason": "stop"}
    return {"model": "served-1", "choices": [choice], "usage": usage or USAGE, "time": 0.5} | more


def model(sent: list[Json], answer: Json, second: int = 2, **more: Any) -> Json:
    """Return a model event."""
    made = {
        "event": "model", "span_id": "s2", "timestamp": f"{AT}{second}+00:00",
        "completed": f"{AT}{second + 1}+00:00", "model": "openai/gpt-x", "input": sent,
        "tools": [], "tool_choice": "auto", "config": {"temperature": 0.5, "max_retries": 3},
        "output": output(answer),
    }  # fmt: skip
    return made | more


def begin(span_id: str, name: str, *, parent: str | None = None, kind: str = "solver") -> Json:
    """Return the event that begins a span."""
    return {
        "event": "span_begin", "id": span_id, "span_id": span_id, "parent_id": parent,
        "timestamp": f"{AT}1+00:00", "name": name, "type": kind,
    }  # fmt: skip


def end(span_id: str, second: int = 8) -> Json:
    """Return the event that ends a span."""
    return {
        "event": "span_end", "id": span_id, "span_id": span_id,
        "timestamp": f"{AT}{second}+00:00",
    }  # fmt: skip


def tool(**more: Any) -> Json:
    """Return a tool event."""
    made = {
        "event": "tool", "span_id": "s2", "id": "c1", "type": "function", "function": "price",
        "arguments": {"kind": "green"}, "result": "3.20", "timestamp": f"{AT}4+00:00",
        "completed": f"{AT}5+00:00", "events": [],
    }  # fmt: skip
    return made | more


def sample(**more: Any) -> Json:
    """Return a sample: a question, a tool call, an answer."""
    asked = [says("system", LONG), says("user", "The price?", source="input")]
    wants = asks("price", kind="green")
    told = says("tool", "3.20", tool_call_id="c1", function="price")
    answer = says("assistant", "3.20", source="generate")
    apart = [says("system", "attachment://abc"), asked[1]]
    events = [
        begin("s1", "solvers", kind="solvers"), begin("s2", "agent", parent="s1", kind="agent"),
        model(apart, wants), tool(), model([*apart, wants, told], answer, 6),
        {"event": "info", "timestamp": f"{AT}7+00:00", "data": "attachment://abc"},
        {"event": "state", "timestamp": f"{AT}7+00:00", "changes": []}, end("s2"), end("s1"),
    ]  # fmt: skip
    made = {
        "id": "q1", "epoch": 1, "input": "The price?", "target": "3.20",
        "messages": [*asked, wants, told, answer], "output": output(answer),
        "scores": {"match": {"value": "C", "answer": "3.20", "explanation": "It is."}},
        "events": events, "attachments": {"abc": LONG}, "metadata": {"level": 1}, "total_time": 7.5,
    }  # fmt: skip
    return made | more


def log(*samples: Json, **more: Any) -> Json:
    """Return a whole log."""
    made = {
        "version": 2, "status": "success",
        "eval": {"task": "tea", "model": "openai/gpt-x", "created": f"{AT}0+00:00"},
        "plan": {"name": "plan", "steps": []}, "results": {"total_samples": len(samples)},
        "samples": list(samples),
    }  # fmt: skip
    return made | more


def zipped(folder: Path, *samples: Json, header: Any = None, **more: bytes) -> Path:
    """Write an `.eval` file; `more` are members by name, with `__` for each slash."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, each in enumerate(samples):
            name = f"samples/{each.get('id', number)}_epoch_{each.get('epoch', 1)}.json"
            archive.writestr(name, json.dumps(each))
        for name, content in more.items():
            archive.writestr(name.replace("__", "/"), content)
        whole = log(*samples) if header is None else header
        if whole:
            archive.writestr("header.json", json.dumps(whole | {"samples": None}))
    path = folder / "log.eval"
    path.write_bytes(data.getvalue())
    return path
