"""Loading, finding and describing workflows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from secondtake.runner.errors import UsageError, WorkflowError
from secondtake.runner.hashing import value_hash
from secondtake.runner.settings import Settings, load_settings
from secondtake.runner.tools.registry import BUILT_IN
from secondtake.runner.workflows.checks import check_definition
from secondtake.runner.workflows.explain import did_you_mean, report_validation
from secondtake.runner.workflows.nesting import SUFFIXES, Nesting, load_nested
from secondtake.runner.workflows.references import Names
from secondtake.runner.workflows.salvage import check_the_rest
from secondtake.runner.workflows.schema import Definition
from secondtake.runner.workflows.source import Source, parse_source, read_source


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow that was read and checked."""

    definition: Definition
    data: Mapping[str, Any]
    """The definition as the file says it, overrides applied: what is recorded and hashed."""
    source: str
    """The text of the file."""
    path: Path | None = None
    hash: str = ""
    """Hash of the file's definition, comments and overrides aside."""
    overrides: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What was set from outside, by path."""
    nested: "Mapping[str, Workflow]" = field(default_factory=dict[str, "Workflow"])
    """The workflow of each workflow node."""
    is_recorded: bool = False
    """True of one out of a recording: its nested ones are those of the recording, not of files."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.definition.name


def load_workflow(path: Path | str, *, settings: Settings | None = None) -> Workflow:
    """Read and check a workflow file.

    Args:
        path: The file.
        settings: Says which modules are trusted; those of the working directory when left out.

    Raises:
        WorkflowError: it has problems; all of them, each with its place.
    """
    path = Path(path)
    nesting = Nesting(path=path, settings=settings or load_settings(), load=_load_nested)
    return _build(read_source(path), nesting)


def _load_nested(path: Path, nesting: Nesting) -> Workflow:
    return _build(read_source(path), nesting)


def parse_workflow(text: str, *, name: str, settings: Settings) -> Workflow:
    """Check a workflow that is given as text.

    Raises:
        WorkflowError: it has problems.
    """
    nesting = Nesting(path=None, settings=settings, load=_load_nested)
    return _build(parse_source(text, name=name), nesting)


def _build(source: Source, nesting: Nesting) -> Workflow:
    definition, nested = check_source(source, nesting)
    inner = {name: workflow.hash for name, workflow in nested.items()}
    hashed = {"definition": source.data, "nested": inner} if inner else source.data
    return Workflow(
        definition=definition,
        data=source.data,
        source=source.text,
        path=nesting.path,
        hash=value_hash(hashed),
        nested=nested,
    )


def nesting_of(workflow: Workflow, settings: Settings) -> Nesting:
    """Return what is needed to check a workflow again when it was changed."""
    recorded: Mapping[str, Workflow] = workflow.nested if workflow.is_recorded else {}
    return Nesting(path=workflow.path, settings=settings, load=_load_nested, recorded=recorded)


def check_source(
    source: Source, nesting: Nesting, *, tools: Sequence[str] = ()
) -> tuple[Definition, dict[str, Workflow]]:
    """Return the definition that a source holds, and what its workflow nodes name.

    Args:
        source: What was read.
        nesting: Where, and the settings that say which modules are trusted.
        tools: Names of tools that there are beside the built-in ones.

    Raises:
        WorkflowError: it has problems.
    """
    names = Names(trusted_modules=nesting.settings.trusted_modules, tools=(*BUILT_IN, *tools))
    try:
        definition = Definition.model_validate(source.data)
    except ValidationError as error:
        report_validation(source, error)
        check_the_rest(source, names)
        source.raise_problems()
        raise  # unreachable: there was at least one problem
    check_definition(source, definition, names)
    nested = load_nested(source, definition, nesting)
    source.raise_problems()
    return definition, nested


def find_workflow(name_or_path: str, settings: Settings) -> Workflow:
    """Load a workflow by path, or by its name in the workflows root.

    Raises:
        UsageError: there is none.
        WorkflowError: it has problems.
    """
    path = Path(name_or_path)
    if path.exists() or path.suffix in SUFFIXES or len(path.parts) > 1:
        if not path.exists():
            raise UsageError(f"There is no file {name_or_path}{_beside(path)}")
        return load_workflow(path, settings=settings)
    known = list_workflows(settings)
    if name_or_path not in known:
        folder = settings.workflows_root
        cure = did_you_mean(name_or_path, known, none=f"{folder} holds none")
        raise UsageError(f"There is no workflow `{name_or_path}` in {folder}; {cure}")
    return load_workflow(known[name_or_path], settings=settings)


def list_workflows(settings: Settings) -> dict[str, Path]:
    """Return the files of the workflows root by the name they are called by: the file's stem."""
    folder = settings.workflows_root
    if not folder.is_dir():
        return {}
    files = (file for file in sorted(folder.iterdir()) if file.suffix in SUFFIXES)
    return {file.stem: file for file in files}


def workflow_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of workflow files, for editors."""
    schema = Definition.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Second Take workflow"
    described: dict[str, Any] = json.loads(json.dumps(schema))
    return described


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}"
    names = [file.name for file in path.parent.iterdir() if file.suffix in SUFFIXES]
    cure = did_you_mean(path.name, names)
    return f"; {cure}" if cure else "; the folder holds no workflows"


def load_problems(path: Path, *, settings: Settings) -> list[str]:
    """Return the problems of a workflow file; none when it is fine."""
    try:
        load_workflow(path, settings=settings)
    except WorkflowError as error:
        return error.problems
    return []
