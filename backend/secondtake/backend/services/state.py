"""The state of a run after any of its steps: a fold over what its nodes changed."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, Final
from uuid import UUID

from duckdb import DuckDBPyConnection

from secondtake.backend.errors import NotFoundError
from secondtake.backend.models.records import MemoryRow
from secondtake.backend.models.runs import StateAt, StateQuery, StateStep
from secondtake.backend.services.runs import resolve_run
from secondtake.backend.store import memory
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


def fold_state(con: DuckDBPyConnection, query: StateQuery) -> StateAt:
    """Return the state of a run at its end, or after a step.

    Step 0 is the state before the first node; each later step is what one node changed at a time.

    Raises:
        NotFoundError: no run fits, or it has no such step.
        AmbiguousError: more than one run fits.
    """
    run_id = resolve_run(con, query.run)
    return state_at(run_id, memory.list_memory(con, run_id, scope="state"), step=query.step)


def state_at(run_id: UUID, rows: Sequence[MemoryRow], *, step: int | None) -> StateAt:
    """Fold `rows`, which are of scope `state` and in order, up to a step or to the end.

    Raises:
        NotFoundError: there is no such step.
    """
    groups = _steps(rows)
    last = len(groups) - 1
    wanted = last if step is None else step
    if wanted > last:
        raise NotFoundError(f"The run has no step {wanted}; its last is {last}.")
    values: dict[str, Any] = {}
    problems: list[str] = []
    for number, group in enumerate(groups[: wanted + 1]):
        for row in group:
            problem = _apply(values, row)
            if problem:
                problems.append(f"step {number}: {problem}")
    steps = [_step(number, group) for number, group in enumerate(groups)]
    return StateAt(
        run_id=run_id,
        step=wanted,
        steps=steps,
        values=values,
        changed=steps[wanted].keys,
        problems=problems,
    )


def _steps(rows: Sequence[MemoryRow]) -> list[list[MemoryRow]]:
    """Cut the rows where the node changes; the first step is before any node, maybe empty."""
    changes = [row for row in rows if row.operation in (*_FOLDS, "init", "set")]
    groups = [list(group) for _, group in groupby(changes, key=lambda row: row.span_id)]
    if not groups or groups[0][0].span_id is not None:
        groups.insert(0, [])
    return groups


def _step(number: int, group: Sequence[MemoryRow]) -> StateStep:
    return StateStep(
        step=number,
        span_id=group[0].span_id if group else None,
        node_path=group[0].node_path if group else None,
        keys=list(dict.fromkeys(row.key or "" for row in group)),
    )


def _apply(values: dict[str, Any], row: MemoryRow) -> str | None:
    """Change `values` as the row says, or return why that cannot be."""
    key = row.key or ""
    if row.operation in ("init", "set"):
        values[key] = row.value
        return None
    if values.get(key) is None:
        is_item = row.operation == "append" and not is_list(row.value)
        values[key] = [row.value] if is_item else row.value
        return None
    try:
        values[key] = _FOLDS[row.operation or ""](values[key], row.value)
    except TypeError:
        held, added = (_KINDS.get(type(v).__name__, "it") for v in (values[key], row.value))
        return f"`{row.operation}` cannot join {added} to {key!r}, which holds {held}"
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
