"""What can be different in what a program asks, checked before the program is started.

The program itself is not edited. Where our code stands between it and its models, the request is
another one: at the wire, in LiteLLM's functions, in LangChain's chat models. A function of the
program's own asks as it was written.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final, Literal

from secondtake.runner.errors import UsageError
from secondtake.runner.events import LlmCall
from secondtake.runner.litellm_calls import THROUGH
from secondtake.runner.narrow import is_object
from secondtake.runner.replay.changes import SHORT, Changes
from secondtake.runner.replay.recording import Recording
from secondtake.runner.replay.requests import Plain

Through = Literal["wire", "litellm", "langchain", "function"]
"""By whom a program asks: `function` is one of its own, which nobody can change from outside."""

AT_THE_WIRE: Final = "wrap"
"""Source of a run that was recorded at the wire."""
LIBRARIES: Final = ("litellm", "langchain")
OF_ANSWERS: Final = ("tool_calls", "llm_calls", "tools")
OF_REQUESTS: Final = ("model", "parameters", "system", *SHORT)
POSSIBLE: Final = (
    "model, temperature, parameters.NAME, system, tools.NAME, llm_calls.N.messages.I, "
    "llm_calls.N.answer, tool_calls.N.result"
)


def through_of(recording: Recording, call: LlmCall) -> Through | None:
    """Return by whom a recorded call was made; None when it failed, so that nothing tells it."""
    if recording.start.source == AT_THE_WIRE:
        return "wire"
    extra: Any = call.extra if is_object(call.extra) else {}
    if "langchain" in extra:
        return "langchain"
    if extra.get(THROUGH) == "litellm":
        return "litellm"
    return "function" if call.output_message_ids and call.error_type is None else None


def check_program_changes(changes: Changes, recording: Recording) -> Plain:
    """Return what is to be different in requests.

    Raises:
        UsageError: a change is none that can be made of what a program does from outside.
    """
    overrides = changes.options.overrides
    for path in overrides:
        if path.partition(".")[0] not in (*OF_ANSWERS, *OF_REQUESTS):
            raise UsageError(
                f"--set {path}: a program decides itself what it does; change the program. Here "
                f"can be changed: {POSSIBLE}."
            )
    if recording.start.source == AT_THE_WIRE:
        _refuse_results(overrides)
    else:
        changes = replace(changes, options=replace(changes.options, from_node=None))
    plain = Plain.of(changes, recording)
    if plain != Plain():
        path = next(path for path in overrides if changes_requests(path))
        _check_reachable(path, recording, range(1, len(recording.llm_calls) + 1))
    for edit in changes.options.messages:
        path = f"llm_calls.{edit.call}.messages.{edit.index}"
        _check_reachable(path, recording, [edit.call])
    if plain.model is not None:
        _check_model(plain.model, recording)
    _check_parameters(plain, recording)
    return plain


def changes_requests(path: str) -> bool:
    """Tell whether a path is about what models are asked, in all calls."""
    section, *rest = path.split(".")
    return section in OF_REQUESTS or (
        section == "tools" and (len(rest) == 1 or rest[1:] == ["description"])
    )


def parameter_of(path: str) -> str | None:
    """Return the parameter that a path names; None for another path."""
    section, _, rest = path.partition(".")
    return rest if section == "parameters" else path if path in SHORT else None


def _refuse_results(paths: Iterable[str]) -> None:
    """Raise when a tool is to give something that nobody but the program executes."""
    for path in paths:
        section, *rest = path.split(".")
        if section == "tool_calls" or rest[1:] in (["result"], ["on_miss"]):
            raise UsageError(
                f"--set {path}: at the wire a program executes its tools itself; change what it "
                "tells a model of their results, with --set llm_calls.N.messages.I=TEXT."
            )


def _check_reachable(path: str, recording: Recording, numbers: Iterable[int]) -> None:
    """Raise when one of these calls is made by a function of the program's own."""
    calls = recording.llm_calls
    if not calls:
        raise UsageError(f"--set {path}: the run asked no model, so there is nothing to change.")
    own = [n for n in numbers if through_of(recording, calls[n - 1]) == "function"]
    is_known = any(through_of(recording, call) in ("wire", *LIBRARIES) for call in calls)
    if own or not is_known:
        raise UsageError(
            f"--set {path}: a program decides itself what it asks, in LLM call "
            f"{own[0] if own else 1} by a function of its own; change the program, have it ask "
            "through record.wrap(litellm.completion), or use --stepwise."
        )


def providers_of(recording: Recording) -> set[str]:
    """Return whom a program asks that can ask no other: at the wire, by LangChain's models."""
    return {model.partition("/")[0] for model in _bound_models(recording) if "/" in model}


def _bound_models(recording: Recording) -> list[str]:
    return [
        call.model
        for call in recording.llm_calls
        if call.model and through_of(recording, call) in ("wire", "langchain")
    ]


def _check_model(model: str, recording: Recording) -> None:
    """Raise when a model is one that the API behind the program does not have."""
    asked, providers = _bound_models(recording), sorted(providers_of(recording))
    has_paths = any(each.count("/") > 1 for each in asked)
    named, slash, _ = model.partition("/")
    if not providers or (named in providers and slash):
        return
    others = " and ".join(providers)
    if slash and not has_paths:
        raise UsageError(
            f"--set model={model}: the program speaks to {others}, and cannot ask {named}; name a "
            f"model as {providers[0]}/NAME, or ask any other one with --stepwise."
        )
    if len(providers) > 1:
        raise UsageError(
            f"--set model={model}: the program asks models of {others}; say whose model it is, as "
            f"{providers[0]}/NAME."
        )


def _check_parameters(plain: Plain, recording: Recording) -> None:
    """Raise when the API that the program speaks has no such parameter."""
    if recording.start.source != AT_THE_WIRE:
        return
    from secondtake.runner.wrap.parameters import recorded_dialect, refusal

    for call in recording.llm_calls:
        dialect = recorded_dialect(call)
        for name in plain.parameters:
            why = refusal(dialect, name) if dialect else None
            if why is not None:
                raise UsageError(f"--set {name}: {why}")
