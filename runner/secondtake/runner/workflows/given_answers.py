"""Answers of human nodes that are given beforehand: do they fit the workflow?"""

from collections.abc import Iterator

from secondtake.runner.errors import UsageError
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.human import Answers
from secondtake.runner.workflows.load import Workflow
from secondtake.runner.workflows.questions import Question, fitting_answer
from secondtake.runner.workflows.schema import HumanNode
from secondtake.runner.workflows.value_types import parse_type


def human_nodes(workflow: Workflow, prefix: str = "") -> Iterator[tuple[str, HumanNode]]:
    """Yield the human nodes, those of nested workflows as `triage.approve`."""
    for name, node in workflow.definition.nodes.items():
        if isinstance(node, HumanNode):
            yield prefix + name, node
    for name, inner in workflow.nested.items():
        yield from human_nodes(inner, f"{prefix}{name}.")


def check_answers(workflow: Workflow, answers: Answers) -> None:
    """See that each answer is for a human node and, where that is known already, fits.

    Raises:
        UsageError: there is no such node, or it cannot take the answer.
    """
    found = dict(human_nodes(workflow))
    for name, values in answers.items():
        nodes = [node for full, node in found.items() if name in (full, full.rpartition(".")[2])]
        if not nodes:
            cure = did_you_mean(name, found, none="the workflow asks nobody")
            raise UsageError(f"--answer {name}: no human node `{name}`; {cure}")
        for value in values:
            _check(name, nodes, value)


def _check(name: str, nodes: list[HumanNode], value: object) -> None:
    """Raise when none of the nodes can take an answer; choices of a template are not known yet."""
    problem = None
    for node in nodes:
        if isinstance(node.choices, str):
            return
        choices = tuple(node.choices) if node.choices else None
        question = Question(text="", choices=choices, kind=parse_type(node.type))
        try:
            fitting_answer(question, value)
        except ValueError as error:
            problem = error
        else:
            return
    raise UsageError(f"--answer {name}={value}: {problem}.")
