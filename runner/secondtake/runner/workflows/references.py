"""Names that a workflow mentions: state keys that are written, functions that are imported."""

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_object
from secondtake.runner.workflows.graph import Graph
from secondtake.runner.workflows.schema import END, START, VISITS, Definition

RESERVED: Final = frozenset({START, END, VISITS, "loop", "self", "super", "true", "false", "none",
                             "null", "not", "and", "or", "in", "is", "if", "else", "for"})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a workflow may refer to outside of itself."""

    trusted_modules: Sequence[str]
    tools: Sequence[str]


def output_keys(output: Any) -> list[str]:
    """Return the state keys that a node writes."""
    if is_object(output):
        return list(output)
    return [output] if output else []


def written_too_late(
    key: str, node: str, definition: Definition, graph: Graph, *, at_end: bool = False
) -> str | None:
    """Return what is wrong with reading a key when `node` begins, or when it has ended.

    None when the key holds something then, as far as the edges tell.
    """
    state = definition.state.get(key)
    if state is None or state.has_default or state.reducer != "replace":
        return None
    writers = [name for name, each in definition.nodes.items() if key in output_keys(each.output)]
    if set(writers) & (graph.before(node) | ({node} if at_end else set())):
        return None
    when = f"when `{node}` {'ends' if at_end else 'begins'}" if node != START else "at START"
    late = f"let `{writers[0]}` run before" if writers else "let a node write it"
    return f"`{key}` has no value {when}; give it a default, or {late}"


def check_trusted(reference: str, trusted_modules: Sequence[str]) -> str | None:
    """Return what is wrong with a `module:function`, None when it may be imported."""
    module, _, function = reference.partition(":")
    parts = [*module.split("."), function]
    if not all(part.isidentifier() for part in parts):
        return f"`{reference}` is not `module:function`; write for example `my_agent.steps:clean`"
    for prefix in trusted_modules:
        if module == prefix or module.startswith(f"{prefix}."):
            return None
    return (
        f"module `{module}` is not trusted; add it to `modules` in the [trusted] table of "
        "secondtake.toml"
    )


def require_trusted(reference: str, trusted_modules: Sequence[str]) -> None:
    """Raise when a `module:function` may not be imported.

    Raises:
        UsageError: it is malformed, or its module is not trusted.
    """
    if problem := check_trusted(reference, trusted_modules):
        raise UsageError(f"{problem[0].upper()}{problem[1:]}.")


def import_function(
    reference: str, *, trusted_modules: Sequence[str], base: Path
) -> Callable[..., Any]:
    """Import a `module:function` from the folder of secondtake.toml or from what is installed.

    Raises:
        UsageError: not trusted, not there, or its import fails.
    """
    require_trusted(reference, trusted_modules)
    module_name, _, name = reference.partition(":")
    if str(base) not in sys.path:
        # Stays: the module may import its neighbours later, inside its functions.
        sys.path.insert(0, str(base))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UsageError(
            f"Cannot import `{module_name}`: {type(error).__name__}: {error}. It is looked for in "
            f"{base} and among the installed packages."
        ) from error
    function: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise UsageError(
            f"`{module_name}` has no function `{name}`; it has: {', '.join(sorted(known)) or 'none'}."
        )
    return function
