"""The state of a run after any of its steps: a fold over what its nodes changed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.runs import StateAt, StateQuery, StateStep
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store import memory
from secondtake.backend.store.patience import patient
from secondtake.backend.store.snapshot import snapshot
from secondtake.runner.narrow import is_list, is_object

_KINDS: Final = {
    "bool": "a boolean",
    "dict": "an object",
    "float": "a number",
    "int": "a number",
    "list": "a list",
    "NoneType": "null",
    "str": "text",
}
"""How a value is called, by its Python type."""

_STUBS: Final[dict[str | None, Any]] = {
    "{": {}, "[": [], '"': "", "t": True, "f": False, "n": None, None: None
}  # fmt: skip
"""A value of the kind that begins with this character as JSON; the others are numbers."""

_REPLACING: Final = ("init", "set")
"""What makes a value that does not depend on the one before."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a node, or the beginning of a run, did to one key."""

    place: int
    """Of its row in the store."""
    operation: str
    key: str
    span_id: str | None
    node_path: str | None
    value: Any
    length: int | None = None
    """Of the whole value, when only its beginning is here."""


@patient
def fold_state(con: DuckDBPyConnection, query: StateQuery) -> StateAt:
    """Return the state of a run at its end, or after a step.

    Step 0 is the state before the first node; each later step is what one node changed at a time.
    Only the values that make up this state are read. Of the others their kind is enough to tell
    which changes did not fit.

    Raises:
        NotFoundError: no run fits, or it has no such step.
        AmbiguousError: more than one run fits.
    """
    with snapshot(con):
        run_id = resolve_run(con, query.run)
        rows = memory.list_state_changes(con, run_id, are_short=query.max_chars is not None)
        changes = [_change(row, _STUBS.get(row["begins"], 0)) for row in rows]
        groups = _steps(changes)
        whole, single = _needed(groups[: _existing(groups, query.step) + 1])
        read = memory.read_state_values(con, run_id, whole, max_chars=None)
        read |= memory.read_state_values(con, run_id, single, max_chars=query.max_chars)
    filled = [
        replace(change, value=read[change.place][0], length=read[change.place][1])
        if change.place in read
        else change
        for change in changes
    ]
    return state_at(run_id, filled, step=query.step, max_chars=query.max_chars)


def state_at(
    run_id: UUID, changes: Sequence[Change], *, step: int | None, max_chars: int | None = None
) -> StateAt:
    """Fold changes of the state, which are in order, up to a step or to the end.

    Raises:
        NotFoundError: there is no such step.
    """
    groups = _steps(changes)
    wanted = _existing(groups, step)
    values: dict[str, Any] = {}
    lengths: dict[str, int] = {}
    changed_at: dict[str, int] = {}
    problems: list[str] = []
    for number, group in enumerate(groups[: wanted + 1]):
        for change in group:
            problem = _apply(values, change)
            if problem:
                problems.append(f"step {number}: {problem}")
                continue
            changed_at[change.key] = number
            lengths.pop(change.key, None)
            if change.length is not None:
                lengths[change.key] = change.length
    steps = [_step(number, group) for number, group in enumerate(groups)]
    for key, value in values.items():
        if max_chars is not None and key not in lengths:
            text = value if isinstance(value, str) else json_text(value)
            if len(text) > max_chars:
                values[key], lengths[key] = text[:max_chars], len(text)
    return StateAt(
        run_id=run_id,
        step=wanted,
        steps=steps,
        values=values,
        changed=steps[wanted].keys,
        changed_at=changed_at,
        clipped=lengths,
        problems=problems,
    )


def json_text(value: Any) -> str:
    """Return a JSON value as the recorder writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _change(row: dict[str, Any], value: Any) -> Change:
    return Change(
        place=row["place"],
        operation=row["operation"],
        key=row["key"] or "",
        span_id=row["span_id"],
        node_path=row["node_path"],
        value=value,
    )


def _needed(groups: Sequence[Sequence[Change]]) -> tuple[list[int], list[int]]:
    """Return which changes the final values come from.

    Returns:
        Those that are joined with others, needed whole, and those that are a value by themselves.
    """
    chains: dict[str, list[Change]] = {}
    for change in chain.from_iterable(groups):
        if change.operation in _REPLACING:
            chains[change.key] = [change]
        else:
            chains.setdefault(change.key, []).append(change)
    single = [c[0].place for c in chains.values() if _stands_alone(c)]
    whole = [each.place for c in chains.values() if not _stands_alone(c) for each in c]
    return whole, single


def _stands_alone(changes: Sequence[Change]) -> bool:
    return len(changes) == 1 and changes[0].operation in _REPLACING


def _existing(groups: Sequence[object], step: int | None) -> int:
    last = len(groups) - 1
    if step is not None and step > last:
        raise NotFoundError(
            f"The run has no step {step}; its last is {last}. Leave the step out for the end."
        )
    return last if step is None else step


def _steps(changes: Sequence[Change]) -> list[list[Change]]:
    """Cut the changes where the node changes; the first step is before any node, maybe empty."""
    groups = [list(group) for _, group in groupby(changes, key=lambda change: change.span_id)]
    if not groups or groups[0][0].span_id is not None:
        groups.insert(0, [])
    return groups


def _step(number: int, group: Sequence[Change]) -> StateStep:
    return StateStep(
        step=number,
        span_id=group[0].span_id if group else None,
        node_path=group[0].node_path if group else None,
        keys=list(dict.fromkeys(change.key for change in group)),
    )


def _apply(values: dict[str, Any], change: Change) -> str | None:
    """Change `values`, or return why that cannot be."""
    key = change.key
    if change.operation in _REPLACING:
        values[key] = change.value
        return None
    if values.get(key) is None:
        is_item = change.operation == "append" and not is_list(change.value)
        values[key] = [change.value] if is_item else change.value
        return None
    try:
        values[key] = _FOLDS[change.operation](values[key], change.value)
    except TypeError:
        held, added = (_KINDS.get(type(v).__name__, "it") for v in (values[key], change.value))
        return f"`{change.operation}` cannot join {added} to {key!r}, which holds {held}"
    return None


def _append(held: Any, added: Any) -> list[Any]:
    if not is_list(held):
        raise TypeError
    return [*held, *(added if is_list(added) else [added])]


def _add(held: Any, added: Any) -> Any:
    if not isinstance(held, int | float) or not isinstance(added, int | float):
        raise TypeError
    return held + added


def _merge(held: Any, added: Any) -> dict[str, Any]:
    if not is_object(held) or not is_object(added):
        raise TypeError
    return {**held, **added}


_FOLDS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "append": _append,
    "add": _add,
    "merge": _merge,
}
