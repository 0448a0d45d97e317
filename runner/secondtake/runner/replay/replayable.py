"""What keeps a workflow from being replayed exactly, found out from its definition."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from secondtake.runner.settings import Settings
from secondtake.runner.workflows.execution import Prepared, prepare
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.schema import AgentNode, BaseNode, HumanNode, PythonNode, ToolNode

Severity = Literal["blocks", "may_differ", "asks"]
"""`blocks`: no replay is exact. `may_differ`: it is, unless the code reads what is not recorded.
`asks`: it is, and a replay with changes may stop there."""

NOT_RECORDED: Final = "the clock, files, the network, random numbers"


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Something that keeps a workflow from exact replay, or may."""

    severity: Severity
    node: str
    """Empty for the whole workflow."""
    reason: str
    """A sentence with the cure."""


def obstacles(workflow: Workflow, settings: Settings) -> list[Obstacle]:
    """Return what stands in the way of an exact replay, the worst first.

    Raises:
        UsageError: something that the workflow names cannot be imported.
    """
    found = list(_of_settings(settings))
    found += _of_workflow(prepare(workflow, settings, loads_models=False), "")
    order = ("blocks", "may_differ", "asks")
    return sorted(found, key=lambda each: order.index(each.severity))


def _of_settings(settings: Settings) -> Iterator[Obstacle]:
    if not settings.content:
        yield Obstacle(
            severity="blocks",
            node="",
            reason="Content is not recorded (SECONDTAKE_CONTENT=off); switch it on.",
        )


def _of_workflow(prepared: Prepared, prefix: str) -> Iterator[Obstacle]:
    if not prefix and prepared.definition.limits.seconds is not None:
        yield Obstacle(
            severity="may_differ",
            node="",
            reason=(
                "A run that limits.seconds ended is not ended by it in a replay, which is faster; "
                "limits.calls, limits.tokens and limits.usd end both."
            ),
        )
    for name, node in prepared.definition.nodes.items():
        yield from _of_node(prepared, f"{prefix}{name}", name, node)
    for name, inner in prepared.nested.items():
        yield from _of_workflow(inner, f"{prefix}{name}.")


def _of_node(prepared: Prepared, shown: str, name: str, node: BaseNode) -> Iterator[Obstacle]:
    if isinstance(node, PythonNode):
        yield Obstacle(
            severity="may_differ",
            node=shown,
            reason=(
                f"`{node.function}` is executed again in a replay; what it reads beside its inputs "
                f"({NOT_RECORDED}) must come through secondtake.runner: ambient, record.tool, memory."
            ),
        )
    if isinstance(node, HumanNode) and node.timeout_s is not None:
        yield Obstacle(
            severity="may_differ",
            node=shown,
            reason="After timeout_s it goes on by itself; the recorded answer is given again.",
        )
    if isinstance(node, AgentNode | ToolNode):
        for tool in _unsafe_tools(prepared, name):
            yield Obstacle(
                severity="asks",
                node=shown,
                reason=(
                    f"Tool `{tool}` does not declare that it changes nothing: a replay stops where it is "
                    f"called with new arguments; declare read_only=True, or --set "
                    f"tools.{tool}.on_miss=live."
                ),
            )


def _unsafe_tools(prepared: Prepared, name: str) -> Iterator[str]:
    registry = prepared.tools[name]
    for tool in registry.names():
        if not registry.get(tool).read_only:
            yield tool
