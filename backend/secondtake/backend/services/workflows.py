"""The workflows of the workflows root, for whoever wants to run one."""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from secondtake.backend.models.workflows import WorkflowInfo, WorkflowInput, WorkflowList
from secondtake.runner.errors import SecondTakeError, WorkflowError
from secondtake.runner.jsonable import to_json_value
from secondtake.runner.settings import Settings

Signature = tuple[tuple[str, int, int], ...]

LISTS_KEPT: Final = 8

_lock = threading.Lock()
_lists: dict[tuple[object, ...], tuple[Signature, WorkflowList]] = {}


def list_workflows(settings: Settings) -> WorkflowList:
    """Return every workflow of the root, also those that have problems.

    Files are read again when one of them has changed.
    """
    from secondtake.runner.workflows.load import list_workflows as list_files

    files = list_files(settings)
    signature = _signature(files)
    key = (settings.workflows_root, settings.trusted_modules)
    with _lock:
        known = _lists.get(key)
    if known is not None and known[0] == signature:
        return known[1]
    items = [_describe(name, path, settings) for name, path in files.items()]
    made = WorkflowList(items=sorted(items, key=lambda item: item.name))
    with _lock:
        if len(_lists) >= LISTS_KEPT:
            _lists.clear()
        _lists[key] = (signature, made)
    return made


def _signature(files: Mapping[str, Path]) -> Signature:
    """Return what tells whether any file has changed; a workflow may be nested in another."""
    seen: list[tuple[str, int, int]] = []
    for path in files.values():
        try:
            status = path.stat()
        except OSError:
            continue
        seen.append((str(path), status.st_mtime_ns, status.st_size))
    return tuple(sorted(seen))


def _describe(name: str, path: Path, settings: Settings) -> WorkflowInfo:
    from secondtake.backend.workers.requests import find_by_name

    try:
        definition = find_by_name(name, settings).definition
    except WorkflowError as error:
        return _broken(name, [text.replace(str(path), path.name) for text in error.problems])
    except SecondTakeError as error:
        return _broken(name, [error.message])
    inputs = [
        WorkflowInput(
            name=each,
            type=described.type,
            description=described.description,
            required=described.required,
            default=to_json_value(described.default),
        )
        for each, described in definition.inputs.items()
    ]
    return WorkflowInfo(
        name=name,
        title=definition.name,
        description=definition.description,
        inputs=inputs,
        nodes=list(definition.nodes),
        problems=[],
    )


def _broken(name: str, problems: list[str]) -> WorkflowInfo:
    return WorkflowInfo(
        name=name, title=None, description=None, inputs=[], nodes=[], problems=problems
    )
