"""Shapes the state of a run after a step into rows. Pure: no page, no client."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, Literal

from secondtake.backend.formats import counted
from secondtake.backend.models.records import MemoryRow
from secondtake.backend.models.runs import SpanTree, StateAt, StateStep
from secondtake.studio.run_page.json_text import in_one_line, laid_out
from secondtake.studio.run_page.long_text import whole_length
from secondtake.studio.run_page.node_names import name_of_path

SHORT_CHARS: Final = 36
"""A value this short is shown before and after a change in one line."""
DIFF_CHARS: Final = 4_000
"""Longer texts are shown one after the other; comparing them would keep the page waiting."""

LONG_TERM: Final = ("read", "write")
"""Operations on long-term memory; the others change the state."""

Mark = Literal["added", "changed"]
Op = Literal["same", "del", "ins"]

_WORDS: Final = re.compile(r"\s+|\d[\d.,]*|\w[\w'-]*|.", re.DOTALL)
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:[ _-][A-Za-z0-9]+)*")


@dataclass(frozen=True, kw_only=True)
class StateRow:
    """A key of the state and its value."""

    key: str
    line: str
    """The value in one line."""
    text: str
    """The value for reading; its beginning when it is long."""
    total: int
    """Characters of the whole value."""
    is_text: bool
    mark: Mark | None = None
    """What the step did to it."""
    where: str = ""
    """The step that changed it last."""
    before: str | None = None
    """For reading: the value before a change; None when there was none, or it is not known."""
    before_line: str | None = None
    """In one line, of a short value that a short one took the place of."""


def state_rows(now: StateAt, before: StateAt | None) -> list[StateRow]:
    """Return the keys of the state: those that the step changed, then the others, newest first.

    Args:
        now: the state after a step.
        before: after the step before; None for the first.
    """
    changed = [key for key in dict.fromkeys(now.changed) if key in now.values]
    rest = [key for key in now.values if key not in set(changed)]
    rest.sort(key=lambda key: -now.changed_at.get(key, 0))
    marked = now.step > 0
    return [
        *(_row(key, now, before if marked else None, marked=marked) for key in changed),
        *(_row(key, now, None, marked=False) for key in rest),
    ]


def step_name(steps: Sequence[StateStep], step: int) -> str:
    """Return a step in words: `step 3 · draft`; the one before all nodes is `the beginning`."""
    if step == 0:
        return "the beginning"
    path = steps[step].node_path if step < len(steps) else None
    return f"step {step} · {name_of_path(path, {})}" if path else f"step {step}"


def heading(now: StateAt) -> str:
    """Return what the state is of: `State after step 3 · draft`."""
    if now.step == 0:
        return "State before the first step"
    return f"State after {step_name(now.steps, now.step)}"


def change_count(now: StateAt) -> str:
    """Return how much the step changed: `3 of 8 keys changed`."""
    if now.step == 0:
        return counted(len(now.values), "key")
    changed = len(set(now.changed) & now.values.keys())
    return f"{changed} of {counted(len(now.values), 'key')} changed"


def slider_label(steps: Sequence[StateStep], step: int) -> str:
    """Return what the slider says of a step.

    The slider reads it as markdown, which could load pictures: a name that could mean anything
    there is left out.
    """
    path = steps[step].node_path if step < len(steps) else None
    name = name_of_path(path, {}).partition(" · ")[0] if path else ""
    return f"{step} {name}" if len(name) <= 40 and _SAFE_NAME.fullmatch(name) else str(step)


def step_of_span(steps: Sequence[StateStep], tree: SpanTree, span_id: str) -> int | None:
    """Return the last step that a span, or else the nearest span above it, made; None if none."""
    made = {step.span_id: step.step for step in steps if step.span_id is not None}
    parents = {span.span_id: span.parent_span_id for span in tree.spans}
    here: str | None = span_id
    seen: set[str] = set()
    while here is not None and here not in seen:
        if here in made:
            return made[here]
        seen.add(here)
        here = parents.get(here)
    return None


def long_term(memory: Sequence[MemoryRow]) -> list[MemoryRow]:
    """Return the reads and writes of long-term memory."""
    return [row for row in memory if row.operation in LONG_TERM]


def nested_changes(memory: Sequence[MemoryRow]) -> list[MemoryRow]:
    """Return what nested workflows changed in a state of their own; that it begins empty is none."""
    return [
        row
        for row in memory
        if row.scope == "node"
        and row.operation not in LONG_TERM
        and not (row.operation == "init" and row.value in (None, [], {}, ""))
    ]


def memory_line(row: MemoryRow) -> StateRow:
    """Return an entry of the memory as a row."""
    text = laid_out(row.value)
    key = row.key or ""
    return StateRow(
        key=key if row.operation in LONG_TERM else key.rpartition("/")[2],
        line=in_one_line(row.value),
        text=text,
        total=whole_length(row.clipped, "value", text),
        is_text=isinstance(row.value, str),
        where=name_of_path(row.node_path, {}) if row.node_path else "",
    )


def piece_text(value: Any) -> str:
    """Return the text that offsets into a value count: the text itself, else its compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def word_diff(before: str, after: str) -> list[tuple[Op, str]]:
    """Return how a text became another, by words; edits that only white space parts are one."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    pieces: list[tuple[Op, str]] = []
    for op, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        if a < b:
            pieces.append(("del", "".join(old[a:b])))
        if c < d:
            pieces.append(("ins", "".join(new[c:d])))
    return _joined(pieces)


def _row(key: str, now: StateAt, before: StateAt | None, *, marked: bool) -> StateRow:
    value = now.values[key]
    text = laid_out(value)
    held = before is not None and key in before.values
    previous = before.values[key] if before is not None and held else None
    line, before_line = _line(value), _line(previous) if held else None
    is_short = before_line is not None and max(len(line), len(before_line)) <= SHORT_CHARS
    step = now.changed_at.get(key)
    return StateRow(
        key=key,
        line=line,
        text=text,
        total=now.clipped.get(key, len(text)),
        is_text=isinstance(value, str),
        mark=("changed" if held else "added") if marked else None,
        where="" if step is None else step_name(now.steps, step),
        before=laid_out(previous) if held else None,
        before_line=before_line if is_short and before_line != line else None,
    )


def _line(value: Any) -> str:
    """Return a value in one line; text that would read as something else is in quotes."""
    if not isinstance(value, str):
        return in_one_line(value)
    return in_one_line(value) if not _reads_as_other(value) else json.dumps(value)


def _reads_as_other(text: str) -> bool:
    return text.strip() == "" or (len(text) < SHORT_CHARS and _is_json(text))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _joined(pieces: Sequence[tuple[Op, str]]) -> list[tuple[Op, str]]:
    """Join edits that nothing but white space parts, else numbers fall to bits."""
    joined: list[tuple[Op, str]] = []
    run: Mapping[str, list[str]] = {"del": [], "ins": []}

    def close() -> None:
        for op in ("del", "ins"):
            if text := "".join(run[op]):
                joined.append(("del" if op == "del" else "ins", text))
            run[op].clear()

    for number, (op, text) in enumerate(pieces):
        if op != "same":
            run[op].append(text)
        elif not text.strip() and 0 < number < len(pieces) - 1:
            run["del"].append(text)
            run["ins"].append(text)
        else:
            close()
            joined.append((op, text))
    close()
    return joined
