"""Langfuse's exports of nine frameworks, against figures counted by other means."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from tests.support.imported import events_of, of_kind

from secondtake.backend.dialects.parts import as_text
from secondtake.backend.importers.langfuse import IMPORTER
from secondtake.backend.importers.langfuse_messages import sent_messages, unpacked
from secondtake.backend.importers.langfuse_observations import read_observation
from secondtake.runner import events
from secondtake.runner.events import BaseEvent
from secondtake.runner.settings import Settings, load_settings

FOLDER: Final = "traces/langfuse-framework-traces/"
FRAMEWORKS: Final = (
    "autogen-2025-06-06", "claude-agent-2025-12-22", "crewai-2025-07-11", "google-adk-2025-08-28",
    "langgraph-python-2025-08-22", "llamaindex-2025-06-05", "openai-agents-2025-09-30",
    "pydantic-ai-tools-2025-12-04", "vercel-aisdk-2025-11-17",
)  # fmt: skip
each_framework = pytest.mark.parametrize("framework", FRAMEWORKS)

Row = events.LlmCall | events.ToolCall | events.NodeFinished


@pytest.fixture
def settings(home: Path) -> Settings:
    return load_settings()


def expected(shared_data: Path, framework: str, kind: str = "trace") -> dict[str, Any]:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["langfuse"]
    found: dict[str, Any] = figures[f"{FOLDER}{framework}.{kind}.json"]
    return found


def run_of(shared_data: Path, framework: str, settings: Settings) -> list[BaseEvent]:
    [made] = events_of(IMPORTER, shared_data / f"{FOLDER}{framework}.trace.json", settings)
    return made


def rows_of(made: Sequence[BaseEvent]) -> list[Row]:
    kinds = (events.LlmCall, events.ToolCall, events.NodeFinished)
    return [event for event in made if isinstance(event, kinds)]


def said(row: Row) -> Mapping[str, Any]:
    assert row.extra is not None
    found: Mapping[str, Any] = row.extra["langfuse"]
    return found


def reporting(
    made: Sequence[BaseEvent], models: Sequence[str]
) -> list[tuple[str | None, Any, Any]]:
    """Return model, usage and cost of every generation, of wrappers too.

    Langfuse says one model, `models` are such; whether it was asked for or served, the attributes
    tell.
    """
    found: list[tuple[str | None, Any, Any]] = []
    for row in rows_of(made):
        if said(row)["type"] != "GENERATION":
            continue
        if isinstance(row, events.LlmCall):
            model = row.model if row.model in models else row.served_model
            found.append((model, row.usage, row.cost_usd))
        else:
            assert row.extra is not None
            cost = Decimal(row.extra["cost_usd"])
            found.append((row.extra["model"], row.extra["usage"], cost))
    return found


@each_framework
def test_each_observation_is_one_row_of_the_type_that_langfuse_says(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    figures = expected(shared_data, framework)
    made = run_of(shared_data, framework, settings)
    rows = rows_of(made)
    tools = [row for row in rows if said(row)["type"] == "TOOL"]

    assert len(rows) == figures["observations"]
    assert Counter(said(row)["type"] for row in rows) == figures["by_type"]
    assert all(isinstance(row, events.ToolCall) for row in tools)
    names = Counter(said(row).get("name", getattr(row, "tool", None)) for row in tools)
    assert names == figures["tool_names"]
    assert Counter(said(row).get("level", "DEFAULT") for row in rows) == figures["levels"]


@each_framework
def test_the_tree_is_as_deep_as_it_was(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    figures = expected(shared_data, framework)
    rows = rows_of(run_of(shared_data, framework, settings))
    parents = {row.span_id: row.parent_span_id for row in rows}

    def depth(span_id: str | None) -> int:
        return 0 if span_id is None else 1 + depth(parents[span_id])

    assert len(parents) == figures["observations"]
    assert sum(parent is None for parent in parents.values()) == figures["roots"]
    assert max(depth(span_id) for span_id in parents) == figures["max_depth"]
    missing = [row for row in rows if row.extra is not None and "missing_parent" in row.extra]
    assert len(missing) == figures["dangling_parent"]
    order = [row.span_id for row in rows]
    assert all(p is None or order.index(p) < order.index(s) for s, p in parents.items())


@each_framework
def test_times_are_those_of_the_observations(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    figures = expected(shared_data, framework)
    made = run_of(shared_data, framework, settings)
    started = of_kind(made, events.RunStarted)[0].started_at
    finished = of_kind(made, events.RunFinished)[0]
    assert started is not None
    assert finished.ended_at is not None

    assert started.isoformat(timespec="milliseconds")[:23] + "Z" == figures["first_start"]
    last = finished.ended_at.isoformat(timespec="milliseconds")[:23]
    assert last + "Z" == figures["last_end"]
    rows = rows_of(made)
    assert sum(row.ended_at is None for row in rows) == figures["no_end"]
    calls = [row for row in rows if isinstance(row, events.LlmCall)]
    first = [call for call in calls if call.time_to_first_token_ms is not None]
    assert len(first) == figures["with_time_to_first_token"]


@each_framework
def test_models_tokens_and_costs_are_kept_as_recorded(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    figures = expected(shared_data, framework)
    reported = reporting(run_of(shared_data, framework, settings), [*figures["models"]])

    assert len(reported) == figures["generations"]
    assert Counter(model for model, _, _ in reported) == figures["models"]
    for key in ("input", "output", "total"):
        assert sum(usage[key] for _, usage, _ in reported) == figures[f"{key}_tokens"]
    total = sum(cost for _, _, cost in reported)
    # The column holds billionths of a dollar.
    assert float(total) == pytest.approx(figures["cost_total"], abs=1e-9 * len(reported))


@each_framework
def test_each_cost_line_is_that_of_the_export(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    figures = json.loads((shared_data / "EXPECTED.json").read_text())["langfuse_cost_lines"]
    lines = figures[f"{FOLDER}{framework}.trace.json"]
    rows = rows_of(run_of(shared_data, framework, settings))
    found = [
        {
            "model": model,
            "cost": said(row)["costDetails"],
            **{key: usage[key] for key in ("input", "output", "total")},
        }
        for row, (model, usage, _) in zip(
            [row for row in rows if said(row)["type"] == "GENERATION"],
            reporting(rows, [line["model"] for line in lines]),
            strict=True,
        )
    ]
    wanted = [{key: line[key] for key in line if not key.startswith("implied")} for line in lines]
    by_text = {json.dumps(line, sort_keys=True) for line in found}
    assert by_text == {json.dumps(line, sort_keys=True) for line in wanted}
    assert len(found) == len(lines)


@each_framework
def test_buckets_exclude_each_other_and_add_up(
    shared_data: Path, settings: Settings, framework: str
) -> None:
    for call in of_kind(run_of(shared_data, framework, settings), events.LlmCall):
        given = (
            call.uncached_input_tokens, call.cache_read_tokens, call.cache_write_5m_tokens,
            call.cache_write_1h_tokens, call.audio_input_tokens, call.image_input_tokens,
        )  # fmt: skip
        assert sum(count for count in given if count is not None) == call.input_tokens
        assert call.usage_convention in ("cached_excluded", "cached_included")
        assert call.usage_note is None
        assert call.cost_basis == "recorded"


def test_the_outer_span_of_vercel_is_a_step_and_its_counts_are_in_no_sum(
    shared_data: Path, settings: Settings
) -> None:
    made = run_of(shared_data, "vercel-aisdk-2025-11-17", settings)
    [outer] = of_kind(made, events.NodeFinished)
    [inner] = of_kind(made, events.LlmCall)

    assert (outer.node, outer.span_kind) == ("ai.generateText", "node")
    assert outer.extra is not None
    assert outer.extra["usage"] == {"input": 14, "output": 43, "total": 57}
    assert (inner.input_tokens, inner.output_tokens) == (62, 85)
    assert inner.parent_span_id == outer.span_id


def test_a_tool_that_langgraph_reports_as_a_span_is_a_tool_call(
    shared_data: Path, settings: Settings
) -> None:
    made = run_of(shared_data, "langgraph-python-2025-08-22", settings)
    [call] = of_kind(made, events.ToolCall)

    assert (call.tool, call.arguments) == ("Web-Search", {"query": "example"})
    asked = [m.tool_calls[0]["id"] for m in of_kind(made, events.Message) if m.tool_calls]
    assert [call.tool_call_id] == asked
    assert isinstance(call.result, str)


@pytest.mark.parametrize(
    ("framework", "tools"),
    [
        ("google-adk-2025-08-28", ["say_hello"]),
        ("langgraph-python-2025-08-22", ["Web-Search"]),
        ("openai-agents-2025-09-30", ["get_weather"]),
        ("vercel-aisdk-2025-11-17", ["getWeather"]),
    ],
)
def test_calls_know_the_tools_that_they_were_offered(
    shared_data: Path, settings: Settings, framework: str, tools: list[str]
) -> None:
    made = run_of(shared_data, framework, settings)
    [declared] = of_kind(made, events.ToolDefinitions)

    assert [tool["function"]["name"] for tool in declared.definitions] == tools
    hashes = {call.tools_hash for call in of_kind(made, events.LlmCall)}
    assert hashes == {declared.tools_hash}


Words = list[tuple[str | None, str, list[tuple[str, Any]]]]


def words(messages: Sequence[Mapping[str, Any]]) -> Words:
    """Return role, text and tool calls of messages, however they are worded."""
    found: Words = []
    for message in messages:
        role = {"model": "assistant"}.get(message.get("role", ""), message.get("role"))
        content = message.get("content")
        texts = content if isinstance(content, list) else [content or ""]
        text = "".join(t["text"] if isinstance(t, dict) else t for t in texts if _is_text(t))
        calls = [c.get("function", c) for c in message.get("tool_calls") or []]
        calls += [t for t in texts if isinstance(t, dict) and t.get("type") == "tool_use"]
        asked = [
            (c["name"], json.loads(as_text(c.get("arguments", c.get("input"))))) for c in calls
        ]
        found.append((role, text, asked))
    return found


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text")


@each_framework
def test_the_messages_of_each_call_are_those_of_the_normalised_form(
    shared_data: Path, framework: str
) -> None:
    folder = shared_data / FOLDER
    trace = json.loads((folder / f"{framework}.trace.json").read_text())
    normalised = json.loads((folder / f"{framework}.chatml.json").read_text())
    compared = 0
    for observation in trace["observations"]:
        read = read_observation(observation)
        wanted = normalised.get(observation["id"], {})
        if observation["type"] != "GENERATION" or read.kind != "llm":
            continue
        for side, mine in (("input", read.sent or []), ("output", read.answers)):
            told = wanted.get(side, {})
            if told.get("success") and told["data"] and "role" in told["data"][0]:
                compared += 1
                assert _comparable_to(told["data"], words(mine)) == _comparable(told["data"])
    sides = {"autogen-2025-06-06": 0, "llamaindex-2025-06-05": 0, "crewai-2025-07-11": 1}
    assert compared >= sides.get(framework, 2)


def _comparable(messages: list[dict[str, Any]]) -> Words:
    """Return normalised messages in our words.

    They put Langfuse's tool definitions among the messages, call the result of Gemini's tools a
    user's message, and do not have the instructions that a response repeats.
    """
    kept = [m for m in messages if not (m["role"] == "tool" and not _is_said(m))]
    made = words(kept)
    return [
        ("tool", text, calls) if role == "user" and text.startswith('{"greeting"') else
        (role, text, calls)
        for role, text, calls in made
    ]  # fmt: skip


def _is_said(message: dict[str, Any]) -> bool:
    return isinstance(message.get("content"), str)


def _comparable_to(messages: list[dict[str, Any]], mine: Words) -> Words:
    """Return our messages without the instructions where the normalised form has none."""
    has_system = any(message["role"] == "system" for message in messages)
    return mine if has_system else [each for each in mine if each[0] != "system"]


@each_framework
def test_the_normalised_form_is_reached_for_every_observation_and_not_only_for_calls(
    shared_data: Path, framework: str
) -> None:
    """The counted messages are found wherever the normalised form has messages with roles."""
    figures = expected(shared_data, framework, "chatml")
    folder = shared_data / FOLDER
    trace = json.loads((folder / f"{framework}.trace.json").read_text())
    normalised = json.loads((folder / f"{framework}.chatml.json").read_text())
    sides = [told for each in normalised.values() for told in each.values()]
    assert len(normalised) == figures["observations"]
    good = sum(len(told["data"]) for told in sides if told["success"])
    assert good == figures["input_messages"] + figures["output_messages"]

    for observation in trace["observations"]:
        told = normalised.get(observation["id"], {}).get("input", {})
        has_roles = told.get("success") and all("role" in message for message in told["data"])
        if has_roles and is_conversation(observation["input"]):
            mine, _ = sent_messages(unpacked(observation["input"]), None)
            mine_in_words = _comparable_to(told["data"], words(mine or []))
            assert mine_in_words == _comparable(told["data"])


def is_conversation(given: Any) -> bool:
    """Leave out what the normalised form reads from within a run's own arguments."""
    value = unpacked(given)
    return isinstance(value, list) or any(key in value for key in ("messages", "contents"))
