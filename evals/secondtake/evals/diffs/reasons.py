"""Why two steps differ, and why one run left the other, in words."""

from collections.abc import Callable, Sequence
from typing import Final

from secondtake.evals.diffs.changes import list_changes
from secondtake.evals.diffs.features import asked_name
from secondtake.evals.diffs.model import Change, Field, Json, Step, StepEdit
from secondtake.evals.diffs.wording import (
    change_words,
    clipped,
    counted,
    joined,
    step_words,
    value_words,
)
from secondtake.runner.narrow import is_list, is_object

CHANGES_NAMED_MAX: Final = 2


def why_edited(a: Step, b: Step, fields: Sequence[Field]) -> str | None:
    """Return what differs in a pair: `model sim/strong → sim/weak; its prompt changed`."""
    return "; ".join(_WORDS[field](a, b) for field in fields) or None


def why_moved(a: Step, b: Step) -> str:
    """Return that a step is the same but in another place."""
    noun = "LLM call" if a.kind == "llm" else "tool call"
    if a.number == b.number:  # numbers are given apart for LLM calls and tool calls
        return "the same call in another place"
    return f"the same call in another place: {noun} {a.number} → {b.number}"


def divergence_reason(
    edits: Sequence[StepEdit], first: int, steps_a: Sequence[Step], steps_b: Sequence[Step]
) -> str:
    """Return why the runs part at the edit `first`, naming the step of both sides."""
    edit = edits[first]
    a, b = _next_steps(edits, first, steps_a, steps_b)
    if edit.operation in ("edited", "moved") and a and b:
        return _of_a_pair(edit, a, b)
    if a and b:
        return f"A makes {_what(a)}, where B makes {_what(b)}."
    if a:
        return f"A makes {_what(a)}, B nothing more."
    return f"B makes {_what(b)}, A nothing more." if b else ""


def _of_a_pair(edit: StepEdit, a: Step, b: Step) -> str:
    if edit.operation == "moved":
        return f"A makes {step_words(a)} in another place than B, where it is {step_words(b)}."
    words, other = step_words(a), step_words(b)
    words = words if words == other else f"{words} of A is {other} of B"
    return f"{_capital(words)}: {edit.why}."


def _next_steps(
    edits: Sequence[StepEdit], first: int, steps_a: Sequence[Step], steps_b: Sequence[Step]
) -> tuple[Step | None, Step | None]:
    """Return the step that either side makes from here on: of a pair both, else what comes next."""
    a = next((edit.a for edit in edits[first:] if edit.a is not None), None)
    b = next((edit.b for edit in edits[first:] if edit.b is not None), None)
    if edits[first].operation in ("edited", "moved"):
        a, b = edits[first].a, edits[first].b
    return (steps_a[a] if a is not None else None, steps_b[b] if b is not None else None)


def _what(step: Step) -> str:
    words = step_words(step)
    if step.kind == "llm":
        asked = [f"`{clipped(asked_name(call))}`" for call in step.asked_for[:3]]
        return f"{words}, which asks for {joined(asked)}" if asked else words
    return words


def _node(a: Step, b: Step) -> str:
    return f"node {clipped(a.node or 'none')} → {clipped(b.node or 'none')}"


def _name(a: Step, b: Step) -> str:
    return f"tool {clipped(a.name)} → {clipped(b.name)}"


def _model(a: Step, b: Step) -> str:
    if a.name == b.name:
        return "its model changed"
    return f"model {clipped(a.name)} → {clipped(b.name)}"


def _messages(a: Step, b: Step) -> str:
    """Return which new message changed; all else in a prompt was there in an earlier call."""
    if not a.sent and not b.sent:
        return "its prompt changed"
    for before, after in zip(a.sent, b.sent, strict=False):
        if before != after:
            return f"its prompt changed: {_message_change(before, after)}"
    if more := len(b.sent) - len(a.sent):
        return (
            f"its prompt changed: {counted(abs(more), 'message')} {'more' if more > 0 else 'less'}"
        )
    return "earlier messages of its prompt changed"


def _message_change(a: Json, b: Json) -> str:
    if not (is_object(a) and is_object(b)):
        return change_words(a, b)
    role_a, role_b = _role(a), _role(b)
    said_a, said_b = a.get("content"), b.get("content")
    if role_a != role_b:
        return f"{role_a} {value_words(said_a)} → {role_b} {value_words(said_b)}"
    return f"{role_a} {change_words(said_a, said_b)}"


def _role(message: dict[str, Json]) -> str:
    return clipped(str(message.get("role", "message")))


def _arguments(a: Step, b: Step) -> str:
    return f"arguments: {_changes_words(list_changes(a.arguments, b.arguments))}"


def _answer(a: Step, b: Step) -> str:
    if a.kind == "llm":
        return _said(a, b)
    if is_list(a.answer) and is_list(b.answer):
        before, after = len(a.answer), len(b.answer)
        if before != after:
            return f"result changed: {before:,} → {counted(after, 'item')}"
    return f"result changed: {_changes_words(list_changes(a.answer, b.answer))}"


def _said(a: Step, b: Step) -> str:
    """Return how two answers of a model differ: by the tools asked for, else by the text."""
    names_a, names_b = _asked_names(a), _asked_names(b)
    if names_a != names_b:
        return f"asks for {names_a} → {names_b}"
    if (changes := list_changes(a.asked_for, b.asked_for)) and a.asked_for:
        return f"asks for {names_a} otherwise: {_changes_words(_below_arguments(changes))}"
    return "its answer changed"


def _asked_names(step: Step) -> str:
    names = [f"`{clipped(asked_name(call))}`" for call in step.asked_for]
    return joined(names) if names else "no tool"


def _below_arguments(changes: Sequence[Change]) -> list[Change]:
    """Return the changes of what a model asked for, without the path down to the arguments."""
    return [
        change.model_copy(update={"path": change.path.partition(".arguments")[2].lstrip(".")})
        for change in changes
    ]


def _error(a: Step, b: Step) -> str:
    if a.error is None:
        return f"fails in B: {clipped(b.error or '', 80)}"
    if b.error is None:
        return f"failed in A alone: {clipped(a.error, 80)}"
    return f"error '{clipped(a.error)}' → '{clipped(b.error)}'"


def _changes_words(changes: Sequence[Change]) -> str:
    """Return the first changes: `query 'heat' → 'heat pumps', page added: 2 and 3 more`."""
    words = [_change_words(change) for change in changes[:CHANGES_NAMED_MAX]]
    if more := len(changes) - len(words):
        return f"{', '.join(words)} and {more:,} more"
    return ", ".join(words)


def _change_words(change: Change) -> str:
    path = clipped(change.path)
    if change.kind == "added":
        return f"{path} added: {value_words(change.b)}"
    if change.kind == "removed":
        return f"{path} removed"
    return f"{path} {change_words(change.a, change.b)}".lstrip()


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _fixed(words: str) -> Callable[[Step, Step], str]:
    return lambda _a, _b: words


_WORDS: Final[dict[Field, Callable[[Step, Step], str]]] = {
    "node": _node,
    "name": _name,
    "model": _model,
    "messages": _messages,
    "tools": _fixed("its tools changed"),
    "parameters": _fixed("its parameters changed"),
    "arguments": _arguments,
    "answer": _answer,
    "error": _error,
}
