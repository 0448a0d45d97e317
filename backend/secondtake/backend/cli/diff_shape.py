"""Shapes a diff for the terminal and the file: its rows, and what stands for a step."""

import json
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from secondtake.backend import formats
from secondtake.backend.cli.values import one_line_value
from secondtake.backend.models.diffs import RunDiff, Step
from secondtake.backend.run_diffs import INSTRUCTIONS, Pair, new_messages, pair_words, pairs_of
from secondtake.runner.narrow import is_object

TEXTS: Final = ("sent", "arguments", "answer", "called", "failed")
"""The texts of a step, in the order in which they are shown."""


@dataclass(frozen=True, kw_only=True)
class Row(Pair):
    """An edit with its two steps; for identical ones that follow each other one row stands."""

    same: tuple[Pair, ...] = ()
    """The identical steps that this row stands for; empty where there is a difference."""


def rows_of(diff: RunDiff) -> list[Row]:
    """Return the edits along both runs, identical ones folded."""
    folded: list[Row] = []
    for is_same, group in groupby(pairs_of(diff), key=lambda pair: pair.edit.operation == "same"):
        each = tuple(group)
        folded += [_row(each[0], same=each)] if is_same else [_row(pair, same=()) for pair in each]
    return folded


def _row(pair: Pair, *, same: tuple[Pair, ...]) -> Row:
    return Row(
        number=pair.number, edit=pair.edit, a=pair.a, b=pair.b, is_first=pair.is_first, same=same
    )


def parting_steps(diff: RunDiff) -> tuple[Step | None, Step | None]:
    """Return what either side does where the runs part: of a pair both, else what comes next."""
    if diff.first_divergence is None:
        return None, None
    rest = diff.edits[diff.first_divergence :]
    if rest[0].a is not None and rest[0].b is not None:
        return diff.steps_a[rest[0].a], diff.steps_b[rest[0].b]
    a = next((edit.a for edit in rest if edit.a is not None), None)
    b = next((edit.b for edit in rest if edit.b is not None), None)
    return (
        None if a is None else diff.steps_a[a],
        None if b is None else diff.steps_b[b],
    )


def step_title(pair: Pair) -> str:
    """Return which step it is: `LLM call 3`, `tool call 2 search_text`, `LLM call 3 → 4`."""
    if pair.step.kind == "llm":
        return pair_words(pair)
    names = [each.name for each in (pair.a, pair.b) if each is not None]
    return f"{pair_words(pair)} {formats.one_line(' → '.join(dict.fromkeys(names)))}"


def step_texts(step: Step) -> dict[str, str]:
    """Return what a step was about: `sent` and `arguments` went in, the others came out.

    `called` are the tools that a model asks for. What there is not is left out.
    """
    texts = {
        "sent": "\n".join(map(_sent, step.sent)),
        "arguments": "" if step.kind == "llm" else _text(step.arguments),
        "answer": _text(step.answer),
        "called": "\n".join(f"calls {called_words(each)}" for each in step.asked_for),
        "failed": f"failed: {step.error}" if step.error else "",
    }
    return {name: text for name, text in texts.items() if text}


def compared_texts(row: Row) -> dict[str, tuple[str, str]]:
    """Return the texts of both sides of an edit by what they are.

    What a model was sent is among them where it makes the difference: it is what tools answered
    and what models said before, mostly.
    """
    a = step_texts(row.a) if row.a is not None else {}
    b = step_texts(row.b) if row.b is not None else {}
    if row.a is not None and row.b is not None:
        a["sent"], b["sent"] = news(row.a, row.b), news(row.b, row.a)
    elif row.step.sent:
        (a or b)["sent"] = _without_instructions(row.step)
    pairs: dict[str, tuple[str, str]] = {
        name: (a.get(name, ""), b.get(name, "")) for name in TEXTS if name in {**a, **b}
    }
    is_pair = row.a is not None and row.b is not None
    if is_pair and ("messages" not in row.edit.fields or a["sent"] == b["sent"]):
        pairs.pop("sent", None)
    return {name: pair for name, pair in pairs.items() if any(pair)}


def news(step: Step, other_step: Step) -> str:
    """Return what a step was sent, but for what at the beginning the other one was sent as well."""
    return "\n".join(map(_sent, new_messages(step, other_step)))


def _without_instructions(step: Step) -> str:
    """Return what a step was sent but for the system prompt, which says little of this step."""
    return "\n".join(
        _sent(message) for message in step.sent if message.get("role") not in INSTRUCTIONS
    )


def _sent(message: Any) -> str:
    return f"{message.get('role') or 'message'}: {_text(message.get('content'))}"


def _text(value: Any) -> str:
    """Return a value as text, JSON in as few lines as it needs."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def called_words(asked: Any) -> str:
    """Return a tool call that a model asks for, in one line."""
    if not is_object(asked) or "name" not in asked:
        return one_line_value(asked)
    return f"{one_line_value(asked['name'])}({one_line_value(asked.get('arguments') or '')})"
