"""What a replay would execute, before it does: which calls, and what they may cost.

The replay is gone through with every call answered by the recording: one that is as recorded by
its own answer, one that the change reached by the answer of its counterpart. So the calls that
are reached for certain are found out, and nothing is executed. What comes after a reached call
may be reached too, when that answers something else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from secondtake.runner.errors import ReplayDiverged, UsageError
from secondtake.runner.hashing import new_run_id
from secondtake.runner.narrow import is_object
from secondtake.runner.pricing import PriceSnapshot, load_snapshot
from secondtake.runner.replay.changes import Changes, sampling
from secondtake.runner.replay.execute import Way
from secondtake.runner.replay.matching import Recorded
from secondtake.runner.replay.plans import NoSink, Plan, PlannedCall, Reach, plan_of, planned
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.session import Answer, Asked, ReplaySession, node_of
from secondtake.runner.replay.workflow import choose
from secondtake.runner.settings import Settings
from secondtake.runner.tools.registry import Tool, ToolRegistry, built_in_tools
from secondtake.runner.tools.schema import ArgumentSchema
from secondtake.runner.workflows.execute import record_execution
from secondtake.runner.workflows.execution import Prepared
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.human import AnswerDesk
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.schema import AgentNode, ToolNode


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


def plan_run(
    recording: Recording,
    changes: Changes,
    way: Way,
    *,
    settings: Settings,
    workflow: Workflow | None = None,
    repeat: int | None = None,
) -> Plan:
    """Find out what a replay would execute; see `replay_run`.

    Args:
        recording: Of the source.
        changes: What is to be different.
        way: As `way_of` says.
        settings: Of the home, whose prices count.
        workflow: Another definition than the recorded one.
        repeat: How often it would be executed; each asks again what may answer otherwise.

    Raises:
        UsageError: a change does not fit the run, or nobody knows what its program would do.
    """
    changes = changes if repeat is None else sampling(changes)
    if way == "workflow":
        return plan_workflow(
            recording, changes, settings=settings, workflow=workflow, repeat=repeat
        )
    if way == "stepwise":
        from secondtake.runner.replay.step_planning import plan_steps

        return plan_steps(recording, changes, settings=settings, repeat=repeat)
    if way == "loop":
        from secondtake.runner.replay.loop_planning import plan_loop

        return plan_loop(recording, changes, settings=settings, repeat=repeat)
    raise UsageError(
        f"Run {recording.run_id} was made by a program of its own, and only executing that shows "
        "what it asks next, so there is no plan; --stepwise --plan prices its LLM calls one by "
        f"one, and secondtake replay {recording.run_id} --llm recorded --tools recorded -- COMMAND "
        "ends for nothing at the first call that a change reaches."
    )


def plan_workflow(
    recording: Recording,
    changes: Changes,
    *,
    settings: Settings,
    workflow: Workflow | None = None,
    repeat: int | None = None,
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
        sink=NoSink(settings),
    )
    stops = result.error_message if result.error_type == ReplayDiverged.__name__ else None
    calls = _calls(session, snapshot, Graph(definition))
    return plan_of(calls, stops=stops, repeat=repeat)


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


def _calls(session: _Planning, snapshot: PriceSnapshot | None, graph: Graph) -> list[PlannedCall]:
    """Return the calls of the source; what depends on a live answer is `possible`.

    That is what a reached node does after its first live answer, and what comes after such a node
    by a condition, once for each item of a list, or in a further visit.
    """
    always = _always_after(graph)
    reached: set[str] = set()
    paths: set[str | None] = set()
    found: list[PlannedCall] = []
    for call in session.calls.calls:
        node = node_of(call.node_path)
        top = node.split("/", 1)[0]
        model = session.executed.get(call.span_id)
        followed = {each for each in reached if top in graph.after.get(each, ())}
        reach: Reach = "recorded"
        if model is not None:
            is_certain = call.node_path not in paths and not any(
                top not in always.get(each, ()) for each in followed
            )
            reach = "executed" if is_certain else "possible"
            reached.add(top)
            paths.add(call.node_path)
        elif followed or top in reached:
            reach = "possible"
        number = session.calls.numbers[call.span_id]
        found.append(
            planned(call, number=number, node=node, reach=reach, model=model, snapshot=snapshot)
        )
    return found


def _always_after(graph: Graph) -> dict[str, set[str]]:
    """Return what comes after each node whatever it answers: never itself again."""
    found: dict[str, set[str]] = {}
    for name in graph.nodes:
        found[name] = set()
        waiting = [name]
        while waiting:
            for edge in graph.outgoing.get(waiting.pop(), ()):
                is_sure = edge.when is None and not edge.otherwise and edge.each is None
                if is_sure and edge.to not in (name, *found[name]):
                    found[name].add(edge.to)
                    waiting.append(edge.to)
    return found
