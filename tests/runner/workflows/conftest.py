"""What the tests of workflows share."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from uuid import uuid4

import pytest

from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.workflows.load import Workflow, parse_workflow


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings of an empty home that trust no module."""
    return load_settings()


@pytest.fixture
def steps(home: Path, tmp_path: Path) -> Callable[[str], str]:
    """Write a module of python nodes and trust it; returns its name, new in each test."""
    name = f"steps_{uuid4().hex}"

    def write(code: str) -> str:
        (tmp_path / f"{name}.py").write_text(dedent(code), encoding="utf-8")
        toml = f'[trusted]\nmodules = ["{name}"]\n[tools]\nfiles_root = "files"\n'
        (tmp_path / "secondtake.toml").write_text(toml, encoding="utf-8")
        (tmp_path / "files").mkdir(exist_ok=True)
        return name

    return write


def parse(text: str, settings: Settings) -> Workflow:
    """Parse the text of a workflow."""
    return parse_workflow(dedent(text), name="w.yaml", settings=settings)
