"""What a replay would execute, before it does: which calls, and what they may cost.

The replay is gone through with every call answered by the recording: one that is as recorded by
its own answer, one that the change reached by the answer of its counterpart. So the calls that
are reached for certain are found out, and nothing is executed. What comes after a reached call
may be reached too, when that answers something else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from secondtake.runner.calls import Tokens
from secondtake.runner.errors import ReplayDiverged
from secondtake.runner.events import LlmCall, TokenFields
from secondtake.runner.hashing import new_run_id
from secondtake.runner.journal import SegmentWriter
from secondtake.runner.narrow import is_object
from secondtake.runner.pricing import PriceSnapshot, load_snapshot, price
from secondtake.runner.replay.changes import Changes
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import Answer, Asked, ReplaySession, node_of
from secondtake.runner.replay.workflow import choose
from secondtake.runner.settings import Settings
from secondtake.runner.sink import Sink
from secondtake.runner.tools.registry import Tool, ToolRegistry, built_in_tools
from secondtake.runner.tools.schema import ArgumentSchema
from secondtake.runner.workflows.execute import record_execution
from secondtake.runner.workflows.execution import Prepared
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.human import AnswerDesk
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.schema import AgentNode, ToolNode

Reach = Literal["recorded", "executed", "possible"]
FREE: Final = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """A call of the source, and who would answer it."""

    kind: Literal["llm_call", "tool_call"]
    number: int
    """Among the LLM calls, or the tool calls, of the source."""
    node: str
    name: str
    """The model that would be asked, or the tool."""
    reach: Reach
    """`possible`: only when a call before it answers something else."""
    cost_usd: Decimal | None = None
    """Estimate, with the tokens of the source; None when unknown, and for tools."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a replay would do. Every figure is an estimate: answers are not known beforehand."""

    calls: tuple[PlannedCall, ...]
    lower_usd: Decimal | None
    """When every reached call answers as in the source; None when a price is unknown."""
    upper_usd: Decimal | None
    """When all that may be reached is reached, once, with the tokens of the source."""
    stops: str | None = None
    """Why the replay would end early."""

    def count(self, reach: Reach) -> int:
        """Return how many calls there are of a kind."""
        return sum(call.reach == reach for call in self.calls)


class _Planning(ReplaySession):
    """Answers every call, and keeps which ones would be executed."""

    def __init__(self, recording: Recording, changes: Changes) -> None:
        super().__init__(recording, changes.options)
        self.executes_code = False
        self.executed: dict[str, str] = {}
        """What would be asked, by the span of the counterpart."""

    def instead_of_executing(self, asked: Asked, source: Recorded | None) -> Answer | None:
        """Answer with what the counterpart answered."""
        if source is None:
            where = node_of(asked.node_path)
            raise ReplayDiverged(f"`{where}` would make a call that the source has not.")
        self.executed[source.span_id] = asked.model or asked.tool or ""
        return self._recorded(source)


class _NoWriter(SegmentWriter):
    """Writes nothing."""

    def run_begins(self) -> None:
        """Note nothing."""

    def run_ends(self) -> None:
        """Note nothing."""

    def write_lines(self, lines: Sequence[bytes]) -> None:
        """Forget the lines."""


class _NoSink(Sink):
    """Cleans as that of the home does, so that requests have the same hashes, and writes nothing."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.writer = _NoWriter(settings.home)


def plan_replay(
    recording: Recording,
    changes: Changes,
    *,
    settings: Settings,
    workflow: Workflow | None = None,
) -> Plan:
    """Find out what a replay of a workflow would execute; see `replay_workflow`.

    Raises:
        UsageError: a change does not fit the run.
    """
    snapshot = load_snapshot(settings.home)
    told = _definitions(recording)

    def prepared(found: Workflow, its: Settings, descriptions: Mapping[str, str]) -> Prepared:
        return _without_code(found, its, told, descriptions)

    chosen = choose(recording, workflow, changes, settings, prepared=prepared)
    session = _Planning(recording, changes)
    definition = chosen.after.prepared.definition
    result = record_execution(
        chosen.after,
        {"workflow": definition.name},
        on_start=None,
        run_id=new_run_id(),
        desk=AnswerDesk(),
        before=chosen.before,
        replay=session,
        sink=_NoSink(settings),
    )
    stops = result.error_message if result.error_type == ReplayDiverged.__name__ else None
    calls = _calls(session, snapshot, Graph(definition).after)
    return Plan(
        calls=calls,
        lower_usd=_total([call for call in calls if call.reach == "executed"]),
        upper_usd=_total([call for call in calls if call.reach != "recorded"]),
        stops=stops,
    )


@dataclass(frozen=True, kw_only=True)
class _ToldTool(Tool):
    """A tool of which only the definition is known."""

    told_definition: Mapping[str, Any]

    def definition(self) -> dict[str, Any]:
        """Return the definition as it was recorded, with what is to be told of it instead."""
        found = dict(self.told_definition)
        if self.told is not None:
            found["function"] = {**found["function"], "description": self.told}
        return found


def _definitions(recording: Recording) -> dict[str, Mapping[str, Any]]:
    """Return the recorded definition of each tool by its name."""
    return {
        str(tool["function"]["name"]): tool
        for tools in recording.tool_definitions.values()
        for tool in tools
        if is_object(tool.get("function"))
    }


def _without_code(
    workflow: Workflow,
    settings: Settings,
    told: Mapping[str, Mapping[str, Any]],
    descriptions: Mapping[str, str],
    outer_model: str | None = None,
) -> Prepared:
    """Make a workflow ready as far as a plan needs it: nothing that it names is imported."""
    every = built_in_tools(settings)
    registries: dict[str, ToolRegistry] = {}
    for name, node in workflow.definition.nodes.items():
        named: list[str] = list(node.tools) if isinstance(node, AgentNode) else []
        named += [node.tool] if isinstance(node, ToolNode) else []
        tools = [_told_tool(each, every, told) for each in named]
        known = [
            tool.described(descriptions[tool.name]) if tool.name in descriptions else tool
            for tool in tools
        ]
        registries[name] = ToolRegistry(known)
    model = workflow.definition.model or outer_model
    nested = {
        name: _without_code(inner, settings, told, descriptions, model)
        for name, inner in workflow.nested.items()
    }
    return Prepared(
        workflow=workflow,
        settings=settings,
        tools=registries,
        functions={},
        nested=nested,
        outer_model=outer_model,
    )


def _told_tool(reference: str, every: ToolRegistry, told: Mapping[str, Mapping[str, Any]]) -> Tool:
    if reference in every.names():
        return every.get(reference)
    name = reference.rpartition(":")[2]
    unknown: dict[str, Any] = {"type": "function", "function": {"name": name, "parameters": {}}}

    def never(**_: Any) -> Any:
        raise ReplayDiverged(f"`{name}` would be executed.")

    return _ToldTool(
        name=name,
        function=never,
        arguments=ArgumentSchema(never, name=name),
        told_definition=told.get(name, unknown),
    )


def _calls(
    session: _Planning, snapshot: PriceSnapshot | None, after: Mapping[str, set[str]]
) -> tuple[PlannedCall, ...]:
    reached: set[str] = set()
    found: list[PlannedCall] = []
    for call in session.calls.calls:
        node = node_of(call.node_path)
        top = node.split("/", 1)[0]
        model = session.executed.get(call.span_id)
        if model is not None:
            reached.add(top)
            reach: Reach = "executed"
        else:
            follows = any(top == each or top in after.get(each, ()) for each in reached)
            reach = "possible" if follows else "recorded"
        number = session.calls.numbers[call.span_id]
        found.append(_planned(call, number, node, reach, model, snapshot))
    return tuple(found)


def _planned(
    call: Recorded,
    number: int,
    node: str,
    reach: Reach,
    model: str | None,
    snapshot: PriceSnapshot | None,
) -> PlannedCall:
    if not isinstance(call, LlmCall):
        return PlannedCall(kind="tool_call", number=number, node=node, name=call.tool, reach=reach)
    name = model or call.model or "unknown"
    cost = _cost(call, name, snapshot) if reach != "recorded" else FREE
    return PlannedCall(
        kind="llm_call", number=number, node=node, name=name, reach=reach, cost_usd=cost
    )


def _cost(call: LlmCall, model: str, snapshot: PriceSnapshot | None) -> Decimal | None:
    """Return what a call would cost with its tokens, at the prices of today."""
    counts: dict[str, Any] = {name: getattr(call, name) for name in TokenFields.model_fields}
    same = model == call.model
    return price(
        Tokens(**counts),
        model=model,
        served_model=call.served_model if same else None,
        provider=call.provider if same else None,
        service_tier=call.service_tier if same else None,
        snapshot=snapshot,
        at=call.started_at,
    ).cost_usd


def _total(calls: list[PlannedCall]) -> Decimal | None:
    """Return the sum, None when one is unknown; tools are free where they have no price."""
    total = FREE
    for call in calls:
        if call.kind == "tool_call":
            continue
        if call.cost_usd is None:
            return None
        total += call.cost_usd
    return total
