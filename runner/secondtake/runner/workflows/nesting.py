"""Nested workflows: finding their files, loading them, and checking what is handed to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from secondtake.runner.errors import WorkflowError
from secondtake.runner.settings import Settings
from secondtake.runner.workflows.explain import did_you_mean
from secondtake.runner.workflows.schema import Definition, WorkflowNode
from secondtake.runner.workflows.source import Keys, Source

if TYPE_CHECKING:
    from secondtake.runner.workflows.load import Workflow

SUFFIXES: Final = (".yaml", ".yml")
DEPTH_MAX: Final = 10


@dataclass(frozen=True, kw_only=True)
class Nesting:
    """Where a file is that is being loaded, and what was loaded for the files around it."""

    path: Path | None
    """None for a workflow that is given as text; it nests those of the workflows root."""
    settings: Settings
    load: "Callable[[Path, Nesting], Workflow]"
    opened: tuple[Path, ...] = ()
    """The files that this one is nested in, outermost first."""
    loaded: "dict[Path, Workflow]" = field(default_factory=dict[Path, "Workflow"])
    recorded: "Mapping[str, Workflow]" = field(default_factory=dict[str, "Workflow"])
    """The nested workflows of a recording by their nodes, which are no files."""

    def inside(self, path: Path) -> "Nesting":
        """Return the place of a file that this one nests."""
        opened = (*self.opened, self.path.resolve()) if self.path else self.opened
        return replace(self, path=path, opened=opened)


def load_nested(source: Source, definition: Definition, nesting: Nesting) -> "dict[str, Workflow]":
    """Load what the workflow nodes name, and note every problem with it at its node."""
    found: dict[str, Workflow] = {}
    for name, node in definition.nodes.items():
        if not isinstance(node, WorkflowNode):
            continue
        keys: Keys = ("nodes", name, "workflow")
        try:
            recorded = nesting.recorded.get(name)
            found[name] = recorded or _load(node.workflow, nesting)
        except ValueError as error:
            source.report(keys, str(error))
        except WorkflowError as error:
            for problem in error.problems:
                source.report(keys, f"in the nested workflow: {problem}")
        else:
            _check_inputs(source, name, node, found[name].definition)
            _check_output(source, name, node, found[name].definition)
    return found


def _load(reference: str, nesting: Nesting) -> "Workflow":
    path = resolve(reference, nesting.path, nesting.settings)
    inside = nesting.inside(path)
    if path in inside.opened:
        names = [each.name for each in inside.opened[inside.opened.index(path) :]]
        round_trip = " -> ".join([*names, path.name])
        raise ValueError(f"a workflow cannot nest itself ({round_trip}); use a loop in one file")
    if len(inside.opened) > DEPTH_MAX:
        raise ValueError(f"nested more than {DEPTH_MAX} deep; make it flatter")
    if path not in nesting.loaded:
        nesting.loaded[path] = nesting.load(path, inside)
    return nesting.loaded[path]


def resolve(reference: str, path: Path | None, settings: Settings) -> Path:
    """Return the file that a workflow node names.

    A name is looked for beside the file and in the workflows root; a file is relative to the
    file that names it. Nothing outside of these two folders is opened.

    Raises:
        ValueError: there is none, or it is outside; the text ends with the cure.
    """
    root = settings.workflows_root
    beside = path.parent if path is not None else root
    is_file = Path(reference).suffix in SUFFIXES or len(Path(reference).parts) > 1
    if is_file:
        candidates = [beside / reference]
    else:
        folders = [beside, root]
        candidates = [folder / f"{reference}{end}" for folder in folders for end in SUFFIXES]
    allowed = {beside.resolve(), root.resolve()}
    for candidate in candidates:
        real = candidate.resolve()
        if Path(reference).is_absolute() or not any(map(real.is_relative_to, allowed)):
            text = f"`{reference}` is outside of this file's folder and of the workflows root"
            raise ValueError(f"{text}; move the file there, and name it relative to this one")
        if real.is_file():
            return real
    raise ValueError(f"no workflow `{reference}`; {_known(beside, root, is_file=is_file)}")


def _known(beside: Path, root: Path, *, is_file: bool) -> str:
    names: set[str] = set()
    for folder in (beside,) if is_file else (beside, root):
        if folder.is_dir():
            files = [each for each in folder.iterdir() if each.suffix in SUFFIXES]
            names |= {each.name if is_file else each.stem for each in files}
    return f"looked for in {beside}, where " + did_you_mean("", names, none="there are none")


def _check_inputs(source: Source, name: str, node: WorkflowNode, inner: Definition) -> None:
    for given in node.inputs:
        if given not in inner.inputs:
            cure = did_you_mean(given, inner.inputs, none="it has no inputs")
            text = f"`{inner.name}` has no input `{given}`; {cure}"
            source.report(("nodes", name, "inputs", given), text, of_key=True)
    for wanted, described in inner.inputs.items():
        if described.required and wanted not in node.inputs:
            text = f"`{inner.name}` needs the input `{wanted}`; add `{wanted}: VALUE` to `inputs`"
            source.report(("nodes", name, "inputs"), text)


def _check_output(source: Source, name: str, node: WorkflowNode, inner: Definition) -> None:
    if not isinstance(node.output, Mapping):
        return
    keys: Keys = ("nodes", name, "output")
    if isinstance(inner.output, str):
        text = f"the output of `{inner.name}` is `{inner.output}` alone; write one state key"
        source.report(keys, text)
        return
    fields = inner.output or list(inner.state)
    for key, wanted in node.output.items():
        if wanted not in fields:
            text = f"`{inner.name}` has no output `{wanted}`; {did_you_mean(wanted, fields)}"
            source.report((*keys, key), text)
