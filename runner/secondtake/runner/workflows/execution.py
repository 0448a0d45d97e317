"""What the nodes of one run share: tools, functions, the recorder, and how a model is asked."""

import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from secondtake.runner.calls import LlmRequest, LlmResponse
from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.run import RunRecorder
from secondtake.runner.settings import Settings
from secondtake.runner.tools.registry import Tool, ToolRegistry, built_in_tools, make_tool
from secondtake.runner.workflows.failures import BranchAbandoned
from secondtake.runner.workflows.ledger import StateLedger
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.references import import_function
from secondtake.runner.workflows.schema import (
    AgentNode,
    Definition,
    ModelNode,
    PythonNode,
    ToolNode,
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

    @property
    def definition(self) -> Definition:
        """The checked definition."""
        return self.workflow.definition

    @property
    def default_model(self) -> str:
        """The model of nodes that name none."""
        return self.definition.model or self.settings.model


def prepare(workflow: Workflow, settings: Settings, *, tools: Sequence[Tool] = ()) -> Prepared:
    """Import the functions and tools of a workflow.

    Args:
        workflow: What is to be executed.
        settings: Says which modules are trusted and where files may be read.
        tools: Further tools, that the nodes may name.

    Raises:
        WorkflowError: something cannot be imported.
    """
    every = built_in_tools(settings)
    for extra in tools:
        every = every.having(extra)
    registries: dict[str, ToolRegistry] = {}
    functions: dict[str, Callable[..., Any]] = {}
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
        except UsageError as error:
            problems.append(f"{workflow.path or workflow.name}: node `{name}`: {error.message}")
    if problems:
        raise WorkflowError(problems)
    _load_libraries(workflow.definition)
    return Prepared(workflow=workflow, settings=settings, tools=registries, functions=functions)


def _load_libraries(definition: Definition) -> None:
    """Import what takes seconds now: else the first node's timing would tell of imports."""
    importlib.import_module("langgraph.graph")
    if any(isinstance(node, ModelNode) for node in definition.nodes.values()):
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


@dataclass(kw_only=True)
class Execution:
    """One run of a prepared workflow."""

    prepared: Prepared
    inputs: Mapping[str, Any]
    recorder: RunRecorder
    ledger: StateLedger
    types: Mapping[str, ValueType] = field(default_factory=dict[str, ValueType])
    failure: BaseException | None = None
    """What failed first."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls, prepared: Prepared, inputs: Mapping[str, Any], recorder: RunRecorder
    ) -> "Execution":
        """Begin to execute; no node has run yet."""
        state = prepared.definition.state
        return cls(
            prepared=prepared,
            inputs=inputs,
            recorder=recorder,
            ledger=StateLedger(state, recorder),
            types={name: parse_type(key.type) for name, key in state.items()},
        )

    def fail(self, error: BaseException) -> None:
        """Remember what failed first; the other branches end at their next call."""
        with self._lock:
            if not isinstance(error, BranchAbandoned):
                self.failure = self.failure or error

    def check(self) -> None:
        """Raise when a new call must not be made: the run or a parallel branch has ended."""
        self.recorder.check_interrupt()
        if self.failure is not None:
            raise BranchAbandoned("a parallel branch failed")

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
            messages=list(messages),
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
