"""Finding the other problems of a file whose form is wrong in some places.

The malformed parts are replaced by harmless ones, the checks run on that, and what they say of
the replaced parts is dropped: so a user sees all problems at once and not one round after another.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from pydantic import ValidationError

from secondtake.runner.narrow import is_object
from secondtake.runner.workflows.checks import check_definition
from secondtake.runner.workflows.references import Names
from secondtake.runner.workflows.schema import Definition
from secondtake.runner.workflows.source import Keys, Source

NAMED_PARTS: Final = ("inputs", "nodes", "state")


def check_the_rest(source: Source, names: Names) -> None:
    """Add the problems of the well-formed parts of a file to those that are known."""
    touched = {problem.keys[:2] for problem in source.problems}
    definition = _salvaged(source.data, touched)
    if definition is None:
        return
    scratch = replace(source, problems=[])
    check_definition(scratch, definition, names)
    source.problems.extend(p for p in scratch.problems if p.keys[:2] not in touched)


def _salvaged(data: Any, touched: Iterable[Keys]) -> Definition | None:
    """Return a definition without the malformed parts; None when too little is left."""
    kept = copy.deepcopy(data)
    for keys in touched:
        if len(keys) == 2 and keys[0] in NAMED_PARTS and is_object(kept[keys[0]]):
            part = kept[keys[0]]
            part[keys[1]] = _stand_in(str(keys[0]), part.get(keys[1]))
        elif keys == ("name",):
            kept["name"] = "unnamed"
        elif keys and keys[0] not in ("edges", "nodes"):
            kept.pop(keys[0], None)
        else:
            return None
    try:
        return Definition.model_validate(kept)
    except ValidationError:
        return None


def _stand_in(section: str, malformed: Any) -> dict[str, Any]:
    if section != "nodes":
        return {"type": "any", "default": 0}  # holds something, so that no use of it is wrong
    output = malformed.get("output") if is_object(malformed) else None
    node: dict[str, Any] = {"kind": "tool", "tool": "calculator"}
    return {**node, "output": output} if output and isinstance(output, str) else node
