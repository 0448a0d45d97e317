"""Where in a workflow something happened, in words. Pure: no page, no client."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from secondtake.backend.formats import one_line
from secondtake.backend.models.records import NodeTiming

TITLE_CHARS: Final = 200
UNNAMED: Final = "conversation"
"""Of what happened in no node."""

_STEP: Final = re.compile(r"(?P<node>.+?)\[(?P<visit>\d+)(?::(?P<branch>[^\]]+))?\]")
_LAST: Final = datetime.max.replace(tzinfo=UTC)


def number_branches(nodes: Iterable[NodeTiming]) -> dict[str, str]:
    """Return for the path of each branch of a fan-out which one it is: `branch 2 of 3`."""
    siblings: dict[tuple[str, str, str], dict[str, None]] = defaultdict(dict)
    for node in sorted(nodes, key=lambda node: node.started_at or _LAST):
        above, _, step = (node.node_path or "").rpartition("/")
        found = _STEP.fullmatch(step)
        if found and found["branch"] and node.node_path:
            siblings[above, found["node"], found["visit"]][node.node_path] = None
    return {
        path: f"branch {number} of {len(paths)}"
        for paths in siblings.values()
        for number, path in enumerate(paths, start=1)
    }


def name_of_path(node_path: str | None, branches: Mapping[str, str]) -> str:
    """Return a path in words: `search · branch 2 of 3`, `triage / classify · visit 2`."""
    if not node_path:
        return UNNAMED
    steps: list[str] = []
    above: list[str] = []
    for step in node_path.split("/"):
        above.append(step)
        steps.append(_name_of_step(step, branches.get("/".join(above))))
    line = one_line(" / ".join(steps)[: 2 * TITLE_CHARS])
    return line if len(line) <= TITLE_CHARS else f"{line[:TITLE_CHARS]}…"


def _name_of_step(step: str, branch: str | None) -> str:
    found = _STEP.fullmatch(step)
    if found is None:
        return step
    parts = [found["node"]]
    if found["visit"] != "1":
        parts.append(f"visit {found['visit']}")
    if branch:
        parts.append(branch)
    return " · ".join(parts)
