"""What must hold in a human node: its type, choices, default and where the answer goes."""

from secondtake.runner.workflows.questions import Question, fitting_answer
from secondtake.runner.workflows.schema import Definition, HumanNode
from secondtake.runner.workflows.source import Keys, Source
from secondtake.runner.workflows.templates import is_lone_expression
from secondtake.runner.workflows.value_types import ValueType, parse_type

TYPES = ("string", "integer", "number", "boolean", "any")


def check_human(source: Source, name: str, node: HumanNode, definition: Definition) -> None:
    """Note every problem of a human node, its templates aside."""
    keys: Keys = ("nodes", name)
    if node.type not in TYPES:
        text = f"a person cannot type {node.type}; write one of {', '.join(TYPES)}"
        source.report((*keys, "type"), text)
        return
    kind = parse_type(node.type)
    _check_choices(source, keys, node, kind)
    _check_default(source, keys, node, kind)
    state = definition.state.get(node.output) if isinstance(node.output, str) else None
    if isinstance(node.output, dict):
        source.report((*keys, "output"), "an answer has no fields; write one state key")
    elif state is not None and state.reducer == "replace" and not _takes(state.type, node.type):
        text = f"`{node.output}` is {state.type}, but the answer is {node.type}"
        source.report((*keys, "output"), f"{text}; change one of them")


def _takes(key_type: str, answer_type: str) -> bool:
    return key_type in ("any", answer_type) or (key_type, answer_type) == ("number", "integer")


def _check_choices(source: Source, keys: Keys, node: HumanNode, kind: ValueType) -> None:
    here = (*keys, "choices")
    if node.choices is None:
        return
    if isinstance(node.choices, str):
        if not is_lone_expression(node.choices):
            source.report(here, "write a list, or one `{{ name }}` of a list of texts")
        return
    if not node.choices:
        source.report(here, "`choices` is empty; name at least one, or leave it out")
    folded = [choice.casefold() for choice in node.choices]
    for index, choice in enumerate(node.choices):
        if folded[index] in folded[:index]:
            source.report((*here, index), f"`{choice}` is there twice; remove one")
        try:
            fitting_answer(Question(text="", choices=None, kind=kind), choice)
        except ValueError as error:
            source.report((*here, index), f"{error}; change the choice or the type")


def _check_default(source: Source, keys: Keys, node: HumanNode, kind: ValueType) -> None:
    if not node.has_default:
        return
    here = (*keys, "default")
    if node.timeout_s is None:
        source.report(here, "`default` is the answer after `timeout_s`; add it")
    choices = tuple(node.choices) if isinstance(node.choices, list) else None
    try:
        fitting_answer(Question(text="", choices=choices or None, kind=kind), node.default)
    except ValueError as error:
        source.report(here, f"wrong default: {error}")
