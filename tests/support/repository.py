"""Where the project's own files are, for the tests that check rules on them."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[2]
ROOMS: Final = ("backend", "evals", "runner", "studio")


@cache
def project_files() -> tuple[Path, ...]:
    """Return every file of the project, those included that are not yet in git."""
    listed = subprocess.run(
        [
            "git",
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (REPOSITORY / name for name in sorted(set(listed.stdout.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file())


def python_files(*folders: str) -> Iterator[Path]:
    """Yield the Python files below these folders of the project."""
    for path in project_files():
        if path.suffix == ".py" and path.relative_to(REPOSITORY).parts[0] in folders:
            yield path


def named(path: Path) -> str:
    """Return the path as a reader of a failure wants it: from the project's root."""
    return path.relative_to(REPOSITORY).as_posix()
