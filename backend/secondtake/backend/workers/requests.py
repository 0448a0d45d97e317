"""What the API may ask to be executed, and how that is checked before it is accepted.

Nothing here imports what a workflow names: the server checks with it and must run no code of
anybody. The worker that executes the request finds out what is left.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from secondtake.backend.models.executions import RunRequest
from secondtake.backend.models.replays import ReplayJob
from secondtake.runner.errors import UsageError
from secondtake.runner.narrow import is_list, is_object
from secondtake.runner.settings import Settings

if TYPE_CHECKING:
    from secondtake.runner.workflows.load import Workflow

MISSING_INPUT: Final = "give it in `inputs`"
_WORKFLOW_FIELDS: Final = {"workflow", "prompt", "tools", "overrides", "model"}
"""Fields of a request that say what workflow is executed."""
CODE_KEYS: Final = ("function", "workflow")
"""Keys of a node that name code, or another file."""
TOOL_KEYS: Final = ("tool", "tools")
"""Keys of a node that name tools; those with a colon are code."""


def find_by_name(name: str, settings: Settings) -> "Workflow":
    """Load a workflow of the workflows root by its name; a path is none.

    Raises:
        UsageError: there is none of this name, or its file is outside of the root.
        WorkflowError: it has problems.
    """
    from secondtake.runner.workflows.explain import did_you_mean
    from secondtake.runner.workflows.load import list_workflows, load_workflow

    root = settings.workflows_root
    known = list_workflows(settings)
    path = known.get(name)
    if path is None:
        cure = did_you_mean(name, known, none=f"{root} holds none")
        raise UsageError(
            f"There is no workflow {name!r}: over the API a workflow is the name of a file in "
            f"{root}, without its ending, never a path; {cure}"
        )
    if not path.resolve().is_relative_to(root.resolve()) or not path.is_file():
        raise UsageError(f"The workflow {name!r} is no file inside {root}; put a copy of it there.")
    return load_workflow(path, settings=settings)


def override_texts(overrides: Mapping[str, Any] | tuple[str, ...]) -> list[str]:
    """Return overrides as `PATH=VALUE`; texts are read as on the command line.

    Raises:
        UsageError: a path holds an equals sign.
    """
    if isinstance(overrides, tuple):
        return list(overrides)
    texts: list[str] = []
    for path, value in overrides.items():
        if "=" in path:
            raise UsageError(f"The override {path!r} is no path; write nodes.NODE.KEY.")
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        texts.append(f"{path}={shown}")
    return texts


def checked_name(request: RunRequest | ReplayJob, settings: Settings) -> str:
    """Return what a person calls a run that is asked for; refuse what is wrong.

    Raises:
        UsageError: see `check_request`; a replay was checked when its job was made.
    """
    return checked_names([request], settings)[0]


def checked_names(requests: Sequence[RunRequest | ReplayJob], settings: Settings) -> list[str]:
    """Return the name of each run that is asked for, see `checked_name`."""
    plain = [request for request in requests if isinstance(request, RunRequest)]
    names = iter([workflow.name for workflow in check_requests(plain, settings)])
    return [request.name if isinstance(request, ReplayJob) else next(names) for request in requests]


def check_request(request: RunRequest, settings: Settings) -> "Workflow":
    """Return the workflow that is asked for; refuse what is wrong without importing anything.

    Raises:
        UsageError: prompt, workflow, inputs, tools or overrides are wrong.
    """
    return check_requests([request], settings)[0]


def check_requests(requests: Sequence[RunRequest], settings: Settings) -> "list[Workflow]":
    """Check several as `check_request` does; what they have in common is read once.

    Raises:
        UsageError: one of them is wrong.
    """
    from secondtake.runner.workflows.overrides import convert_inputs

    read: dict[str, tuple[Workflow, dict[str, str]]] = {}
    for request in requests:
        asked = request.model_dump_json(include=_WORKFLOW_FIELDS)
        inputs = _given_inputs(request)
        if asked not in read:
            read[asked] = _changed(request, settings)
        workflow, texts = read[asked]
        convert_inputs(workflow.definition, inputs, texts, where=MISSING_INPUT)
    return [read[request.model_dump_json(include=_WORKFLOW_FIELDS)][0] for request in requests]


def _changed(request: RunRequest, settings: Settings) -> "tuple[Workflow, dict[str, str]]":
    """Return a workflow as it is to be executed, and the inputs that its overrides set."""
    from secondtake.runner.workflows.overrides import apply_overrides

    workflow = _asked_for(request, settings)
    chosen = [f"model={request.model}"] if request.model else []
    chosen += override_texts(request.overrides)
    changed, texts = apply_overrides(workflow, chosen, settings=settings)
    refuse_code(workflow.data, changed.data)
    return changed, texts


def refuse_code(before: Any, after: Any) -> None:
    """See that overrides name no code: over the API only files may.

    Args:
        before: the definition of a workflow.
        after: the same with the overrides.

    Raises:
        UsageError: they do.
    """
    added = set(_code_names(after)) - set(_code_names(before))
    if added:
        raise UsageError(
            f"The overrides name {', '.join(sorted(added))}: over the API only the workflow's "
            "file may name functions, own tools, tools that change something, and other workflows. "
            "Write it into the file."
        )


def _given_inputs(request: RunRequest) -> Mapping[str, Any]:
    """Return the inputs of a run.

    Raises:
        UsageError: it is not one of a workflow or a prompt, or a prompt has inputs.
    """
    if (request.workflow is None) == (request.prompt is None):
        raise UsageError("Name either a `workflow` or a `prompt`.")
    if request.workflow is not None:
        return request.inputs
    if request.inputs:
        raise UsageError("`inputs` goes with a `workflow`, not with a `prompt`.")
    return {"prompt": request.prompt or ""}


def _asked_for(request: RunRequest, settings: Settings) -> "Workflow":
    """Return the workflow that a request means."""
    from secondtake.runner.tools.registry import BUILT_IN, CHANGING
    from secondtake.runner.workflows.execute import prompt_workflow
    from secondtake.runner.workflows.explain import did_you_mean

    if request.workflow is not None:
        if request.tools:
            raise UsageError("`tools` goes with a `prompt`; a workflow names its own tools.")
        return find_by_name(request.workflow, settings)
    if not (request.prompt or "").strip():
        raise UsageError("The prompt is empty; say what the model should do.")
    for tool in request.tools:
        if tool not in BUILT_IN:
            cure = did_you_mean(tool, BUILT_IN)
            raise UsageError(f"There is no built-in tool {tool!r}; {cure}")
        if tool in CHANGING:
            raise UsageError(
                f"The tool {tool!r} changes something: over the API only a workflow's file may name "
                "it. Write a workflow, or use `secondtake run`."
            )
    return prompt_workflow(list(request.tools), with_system=False)


def _code_names(value: Any, key: str = "") -> Iterator[str]:
    """Yield what a definition names that is code, another file, or a tool that changes something."""
    from secondtake.runner.tools.registry import CHANGING

    if is_object(value):
        for name, item in value.items():
            yield from _code_names(item, name)
    elif is_list(value):
        for item in value:
            yield from _code_names(item, key)
    elif isinstance(value, str) and (
        key in CODE_KEYS or (key in TOOL_KEYS and (":" in value or value in CHANGING))
    ):
        yield value
