"""The documentation tells what is so."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.support.reference import FOLDER, PAGES, event_classes, tables, views
from tests.support.repository import REPOSITORY, named, project_files

from secondtake.backend.cli.main import COMMANDS
from secondtake.backend.local import LocalBackend
from secondtake.backend.models.runs import RunQuery
from secondtake.runner import events
from secondtake.runner.settings import OPTIONS, load_settings
from secondtake.runner.workflows.load import load_workflow

README: Final = REPOSITORY / "README.md"
RECORDING: Final = REPOSITORY / "docs" / "recording.md"
README_LINES_MAX: Final = 150
DECISION_LINES_MAX: Final = 45

_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE: Final = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_HEADING: Final = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"```python\n(.*?)```", re.DOTALL)
_COMMAND: Final = re.compile(r"(?:^|[`$ ]|bin/)secondtake ([a-z][a-z-]*)\b", re.MULTILINE)
_TARGET: Final = re.compile(r"(?:^|[`$ ])make ([a-z0-9]+)\b", re.MULTILINE)


def markdown_files() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


def anchors(path: Path) -> set[str]:
    """Return the anchors that a page's headings get."""
    headings = _HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def broken_links(path: Path) -> Iterator[str]:
    for target in _LINK.findall(_CODE.sub("", path.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        aim = (path.parent / name).resolve() if name else path
        if not aim.exists() or (anchor and anchor not in anchors(aim)):
            yield f"{named(path)}: {target}"


def code_of(path: Path) -> str:
    return "\n".join(_CODE.findall(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", PAGES)
def test_the_reference_is_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), (
        "make it again: .venv/bin/python -m tests.support.reference"
    )


def test_every_command_table_column_event_and_setting_is_in_the_reference() -> None:
    commands, columns, kinds, settings = (
        (FOLDER / name).read_text(encoding="utf-8")
        for name in ("commands.md", "tables.md", "events.md", "settings.md")
    )
    assert len(tables()) > 15
    assert all(f"## secondtake {name}\n" in commands for name in COMMANDS)
    assert all(f"## {name}\n" in columns for name in tables())
    assert all(f"| `{name}` |" in columns for made in tables().values() for name in made)
    assert all(f"`{name}`" in columns for name in views())
    assert all(f"## {kind}\n" in kinds for kind in events.TABLES)
    assert len(event_classes()) == len(events.TABLES)
    assert all(option.variable in settings for option in OPTIONS)


@pytest.mark.parametrize("path", markdown_files(), ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    assert list(broken_links(path)) == []


@pytest.mark.parametrize("path", markdown_files(), ids=named)
def test_commands_and_targets_that_are_named_exist(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9]+):", makefile, flags=re.MULTILINE))
    assert set(_COMMAND.findall(code_of(path))) - set(COMMANDS) == set()
    assert set(_TARGET.findall(code_of(path))) - targets == set()


@pytest.mark.parametrize("number", range(len(_EXAMPLE.findall(RECORDING.read_text("utf-8")))))
def test_the_examples_of_the_recording_guide_run_and_are_recorded(home: Path, number: int) -> None:
    example = _EXAMPLE.findall(RECORDING.read_text(encoding="utf-8"))[number]
    result = subprocess.run(
        [sys.executable, "-c", example],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    page = LocalBackend(load_settings()).list_runs(RunQuery())
    assert [run.recording_faults for run in page.items] == [0]


def test_the_workflow_in_the_readme_is_valid(tmp_path: Path) -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "hello.yaml").write_text(example, encoding="utf-8")
    assert load_workflow(tmp_path / "hello.yaml").name == "hello"


def test_the_readme_and_the_decisions_stay_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= README_LINES_MAX
    decisions = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [
        f"{number:04}" for number in range(1, len(decisions) + 1)
    ]
    for path in decisions:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= DECISION_LINES_MAX, named(path)


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8")))
        local = [link for link in links if "://" not in link]
        waiting += [(page.parent / link.partition("#")[0]).resolve() for link in local]
    pages = {path for path in markdown_files() if named(path).startswith("docs/")}
    assert {named(path) for path in pages - reached} == set()
