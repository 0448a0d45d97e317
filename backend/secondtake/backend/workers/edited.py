"""Code of the user that is edited while a worker stays warm."""

import importlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from types import ModuleType


class TrustedCode:
    """What a worker has imported of the trusted modules."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = prefixes
        self._since_ns = time.time_ns()
        self._marks: dict[str, tuple[int, int] | None] = {}

    def forget_edited(self) -> None:
        """Have all of it imported again when a file of it has changed; call it before each run.

        All, because modules hold what they imported from each other.
        """
        loaded = list(self._loaded())
        if any(self._is_edited(name, module) for name, module in loaded):
            for name, _ in loaded:
                del sys.modules[name]
            importlib.invalidate_caches()
            self._marks.clear()
            self._since_ns = time.time_ns()

    def note(self) -> None:
        """Remember the files as they are; call it after each run."""
        for name, module in self._loaded():
            self._marks.setdefault(name, _mark(module))

    def _is_edited(self, name: str, module: ModuleType) -> bool:
        mark = _mark(module)
        late = mark is not None and mark[0] > self._since_ns  # maybe during the run that loaded it
        return late or mark != self._marks.get(name, mark)

    def _loaded(self) -> Iterator[tuple[str, ModuleType]]:
        for name, module in list(sys.modules.items()):
            if any(name == prefix or name.startswith(f"{prefix}.") for prefix in self._prefixes):
                yield name, module


def _mark(module: ModuleType) -> tuple[int, int] | None:
    """Return time and size of a module's file, None when it has none."""
    path = getattr(module, "__file__", None)
    if path is None:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
