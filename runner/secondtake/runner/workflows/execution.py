"""What the nodes of one run share: tools, functions, the recorder, and how a model is asked."""

import contextlib
import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from secondtake.runner import context
from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.errors import RunStopped, UsageError, WorkflowError
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.tools.registry import Tool, ToolRegistry, built_in_tools, make_tool
from secondtake.runner.workflows.failures import BranchAbandoned
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.human import AnswerDesk
from secondtake.runner.workflows.ledger import StateLedger
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.references import import_function
from secondtake.runner.workflows.scheduling import Scheduler
from secondtake.runner.workflows.schema import (
    AgentNode,
    Definition,
    ModelNode,
    PythonNode,
    ToolNode,
    WorkflowNode,
)
from secondtake.runner.workflows.value_types import ValueType, parse_type
from secondtake.runner.workflows.waiting import wait_for


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A workflow with everything imported that it names; nothing was executed yet."""

    workflow: Workflow
    settings: Settings
    tools: Mapping[str, ToolRegistry]
    """The tools of each node that has some."""
    functions: Mapping[str, Callable[..., Any]]
    """The function of each python node."""
    nested: "Mapping[str, Prepared]" = field(default_factory=dict[str, "Prepared"])
    """The workflow of each workflow node."""
    outer_model: str | None = None
    """The model of the workflow that this one is nested in."""

    @property
    def definition(self) -> Definition:
        """The checked definition."""
        return self.workflow.definition

    @property
    def default_model(self) -> str:
        """The model of nodes that name none."""
        return self.definition.model or self.outer_model or self.settings.model


def prepare(
    workflow: Workflow,
    settings: Settings,
    *,
    tools: Sequence[Tool] = (),
    outer_model: str | None = None,
    loads_models: bool = True,
) -> Prepared:
    """Import the functions and tools of a workflow and of those that are nested in it.

    Args:
        workflow: What is to be executed.
        settings: Says which modules are trusted and where files may be read.
        tools: Further tools, that the nodes may name.
        outer_model: The model of the workflow that this one is nested in.
        loads_models: False when a recording answers: what asks models takes seconds to import.

    Raises:
        WorkflowError: something cannot be imported.
    """
    every = built_in_tools(settings)
    for extra in tools:
        every = every.having(extra)
    registries: dict[str, ToolRegistry] = {}
    functions: dict[str, Callable[..., Any]] = {}
    nested: dict[str, Prepared] = {}
    model = workflow.definition.model or outer_model
    problems: list[str] = []
    for name, node in workflow.definition.nodes.items():
        try:
            if isinstance(node, AgentNode):
                registries[name] = resolve_tools(node.tools, every, settings)
            elif isinstance(node, ToolNode):
                registries[name] = resolve_tools([node.tool], every, settings)
            elif isinstance(node, PythonNode):
                functions[name] = import_function(
                    node.function, trusted_modules=settings.trusted_modules, base=settings.base
                )
            elif isinstance(node, WorkflowNode):
                inner = workflow.nested[name]
                nested[name] = prepare(
                    inner, settings, tools=tools, outer_model=model, loads_models=loads_models
                )
        except WorkflowError as error:
            problems += error.problems
        except UsageError as error:
            problems.append(f"{workflow.path or workflow.name}: node `{name}`: {error.message}")
    if problems:
        raise WorkflowError(problems)
    _load_libraries(workflow.definition, loads_models=loads_models)
    return Prepared(
        workflow=workflow,
        settings=settings,
        tools=registries,
        functions=functions,
        nested=nested,
        outer_model=outer_model,
    )


def described(prepared: Prepared, texts: Mapping[str, str]) -> Prepared:
    """Return the same workflow, with models told something else of some tools, by their names."""
    if not texts:
        return prepared
    return replace(
        prepared,
        tools={node: registry.described(texts) for node, registry in prepared.tools.items()},
        nested={node: described(inner, texts) for node, inner in prepared.nested.items()},
    )


def _load_libraries(definition: Definition, *, loads_models: bool) -> None:
    """Import what takes seconds now: else the first node's timing would tell of imports."""
    for name in ("langgraph.graph", "langgraph.pregel", "langgraph.types", "langsmith.run_helpers"):
        importlib.import_module(name)
    if loads_models and any(isinstance(node, ModelNode) for node in definition.nodes.values()):
        from secondtake.runner.providers.library import load_litellm

        load_litellm()


def resolve_tools(names: Sequence[str], every: ToolRegistry, settings: Settings) -> ToolRegistry:
    """Return the named tools; `module:function` is imported when its module is trusted.

    Raises:
        UsageError: there is no such tool, or two have the same name.
    """
    found = ToolRegistry()
    for name in names:
        if ":" in name:
            imported = import_function(
                name, trusted_modules=settings.trusted_modules, base=settings.base
            )
            tool = imported if isinstance(imported, Tool) else make_tool(imported)
        else:
            tool = every.get(name)
        if tool.name in found.names():
            raise UsageError(f"There are two tools `{tool.name}`; name it once, or rename one.")
        found = found.having(tool)
    return found


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A prepared workflow with its inputs."""

    prepared: Prepared
    inputs: Mapping[str, Any]


@dataclass(kw_only=True)
class Execution:
    """One execution of a prepared workflow: a run, or what a workflow node of a run executes."""

    after: "Chosen"
    """What is executed, from the fork of a replay on."""
    recorder: RunRecorder
    ledger: StateLedger
    scheduler: Scheduler
    desk: AnswerDesk
    types: Mapping[str, ValueType]
    outer: "Execution | None" = None
    """What this is nested in."""
    node: str = ""
    """The node of `outer` that executes this."""
    before: "Chosen | None" = None
    """What is executed before the fork of a replay, where that is something else."""
    failure: BaseException | None = None
    """What failed first."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        inputs: Mapping[str, Any],
        recorder: RunRecorder,
        *,
        desk: AnswerDesk | None = None,
        outer: "Execution | None" = None,
        node: str = "",
        before: "Chosen | None" = None,
    ) -> "Execution":
        """Begin to execute; no node has run yet."""
        state = prepared.definition.state
        owner = None if outer is None else context.current()
        return cls(
            after=Chosen(prepared=prepared, inputs=inputs),
            before=before,
            recorder=recorder,
            ledger=StateLedger(state, recorder, owner=owner),
            scheduler=Scheduler(Graph((before.prepared if before else prepared).definition)),
            desk=desk or AnswerDesk(),
            types={name: parse_type(key.type) for name, key in state.items()},
            outer=outer,
            node=node,
        )

    @property
    def _chosen(self) -> "Chosen":
        replay = self.recorder.replay
        if self.before is not None and replay is not None and replay.is_before_fork:
            return self.before
        return self.after

    @property
    def prepared(self) -> Prepared:
        """What is executed now."""
        return self._chosen.prepared

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs as they are now."""
        return self._chosen.inputs

    def recorded_changes(self, where: context.RunContext | None) -> dict[str, Any] | None:
        """Return what a node changed in the run that is replayed; None when it is to be executed.

        Before the fork, where the state has to be the recorded one, and in a mere plan.
        """
        replay = self.recorder.replay
        if replay is None or where is None:
            return None
        if replay.executes_code and not replay.is_before_fork:
            return None
        found = replay.recorded_changes(where.node_path)
        if found is None:
            return None if replay.executes_code else {}
        return dict(self.recorder.sink.restored(found))

    def fork(self, nodes: Sequence[str]) -> dict[str, Any]:
        """Return the state keys that are other ones from now on, when the fork is at these nodes."""
        replay = self.recorder.replay
        if self.outer is not None or replay is None or not replay.is_before_fork:
            return {}
        if replay.options.from_node not in nodes:
            return {}
        replay.pass_fork()
        self.scheduler.graph = Graph(self.after.prepared.definition)
        for key, value in replay.options.state.items():
            self.ledger.replace(key, value)
        return dict(replay.options.state)

    def nested(self, node: str, prepared: Prepared, inputs: Mapping[str, Any]) -> "Execution":
        """Begin to execute a nested workflow in the node that is open."""
        return Execution.of(prepared, inputs, self.recorder, desk=self.desk, outer=self, node=node)

    def full_name(self, node: str) -> str:
        """Return a node's name with those of the nodes that it is nested in: `triage.approve`."""
        name = f"{self.node}.{node}" if self.outer else node
        return name if self.outer is None else self.outer.full_name(name)

    def fail(self, error: BaseException) -> None:
        """Remember what failed first; the other branches end at their next call."""
        if isinstance(error, BranchAbandoned):
            return
        if self.recorder.replay is not None:
            with contextlib.suppress(RunStopped):  # another branch has failed meanwhile
                self.recorder.replay.pace.hold()
        with self._lock:
            self.failure = self.failure or error

    def begin_step(self, count: int) -> None:
        """Say how many nodes run next."""
        if self.recorder.replay is not None:
            slots = self.prepared.definition.concurrency
            self.recorder.replay.pace.begin_step(count, slots=slots)

    def branch(self) -> contextlib.AbstractContextManager[None]:
        """Run one node of a step."""
        replay = self.recorder.replay
        return contextlib.nullcontext() if replay is None else replay.pace.branch(self.check)

    def enter_node(self, where: context.RunContext | None) -> None:
        """Say that the span of the node of this branch has begun."""
        if self.recorder.replay is not None and where is not None:
            self.recorder.replay.pace.enter_node(where.node_path)

    def check(self) -> None:
        """Raise when a new call must not be made: the run or a parallel branch has ended."""
        self.recorder.check_interrupt()
        execution: Execution | None = self
        while execution is not None:
            if execution.failure is not None:
                raise BranchAbandoned("a parallel branch failed")
            execution = execution.outer

    def _said(self, messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return what is sent: in a replay some messages may be other ones."""
        replay, here = self.recorder.replay, context.current()
        if replay is None or here is None or not replay.options.messages:
            return list(messages)
        from secondtake.runner.replay.editing import edited_messages

        clean = self.recorder.sink.clean_message
        return edited_messages(replay, messages, node_path=here.node_path, clean=clean)

    def ask(
        self,
        node: ModelNode,
        messages: Sequence[Mapping[str, Any]],
        *,
        tools: Sequence[Mapping[str, Any]] = (),
        parameters: Mapping[str, Any] | None = None,
    ) -> LlmResponse:
        """Ask the node's model, with its retries and fallback models.

        Raises:
            Exception: what the last attempt failed with.
        """
        from secondtake.runner.providers.completion import complete
        from secondtake.runner.providers.retry import CallPolicy

        self.check()
        definition = self.prepared.definition
        request = LlmRequest(
            model=node.model or self.prepared.default_model,
            messages=self._said(messages),
            tools=tools,
            parameters={**definition.parameters, **node.parameters, **(parameters or {})},
            stream=node.stream,
        )
        options: dict[str, Any] = {"fallback_models": tuple(node.fallback_models)}
        if node.retry is not None:
            options |= {"retries": node.retry.attempts - 1, "backoff_s": node.retry.backoff_s}
        if node.timeout_s is not None:
            options["timeout_s"] = node.timeout_s
        policy = CallPolicy(**options)
        return wait_for(
            lambda: complete(request, policy=policy), check=self.recorder.check_interrupt
        )
