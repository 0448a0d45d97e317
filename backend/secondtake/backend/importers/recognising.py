"""Says which other importer a file fits that was given to the wrong one."""

from collections.abc import Mapping
from typing import Any, Final

from secondtake.backend.importers.files import shape_of
from secondtake.runner.narrow import is_list, is_object

_OBJECT_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "mini-swe-agent": ("messages", "trajectory_format"),
    "swe-agent": ("history",),
    "inspect": ("eval", "status"),
}
"""The keys that an object of each format has."""
_ITEM_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "tau-bench": ("task_id", "reward", "traj"),
    "mini-swe-agent": ("role", "content"),
}
"""The keys that the items of a list of each format have."""


def found_instead(value: Any, *, asked: str) -> str:
    """Say what a file holds that is not of the format `asked`, and which importer reads it.

    Returns:
        Words that follow "it holds".
    """
    fits = format_of(value)
    found = shape_of(value)
    if fits is None or fits == asked:
        return found
    return f"{found}, which looks like {fits}: try `secondtake import {fits}`"


def format_of(value: Any) -> str | None:
    """Return the format that a whole file's JSON looks like; None when it is none of these."""
    known, first = _OBJECT_KEYS, value
    if is_list(value):
        known, first = _ITEM_KEYS, value[0] if value else None
    if not is_object(first):
        return None
    fitting = (name for name, keys in known.items() if all(key in first for key in keys))
    return next(fitting, None)
