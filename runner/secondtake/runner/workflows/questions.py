"""What a human node asks, and which answers fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list
from secondtake.runner.workflows.failures import NodeError
from secondtake.runner.workflows.schema import HumanNode
from secondtake.runner.workflows.source import parse_value
from secondtake.runner.workflows.templates import render, render_value
from secondtake.runner.workflows.value_types import ValueType, parse_type

WORDS: Final = {"yes": True, "y": True, "true": True, "no": False, "n": False, "false": False}
"""How people type a boolean."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a human node asks."""

    text: str
    choices: tuple[str, ...] | None
    """The answers that are allowed; None when any of the type is."""
    kind: ValueType

    def described(self) -> dict[str, Any]:
        """Return it as it is recorded: whoever takes an answer knows what would fit."""
        return {
            "question": self.text,
            "choices": list(self.choices) if self.choices else None,
            "type": str(self.kind),
        }


def question_of(node: HumanNode, values: Mapping[str, Any]) -> Question:
    """Fill in what a human node asks.

    Raises:
        TemplateError: a name has no value.
        NodeError: the choices are not a list of texts.
    """
    choices: Any = node.choices
    if isinstance(choices, str):
        choices = render_value(choices, values)
        if not is_list(choices) or not all(isinstance(each, str) and each for each in choices):
            raise NodeError("`choices` is not a list of texts; name a list[string] in it.")
    return Question(
        text=render(node.question, values).strip(),
        choices=tuple(choices) if choices else None,
        kind=parse_type(node.type),
    )


def fitting_answer(question: Question, given: Any) -> Any:
    """Return an answer as a value of the question's type, or as the choice that it means.

    Raises:
        ValueError: it does not fit; the text says what would.
    """
    if question.choices is not None:
        wanted = str(given).strip()
        for choice in question.choices:
            if choice.casefold() == wanted.casefold():
                return _typed(question.kind, choice)
        raise ValueError(f"`{wanted}` is not one of: {', '.join(question.choices)}")
    return _typed(question.kind, given)


def _typed(kind: ValueType, given: Any) -> Any:
    value = given
    if isinstance(given, str) and kind.name == "boolean":
        value = WORDS.get(given.strip().casefold(), given)
    elif isinstance(given, str) and kind.name not in ("string", "any"):
        try:
            value = parse_value(given, flag="the answer")
        except UsageError:
            value = given
    problem = kind.problem(value)
    if problem:
        raise ValueError(f"{problem}; the answer must be {kind}")
    if value == "":
        raise ValueError("an empty text is no answer")
    return value
