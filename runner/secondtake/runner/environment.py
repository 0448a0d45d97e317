"""What a run ran in: git commit, python, packages, command line. No process is started for it."""

import configparser
import platform
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = (
    "secondtake", "anthropic", "langchain-core", "langgraph", "litellm", "mcp", "openai",
    "pydantic", "pydantic-ai-slim",
)  # fmt: skip


def describe_environment(*, with_arguments: bool = True) -> dict[str, Any]:
    """Return `{"python", "platform", "argv", "packages", "git"}` of this process.

    The arguments of the command line may hold a prompt: without them, `argv` is the program alone.
    """
    return {
        "python": platform.python_version(),
        "platform": sys.platform,
        "argv": list(sys.argv) if with_arguments else sys.argv[:1],
        "packages": _packages(),
        "git": _git(Path.cwd()),
    }


@lru_cache(maxsize=1)
def _packages() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@lru_cache(maxsize=8)
def _git(folder: Path) -> dict[str, str] | None:
    """Read commit, branch and remote from the files of the checkout around `folder`."""
    for parent in (folder, *folder.parents):
        git = parent / ".git"
        if git.is_dir():
            try:
                return _read_git(git)
            except (OSError, UnicodeDecodeError, configparser.Error):
                return None
    return None


def _read_git(git: Path) -> dict[str, str]:
    head = (git / "HEAD").read_text().strip()
    facts: dict[str, str] = {}
    if head.startswith("ref: "):
        reference = head.removeprefix("ref: ")
        facts["branch"] = reference.removeprefix("refs/heads/")
        commit = _resolve(git, reference)
    else:
        commit = head
    if commit:
        facts["commit"] = commit
    config = configparser.ConfigParser(strict=False, interpolation=None)
    config.read_string(_dedented((git / "config").read_text()))
    if config.has_option('remote "origin"', "url"):
        facts["remote"] = config.get('remote "origin"', "url")
    return facts


def _resolve(git: Path, reference: str) -> str | None:
    loose = git / reference
    if loose.is_file():
        return loose.read_text().strip()
    packed = git / "packed-refs"
    if packed.is_file():
        for line in packed.read_text().splitlines():
            commit, _, name = line.partition(" ")
            if name == reference:
                return commit
    return None


def _dedented(text: str) -> str:
    """Git indents its options, which configparser would read as continued lines."""
    return "\n".join(line.strip() for line in text.splitlines())
