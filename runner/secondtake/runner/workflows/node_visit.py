"""One visit of a node: its attempts, what becomes of its result, and of its failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from secondtake.runner import context
from secondtake.runner.context import RunContext
from secondtake.runner.errors import SecondTakeError
from secondtake.runner.replay.failures import is_recorded
from secondtake.runner.workflows.execution import Execution
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.human import OpenQuestion, ask_person
from secondtake.runner.workflows.nodes import changes_of, execute_node
from secondtake.runner.workflows.questions import Question, question_of
from secondtake.runner.workflows.schema import (
    BaseNode,
    HumanNode,
    PythonNode,
    Retry,
    ToolNode,
    WorkflowNode,
)
from secondtake.runner.workflows.waiting import pause

Values = Mapping[str, Any]
RunNested = Callable[[Execution, str, WorkflowNode, Values], Any]

ONCE: Final = Retry(attempts=1, backoff_s=0)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A node, or one branch of a fan-out, that runs in a step."""

    node: str
    entered_from: tuple[str, ...]
    payload: Mapping[str, Any] | None = None
    """What the branch was sent, None when there are no branches."""
    ordinal: int = 0
    """Tells apart branches that were sent the same."""


class _Attempts:
    """The attempts of one visit."""

    def __init__(
        self, execution: Execution, visit: Visit, values: Values, run_nested: RunNested
    ) -> None:
        self._execution = execution
        self._visit = visit
        self._values = values
        self._run_nested = run_nested
        self.where: RunContext | None = None
        """The span of the last attempt."""

    def run(self, node: BaseNode) -> dict[str, Any]:
        """Try until an attempt succeeds; nodes that ask a model retry each call instead."""
        retry = (node.retry or ONCE) if isinstance(node, ToolNode | PythonNode) else ONCE
        for attempt in range(1, retry.attempts + 1):
            try:
                return self._once(node, attempt)
            except Exception as error:
                if attempt == retry.attempts:
                    raise
                if is_recorded(error):
                    continue
            pause(retry.backoff_s * 2 ** (attempt - 1), check=self._execution.check)
        raise NodeError(f"Node `{self._visit.node}` had no attempt left.")  # attempts is >= 1

    def _once(self, node: BaseNode, attempt: int) -> dict[str, Any]:
        visit = self._visit
        asked = _question(node, self._values)
        with context.node(
            visit.node,
            node_kind=str(getattr(node, "kind", "")),
            branch_payload=visit.payload,
            branch_ordinal=visit.ordinal,
            attempt=attempt,
            entered_from=visit.entered_from,
            question=asked.described() if isinstance(asked, Question) else None,
        ) as where:
            self.where = where
            self._execution.enter_node(where)
            changes = self._execution.recorded_changes(where)
            if isinstance(node, PythonNode) and changes is not None:
                return changes
            result = self._result(node, asked, where)
            return changes_of(self._execution, visit.node, node, result)

    def _result(
        self, node: BaseNode, asked: Question | SecondTakeError | None, where: RunContext | None
    ) -> Any:
        execution, name = self._execution, self._visit.node
        if isinstance(asked, SecondTakeError):
            raise asked
        if isinstance(node, WorkflowNode):
            return self._run_nested(execution, name, node, self._values)
        if not isinstance(node, HumanNode) or asked is None or where is None:
            return execute_node(execution, name, node, self._values)
        question = OpenQuestion(
            run_id=execution.recorder.run_id,
            span_id=str(where.span_id),
            node=execution.full_name(name),
            question=asked,
        )
        return ask_person(
            question,
            node,
            desk=execution.desk,
            recorder=execution.recorder,
            check=execution.check,
        )


def _question(node: BaseNode, values: Values) -> Question | SecondTakeError | None:
    """Return what is asked, before the node begins: its first row already says so.

    What cannot be filled in is raised when the node has begun, so that it has a row.
    """
    if not isinstance(node, HumanNode):
        return None
    try:
        return question_of(node, values)
    except SecondTakeError as error:
        return error


def run_visit(
    execution: Execution, visit: Visit, values: Values, run_nested: RunNested
) -> tuple[dict[str, Any], RunContext | None]:
    """Execute a node and return what it changes, and the span that did.

    Raises:
        BaseException: what the last attempt raised, unless the node collects its errors.
    """
    node = execution.prepared.definition.nodes[visit.node]
    attempts = _Attempts(execution, visit, values, run_nested)
    try:
        return attempts.run(node), attempts.where
    except Exception as error:
        if node.on_error != "collect":
            raise
        return {node.errors_to: [_collected(visit, attempts.where, error)]}, attempts.where


def _collected(visit: Visit, where: RunContext | None, error: Exception) -> dict[str, Any]:
    """Return a failure as it is kept in the state."""
    item = None if visit.payload is None else next(iter(visit.payload.values()))
    return {
        "node": visit.node,
        "node_path": where.node_path if where else None,
        "item": item,
        "error_type": type(error).__name__,
        "message": str(error),
    }
