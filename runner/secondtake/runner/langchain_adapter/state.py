"""The state of a LangGraph graph as it is recorded: what each step changed, when it had ended."""

import contextlib
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast
from weakref import WeakKeyDictionary

from secondtake.runner.context import RunContext, current
from secondtake.runner.langchain_adapter.graphs import is_own_node, place_of
from secondtake.runner.langchain_adapter.said import plain


@dataclass(kw_only=True)
class _Known:
    """What is recorded of a graph's state already."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    has_begun: bool = False


_known: Final[WeakKeyDictionary[Any, _Known]] = WeakKeyDictionary()
_MISSING: Final = object()


def step_gate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a twin of `PregelLoop.after_tick` that records what the step changed."""

    @functools.wraps(original)
    def gated(self: Any) -> Any:
        here = current()
        if here is None or any(is_own_node(name) for name in self.nodes):
            return original(self)
        writers = _writers(here, self)
        result = original(self)
        try:
            _record(here, self, writers)
        except Exception as fault:  # noqa: BLE001 - recording must not break the run
            here.run.fault("the state of a graph", fault)
        return result

    return gated


def _writers(here: RunContext, loop: Any) -> dict[str, RunContext]:
    """Return the node that wrote each key last in this step."""
    found: dict[str, RunContext] = {}
    for task in loop.tasks.values():
        place = place_of(here.run, task.id)
        if place is not None and place.context is not None:
            found |= {channel: place.context for channel, _ in task.writes}
    return found


def _record(here: RunContext, loop: Any, writers: Mapping[str, RunContext]) -> None:
    known = _known.get(loop)
    if known is None:
        known = _known[loop] = _Known()
    now = _values(loop)
    for name, value in now.items():
        before = known.values.get(name, _MISSING)
        if before is value and name not in writers:
            continue
        change = _appended(before, value) if known.has_begun else None
        operation: Literal["init", "set", "append"]
        operation = "append" if change else "set" if known.has_begun else "init"
        if change == []:
            continue
        said = plain(value if change is None else change)
        _write(here, operation, name, said, writers.get(name))
    known.values = {
        name: list(cast(list[Any], value)) if isinstance(value, list) else value
        for name, value in now.items()
    }
    known.has_begun = True


def _values(loop: Any) -> dict[str, Any]:
    """Return what the channels of the state hold; an empty one holds nothing."""
    from langgraph.errors import EmptyChannelError

    keys: Any = loop.output_keys
    found: dict[str, Any] = {}
    for name in [keys] if isinstance(keys, str) else list(keys):
        with contextlib.suppress(EmptyChannelError, KeyError):
            found[name] = loop.channels[name].get()
    return found


def _appended(before: Any, value: Any) -> list[Any] | None:
    """Return what a list has more than before; None when it is not the list of before and more."""
    if not isinstance(before, list) or not isinstance(value, list):
        return None
    old, new = cast(list[Any], before), cast(list[Any], value)
    if len(new) < len(old) or any(one is not two for one, two in zip(old, new, strict=False)):
        return None
    return new[len(old) :]


def _write(
    here: RunContext,
    operation: Literal["init", "set", "append"],
    name: str,
    value: Any,
    writer: RunContext | None,
) -> None:
    if here.node_path is None:
        here.run.record_state(operation, name, value, context=writer)
    else:
        key = f"{here.node_path}/{name}"
        here.run.record_state(operation, key, value, context=writer or here, scope="node")
